import Foundation
import ModelFiles
import Testing

/// A short run and what it leaves, to hold cut and resumed runs of the same settings against.
final class CrashScene {
    let workspace: Workspace
    let arguments: [String]
    /// File by path, of the run that was never stopped.
    let expected: [String: Data]

    /// 12 steps with every kind of file written on the way: checkpoints, a best adapter, logs.
    static let usual = [
        "--budget", "12", "--checkpoint-every", "3", "--keep-checkpoints", "2", "--evaluate-every", "4",
        "--threads", "1",
        "--best-metric", "loss",
    ]

    convenience init(_ options: [String] = CrashScene.usual, steps: Int = 12) throws {
        try self.init(Workspace()) { Workspace.training(output: $0, steps: steps, options) }
    }

    /// - Parameter training: arguments of the run, by its folder.
    init(_ workspace: Workspace, training: (_ output: String) -> [String]) throws {
        self.workspace = workspace
        arguments = training("run")
        let whole = try workspace.run(training("whole"))
        try #require(whole.status == 0, "\(whole.errors)")
        expected = try Self.results(workspace, "whole")
    }

    private static let recordFiles: Set = ["ranks.csv", "triplets.jsonl", "classes.json", "samples.jsonl"]

    /// Everything that may not depend on where a run was cut: adapters, ranks, triplets, classes, answers to prompts, and
    /// events without times.
    private static func results(_ workspace: Workspace, _ run: String) throws -> [String: Data] {
        var files: [String: Data] = [:]
        for name in try workspace.contents(of: run) {
            let isAdapter = name.hasPrefix("adapter") || name.hasPrefix("model")
            var isFolder: ObjCBool = false
            _ = FileManager.default.fileExists(
                atPath: workspace.file("\(run)/\(name)").path, isDirectory: &isFolder)
            if (isAdapter || recordFiles.contains(name)) && !isFolder.boolValue {
                files[name] = try workspace.bytes("\(run)/\(name)")
            }
        }
        let kinds: Set<String> = ["step", "allocation", "compaction", "evaluation"]
        let lines = try workspace.events(run).filter { kinds.contains($0["event"]?.string ?? "") }
            .map { $0.without(DeterminismTests.volatile).text() }
        files["events"] = Data(lines.joined(separator: "\n").utf8)
        return files
    }

    /// Paths whose bytes differ from those of the run that was never stopped.
    func differences(_ run: String = "run") throws -> [String] {
        let found = try Self.results(workspace, run)
        return Set(found.keys).union(expected.keys).filter { found[$0] != expected[$0] }.sorted()
    }

    /// Folders of the run that are not as they were written; each should be the old or the new one at any time.
    func damaged(_ run: String = "run") -> [String] {
        let url = workspace.file(run)
        func names(_ folder: URL) -> [URL] {
            (try? FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)) ?? []
        }
        let folders =
            names(url.appendingPathComponent("checkpoints")).filter {
                $0.lastPathComponent.hasPrefix("step-")
            }
            + names(url).filter { ["adapter", "adapter-last"].contains($0.lastPathComponent) }
        return folders.filter { !$0.lastPathComponent.contains(".partial-") }.compactMap { folder in
            do {
                try FolderManifest.check(folder, advice: "")
                return nil
            } catch {
                return "\(error)"
            }
        }
    }

    /// Goes on from wherever `run` was left, or begins it again where it never got as far as a checkpoint, to its end.
    func finish() throws {
        guard try hasCheckpoint() else {
            let resumed = try workspace.run(["train", "--resume", "run"])
            #expect(resumed.status == 66 && resumed.errorLines.count == 1, "\(resumed.errors)")
            try? FileManager.default.removeItem(at: workspace.file("run"))
            let again = try workspace.run(arguments)
            try #require(again.status == 0, "\(again.errors)")
            return
        }
        let resumed = try workspace.run(["train", "--resume", "run"])
        // Killed after all was written: nothing is left to do.
        let isEnded = resumed.status == 64 && resumed.errors.contains("nothing to resume")
        try #require(resumed.status == 0 || isEnded, "\(resumed.errors)")
        #expect(!resumed.errors.contains("is skipped"), "\(resumed.errors)")
    }

    func hasCheckpoint() throws -> Bool {
        guard workspace.exists("run/checkpoints") else { return false }
        return try FileManager.default.contentsOfDirectory(atPath: workspace.file("run/checkpoints").path)
            .contains { $0.hasPrefix("step-") && !$0.contains(".partial-") }
    }

    func clear() throws {
        if workspace.exists("run") { try FileManager.default.removeItem(at: workspace.file("run")) }
    }

    /// How often a test repeats: `ADALORA_CRASH_TESTS` times its short version, which runs without it.
    static let rounds = ProcessInfo.processInfo.environment["ADALORA_CRASH_TESTS"].flatMap { Int($0) } ?? 1
}
