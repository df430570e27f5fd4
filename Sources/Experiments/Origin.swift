import BuildFacts
import Foundation

/// Where results were made.
package struct Origin: Sendable {
    package let machine: String
    package let commit: String

    package init() {
        machine = "\(Self.cpuName), \(ProcessInfo.processInfo.activeProcessorCount) cores"
        let built = Build.commit
        // Of the checkout that this binary was built in and stands in; installed programs stand elsewhere.
        let isHere = built != "unknown" && Self.git("rev-parse", "HEAD") == built
        let changes = isHere ? Self.git("status", "--porcelain", "--untracked-files=no") : nil
        commit = String(built.prefix(12)) + (changes.map { $0.isEmpty ? "" : ", changed" } ?? "")
    }

    private static func git(_ arguments: String...) -> String? {
        let process = Process()
        let pipe = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        // Where this binary stands, not where it was called.
        let binary = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? "/"
        process.arguments =
            ["git", "-C", URL(fileURLWithPath: binary).deletingLastPathComponent().path] + arguments
        process.standardOutput = pipe
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return nil }
        let data = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { return nil }
        return String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// As Linux names it; "unknown" where it does not.
    package static var cpuName: String {
        let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix("model name") }
        return line?.split(separator: ":").last?.trimmingCharacters(in: .whitespaces) ?? "unknown"
    }
}
