import Foundation
import ModelFiles
import Testing

/// Run folders that the program of commit 2c4d924 wrote, before its records, weights and methods moved, are read as
/// that program read them. scripts/goldens/README.md says how they were made.
@Suite struct OlderRunTests {
    /// Losses as that program's `evaluate` gave them; another CPU's kernels add in another order.
    static let losses: [(run: String, step: Int, loss: Double)] = [
        ("adalora-exact", 90, 2.476824124090504), ("adalora-exchange", 90, 0.9723145422172087),
        ("adalora-penalty", 90, 1.237511386123426), ("lora", 45, 2.381484688481622),
        ("head", 45, 1.049634577714613), ("full", 45, 0.6799793945869483),
    ]

    private static func workspace() throws -> Workspace {
        let workspace = try Workspace()
        let golden = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Goldens/runs")
        for name in losses.map(\.run) + ["train.jsonl", "validation.jsonl", "test.jsonl", "model/vocab.txt"] {
            let target = workspace.file(name)
            try? FileManager.default.removeItem(at: target)
            try FileManager.default.copyItem(at: golden.appendingPathComponent(name), to: target)
        }
        return workspace
    }

    @Test func theirAnswersAreTheSame() throws {
        let workspace = try Self.workspace()
        for (run, step, loss) in Self.losses {
            let result = try workspace.run(
                ["evaluate", run, "--model", "model", "--data", "test.jsonl", "--threads", "1", "--json"])
            try #require(result.status == 0, "\(run): \(result.errors)")
            let found = try JSONValue.parse(result.output)
            #expect(found["step"]?.int == step, "\(run)")
            let value = try #require(found["loss"]?.double)
            #expect(abs(value - loss) < 1e-5 * loss, "\(run): \(value), not \(loss)")
        }
    }

    @Test func theirRecordsAreRead() throws {
        let workspace = try Self.workspace()
        for run in ["adalora-exact", "adalora-exchange", "adalora-penalty", "lora"] {
            for arguments in [["ranks", run, "--history"], ["spectrum", run]] {
                let result = try workspace.run(arguments)
                #expect(result.status == 0 && !result.output.isEmpty, "\(arguments): \(result.errors)")
            }
        }
        let page = try workspace.run(
            ["report", "--output", "report.html"] + Self.losses.map(\.run))
        #expect(page.status == 0, "\(page.errors)")
        #expect(try workspace.text("report.html").contains("adalora-exchange"))
    }

    /// Their adapters name the base by a fingerprint of another form.
    @Test func otherBaseWeightsAreRefused() throws {
        let workspace = try Self.workspace()
        try workspace.editWeights { info, bytes in
            var bytes = bytes
            if info.name.hasSuffix("pooler.dense.bias") { bytes[0] ^= 1 }
            return TensorToWrite(
                name: info.name, elementType: info.elementType, shape: info.shape, bytes: bytes)
        }
        let result = try workspace.run(
            ["evaluate", "lora", "--model", "model", "--data", "test.jsonl", "--threads", "1"])
        #expect(result.status == 65 && result.errors.contains("other base weights"), "\(result.errors)")
    }

    /// On the kernels that it was trained on, to the same bytes; elsewhere it is refused for these by name, and for
    /// nothing else: model and rows are those that it recorded.
    @Test func aCheckpointGoesOnExactlyOrIsRefused() throws {
        let workspace = try Self.workspace()
        let files = ["ranks.csv", "triplets.jsonl"].map { "adalora-exact/\($0)" }
        let before = try files.map(workspace.bytes)
        let result = try workspace.run(["train", "--resume", "adalora-exact"])
        guard result.status == 0 else {
            let isNamed =
                result.errors.contains("cannot resume exactly: the kernels that this CPU")
                && result.errors.contains("which round differently, changed since the checkpoint")
            #expect(result.status == 65 && isNamed, "\(result.errors)")
            return
        }
        #expect(try files.map(workspace.bytes) == before)
    }
}
