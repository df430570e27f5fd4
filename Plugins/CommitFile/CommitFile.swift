import Foundation
import PackagePlugin

/// Writes the commit of the checkout into a source file of the target. Git's log of HEAD is the input of the command: it runs
/// again when another commit is checked out or made, and no other build is delayed.
@main struct CommitFile: BuildToolPlugin {
    private static let script = #"""
        # Not that of another repository around this folder.
        commit=unknown
        if [ "$(git -C "$1" rev-parse --show-prefix 2>/dev/null || echo none)" = "" ]; then
            commit=$(git -C "$1" rev-parse HEAD 2>/dev/null) || commit=unknown
        fi
        printf 'extension Build { package static var commit: String { "%s" } }\n' "$commit" >"$2"
        """#

    func createBuildCommands(context: PluginContext, target: Target) throws -> [Command] {
        let folder = context.package.directoryURL
        let file = context.pluginWorkDirectoryURL.appendingPathComponent("Commit.swift")
        return [
            .buildCommand(
                displayName: "Writing the commit of this checkout",
                executable: URL(fileURLWithPath: "/bin/sh"),
                arguments: ["-c", Self.script, "sh", folder.path, file.path],
                inputFiles: Self.headLog(folder).map { [$0] } ?? [], outputFiles: [file])
        ]
    }

    /// Of a worktree it stands elsewhere; nil where there is none.
    private static func headLog(_ folder: URL) -> URL? {
        let process = Process()
        let pipe = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["git", "-C", folder.path, "rev-parse", "--git-path", "logs/HEAD"]
        process.standardOutput = pipe
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return nil }
        let data = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        let path = String(decoding: data, as: UTF8.self).trimmingCharacters(in: .newlines)
        let log = URL(fileURLWithPath: path, relativeTo: folder.appendingPathComponent("", isDirectory: true))
        return process.terminationStatus == 0 && FileManager.default.fileExists(atPath: log.path)
            ? log.absoluteURL : nil
    }
}
