import Foundation
import ModelFiles
import Testing

/// Settings at the ends of their ranges: a run with any of them ends well and can be read afterwards.
@Suite struct EdgeSettingTests {
    @Test(arguments: [
        "--steps 1", "--steps 2", "--budget 1", "--budget 24", "--initial-rank 32 --budget 384",
        "--warmup-fraction 0 --final-fraction 0", "--allocate-every 100", "--allocate-every 4",
        "--batch-size 1000", "--accumulate 3", "--gradient-clip 0", "--threads 64", "--max-length 3",
        "--max-length 40", "--seed 18446744073709551615", "--targets output", "--importance magnitude",
        "--importance sensitivity-only", "--importance-weights peft", "--orthogonality none",
        "--orthogonality norm", "--initialize gaussian", "--pooling mean", "--pooling first",
        "--schedule cosine", "--schedule constant", "--adapter-dropout 0.99", "--head-dropout 0",
        "--early-stopping 1 --evaluate-every 1 --learning-rate 1e-9",
        "--keep-checkpoints 1 --checkpoint-every 1",
        "--importance task-sensitivity", "--importance random", "--importance singular-value",
        "--importance spectral-sensitivity", "--orthogonality exact",
        "--orthogonality exact --allocate-every 4",
        "--orthogonality exact --importance-weights peft", "--allocator exchange --allocate-every 2",
        "--allocator exchange --allocate-every 2 --orthogonality exact --exchange-share 1",
        "--initialize activation-svd",
        "--initialize activation-svd --orthogonality exact --activation-batches 1",
        "--history-every 3", "--best-metric loss", "--best-metric matthews", "--method lora",
        "--method lora --lora-start pissa", "--method lora --freeze-a on --lora-start activation-svd",
        "--method head --initial-rank 3",
    ])
    func aRunEndsWellAndCanBeRead(settings: String) throws {
        let workspace = try Workspace()
        let more = settings.split(separator: " ").map(String.init)
        let options = settings.hasPrefix("--targets output") ? ["--budget", "3"] : ["--budget", "12"]
        let result = try workspace.run(Workspace.training(steps: 12, options + more))
        #expect(result.status == 0, "\(result.errors.suffix(400))")
        #expect(result.errorLines.isEmpty)
        let end = try #require(try workspace.events("run", "end").last)
        for allocation in try workspace.events("run", "allocation") {
            #expect(allocation["ranks"]?.array?.compactMap(\.int).reduce(0, +) == allocation["budget"]?.int)
        }
        if end["reason"]?.string == "completed", !settings.contains("--method") {
            let budget = more.firstIndex(of: "--budget").flatMap { Int(more[$0 + 1]) } ?? Int(options[1])
            #expect(end["ranks"]?.array?.compactMap(\.int).reduce(0, +) == budget)
        }
        let evaluation = try workspace.run(["evaluate", "run", "--data", "validation.jsonl", "--last"])
        #expect(evaluation.status == 0, "\(evaluation.errors)")
        if !settings.contains("--method head") {
            for command in [["ranks", "run"], ["ranks", "run", "--history"], ["spectrum", "run"]] {
                let report = try workspace.run(command)
                #expect(report.status == 0, "\(command): \(report.errors)")
            }
        }
    }

    /// A run that ended has nothing left to do, also when it stopped early.
    @Test(arguments: [
        "--steps 12", "--steps 200 --early-stopping 1 --evaluate-every 70 --learning-rate 1e-9",
    ])
    func aFinishedRunStaysAsItIs(settings: String) throws {
        let workspace = try Workspace()
        let more = settings.split(separator: " ").map(String.init)
        let run = try workspace.run(Workspace.training(["--budget", "12"] + more))
        try #require(run.status == 0, "\(run.errors.suffix(400))")
        let files =
            ["adapter", "adapter-last"].map { "run/\($0)/adapter_model.safetensors" } + ["run/ranks.csv"]
        let before = try files.map { try workspace.bytes($0) }
        let steps = try workspace.events("run", "step").count
        let result = try workspace.run(["train", "--resume", "run"])
        #expect(result.status == 64, "\(result.errors.suffix(400))")
        #expect(result.errorLines.count == 1)
        #expect(try files.map { try workspace.bytes($0) } == before)
        #expect(try workspace.events("run", "step").count == steps)
    }

    @Test func aMovedRunStillEvaluatesAndResumes() throws {
        let workspace = try Workspace()
        try #require(
            try workspace.run(Workspace.training(["--budget", "12", "--checkpoint-every", "10"])).status == 0)
        let before = try workspace.run(["evaluate", "run", "--data", "validation.jsonl", "--json"])
        let weights = try workspace.bytes("run/adapter-last/adapter_model.safetensors")
        try FileManager.default.moveItem(at: workspace.file("run"), to: workspace.file("moved"))
        let after = try workspace.run(["evaluate", "moved", "--data", "validation.jsonl", "--json"])
        #expect(after.output == before.output)
        let best = try workspace.run(["evaluate", "moved/adapter", "--data", "validation.jsonl", "--json"])
        #expect(best.output == before.output)
        // Back to step 20, as if the run had been cut there.
        try FileManager.default.removeItem(at: workspace.file("moved/checkpoints/step-30"))
        #expect(try workspace.run(["train", "--resume", "moved"]).status == 0)
        #expect(try workspace.bytes("moved/adapter-last/adapter_model.safetensors") == weights)
        #expect(!workspace.exists("run"))
    }

    /// Finite weights whose activations overflow: an error at the first step, not an adapter of NaN.
    @Test func divergenceIsAnError() throws {
        let workspace = try Workspace()
        try workspace.editWeights { info, bytes in
            var bytes = bytes
            if info.name.hasSuffix("encoder.layer.1.output.dense.weight") {
                let huge = withUnsafeBytes(of: Float(3e38).bitPattern.littleEndian) { Array($0) }
                bytes = (0..<info.elementCount).flatMap { _ in huge }
            }
            return TensorToWrite(
                name: info.name, elementType: info.elementType, shape: info.shape, bytes: bytes)
        }
        let result = try workspace.run(Workspace.training(["--budget", "12"]))
        #expect(result.status == 1, "\(result.errors.suffix(400))")
        #expect(result.errorLines.count == 1)
        #expect(result.errors.contains("finite"))
        #expect(!workspace.exists("run/adapter") && !workspace.exists("run/adapter-last"))
        #expect(try workspace.events("run", "end").isEmpty)
    }
}
