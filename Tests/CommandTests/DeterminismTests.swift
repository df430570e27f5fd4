import Foundation
import ModelFiles
import Testing

/// Runs that must give the same bytes: other thread counts, and runs that were cut and resumed.
@Suite struct DeterminismTests {
    static let volatile: Set<String> = ["seconds", "threads", "peakMemoryBytes", "date"]

    @Test(arguments: [
        "", "--orthogonality exact", "--allocator exchange --allocate-every 4", "--initialize activation-svd",
        "--initialize lora",
    ])
    func threadsDoNotChangeAByte(more: String) throws {
        let workspace = try Workspace()
        let options =
            ["--budget", "12", "--learning-rate", "0.01", "--adapter-dropout", "0.1"]
            + more.split(separator: " ").map(String.init)
        for threads in ["1", "2"] {
            let run = Workspace.training(output: "run-\(threads)", options + ["--threads", threads])
            let result = try workspace.run(run)
            try #require(result.status == 0, "\(result.errors)")
        }
        for folder in ["adapter", "adapter-last"] {
            for file in ["adapter_model.safetensors", "adapter_config.json", "adalora.json"] {
                let one = try workspace.bytes("run-1/\(folder)/\(file)")
                #expect(one == (try workspace.bytes("run-2/\(folder)/\(file)")), "\(folder)/\(file)")
            }
        }
        for file in ["ranks.csv", "triplets.jsonl"] {
            #expect(try workspace.bytes("run-1/\(file)") == workspace.bytes("run-2/\(file)"), "\(file)")
        }
        let events = try ["run-1", "run-2"].map { try workspace.events($0).map { $0.without(Self.volatile) } }
        #expect(events[0] == events[1])
        #expect(events[0].count > 30)
    }

    /// Adapters, ranks and losses of a run that computes its layers twice, and of one that lays its weights out anew each time.
    @Test(arguments: ["adalora", "full"]) func recomputingDoesNotChangeAByte(method: String) throws {
        let workspace = try Workspace()
        let options =
            method == "full"
            ? ["--method", "full"]
            : ["--budget", "12", "--learning-rate", "0.01", "--adapter-dropout", "0.1"]
        let choices = ["none", "layers", "all"] + (method == "full" ? [] : ["weights"])
        for choice in choices {
            let run = Workspace.training(
                output: "run-\(choice)", steps: 20, options + ["--recompute", choice])
            let result = try workspace.run(run)
            try #require(result.status == 0, "\(result.errors)")
        }
        let weights = method == "full" ? "model-last/model" : "adapter-last/adapter_model"
        let runs = choices.map { "run-\($0)" }
        let bytes = try runs.map { try workspace.bytes("\($0)/\(weights).safetensors") }
        #expect(bytes.allSatisfy { $0 == bytes[0] })
        let losses = try runs.map { run in try workspace.events(run).compactMap { $0["loss"]?.double } }
        #expect(losses.allSatisfy { $0 == losses[0] } && losses[0].count >= 20)
    }

    /// Rows of frozen layers kept, made again, kept in part; by one thread and two, and by a run that goes on.
    @Test(arguments: ["head", "lora"]) func keptRowsDoNotChangeAByte(method: String) throws {
        let workspace = try Workspace()
        let roles = ["query", "key", "value", "attention-output", "intermediate", "output"]
        let ranks = roles.flatMap { role in (0...1).map { "\"layer.\($0).\(role)\": \($0 * 2)" } }
        try workspace.write("{\(ranks.joined(separator: ", "))}", to: "pattern.json")
        let options =
            ["--method", method, "--checkpoint-every", "10"]
            + (method == "head" ? [] : ["--rank-pattern", "pattern.json", "--adapter-dropout", "0.1"])
        for (size, threads) in [("off", "1"), ("auto", "2"), ("3k", "1")] {
            let result = try workspace.run(
                Workspace.training(
                    output: "run-\(size)", options + ["--frozen-cache", size, "--threads", threads]))
            try #require(result.status == 0, "\(result.errors)")
            let note = "\(method == "head" ? "all layers are" : "layer 0 is") frozen: what "
            #expect(result.errors.contains(note) == (size != "off"), "\(result.errors)")
            #expect(result.errors.contains(" % of the rows is kept") == (size == "3k"), "\(result.errors)")
        }
        // Back to step 20, as if the run had been cut there; then it goes on without a cache.
        try FileManager.default.copyItem(at: workspace.file("run-auto"), to: workspace.file("cut"))
        let resumed = try workspace.run(
            ["train", "--resume", "cut/checkpoints/step-20", "--frozen-cache", "off"])
        try #require(resumed.status == 0, "\(resumed.errors)")
        let weights = "adapter-last/adapter_model.safetensors"
        let bytes = try ["run-off", "run-auto", "run-3k", "cut"].map {
            try workspace.bytes("\($0)/\(weights)")
        }
        #expect(bytes.allSatisfy { $0 == bytes[0] })
        let losses = try ["run-off", "run-auto", "run-3k", "cut"].map { run in
            try workspace.events(run).compactMap { $0["loss"]?.double }
        }
        #expect(losses.allSatisfy { $0 == losses[0] } && losses[0].count >= 30)
        let plan = try workspace.run(
            ["plan"] + Workspace.training(output: "none", options).dropFirst())
        #expect(plan.output.contains("rows of frozen layers"), "\(plan.output) \(plan.errors)")
    }

    @Test func anotherSeedGivesAnotherRun() throws {
        let workspace = try Workspace()
        for seed in ["1", "2"] {
            let run = Workspace.training(output: "run-\(seed)", steps: 5, ["--budget", "12", "--seed", seed])
            #expect(try workspace.run(run).status == 0)
        }
        let weights = "adapter-last/adapter_model.safetensors"
        #expect(try workspace.bytes("run-1/\(weights)") != workspace.bytes("run-2/\(weights)"))
    }

    /// Cut in the warm-up (Ctrl-C), amid pruning (killed, so steps since the last checkpoint happen again),
    /// and after the compaction (Ctrl-C), then finished.
    @Test(arguments: [
        "--budget 12", "--budget 12 --importance spectral-sensitivity --initialize activation-svd",
        "--budget 20 --allocator exchange", "--budget-parameters 1k", "--budget 12 --initialize lora",
    ])
    func aResumedRunGivesTheSameBytes(more: String) throws {
        let workspace = try Workspace()
        let options =
            ["--checkpoint-every", "10", "--batch-size", "60", "--threads", "1"]
            + ["--evaluate-every", "100", "--adapter-dropout", "0.1"]
            + more.split(separator: " ").map(String.init)
        let whole = try workspace.run(Workspace.training(output: "whole", steps: 1000, options))
        try #require(whole.status == 0, "\(whole.errors)")

        var arguments = Workspace.training(output: "cut", steps: 1000, options)
        for (signal, step) in [(SIGINT, 20), (SIGKILL, 255), (SIGUSR1, 700)] {
            let result = try cut(workspace, arguments, signal, afterStep: step)
            #expect(result.status == 128 + signal, "\(result.errors)")
            #expect(!workspace.exists("cut/adapter-last"))
            if signal != SIGKILL {
                #expect(try workspace.events("cut", "end").last?["reason"]?.string == "interrupted")
                #expect(result.errors.contains("train --resume cut"))
            }
            arguments = ["train", "--resume", "cut"]
        }
        let resumed = try workspace.run(arguments)
        try #require(resumed.status == 0, "\(resumed.errors)")

        for folder in ["adapter", "adapter-last"] {
            for name in ["adapter_model.safetensors", "adapter_config.json", "adalora.json"] {
                let file = "\(folder)/\(name)"
                #expect(try workspace.bytes("cut/\(file)") == workspace.bytes("whole/\(file)"), "\(file)")
            }
        }
        for file in ["ranks.csv", "triplets.jsonl"] {
            #expect(try workspace.bytes("cut/\(file)") == workspace.bytes("whole/\(file)"), "\(file)")
        }
        let kinds: Set<String> = ["step", "allocation", "compaction", "evaluation"]
        let events = try ["cut", "whole"].map {
            try workspace.events($0).filter { kinds.contains($0["event"]?.string ?? "") }
                .map { $0.without(Self.volatile) }
        }
        #expect(events[0] == events[1])
        #expect(try workspace.events("cut", "start").count == 4)
        #expect(try workspace.run(["ranks", "cut", "--history"]).status == 0)
    }

    /// Sends the signal once the step stands in the events.
    private func cut(
        _ workspace: Workspace, _ arguments: [String], _ signal: Int32, afterStep step: Int
    ) throws -> CommandResult {
        let command = try workspace.start(arguments)
        let sign = Data("\"event\":\"step\",\"step\":\(step),".utf8)
        while command.isRunning {
            // The file is absent until the run has checked its inputs.
            let events = (try? workspace.bytes("cut/events.jsonl")) ?? Data()
            if events.range(of: sign) != nil { break }
            usleep(2000)
        }
        try #require(command.isRunning, "the run ended before step \(step) was seen")
        command.send(signal)
        return try command.finish()
    }

    @Test func aChangedRunIsNotResumed() throws {
        let workspace = try Workspace()
        let arguments = Workspace.training(["--budget", "12", "--checkpoint-every", "10"])
        try #require(try workspace.run(arguments).status == 0)
        // Back to step 20, as if the run had been cut there.
        try FileManager.default.removeItem(at: workspace.file("run/checkpoints/step-30"))
        let before = try workspace.bytes("run/events.jsonl")

        func expectRefusal(_ more: [String], _ status: Int32, _ mention: String) throws {
            let result = try workspace.run(["train", "--resume", "run"] + more)
            #expect(result.status == status, "\(more): \(result.errors)")
            #expect(result.errorLines.count == 1)
            #expect(result.errors.contains(mention), "\(result.errors)")
            #expect(try workspace.bytes("run/events.jsonl") == before)
        }
        try expectRefusal(["--learning-rate", "0.5"], 64, "learning-rate")
        try expectRefusal(["--output", "other"], 64, "--output")
        let data = try workspace.text("train.jsonl")
        try workspace.write(data.replacingOccurrences(of: "film", with: "song"), to: "train.jsonl")
        try expectRefusal([], 65, "train")
        try workspace.write(data, to: "train.jsonl")
        try workspace.editWeights { info, bytes in
            var bytes = bytes
            if info.name.hasSuffix("embeddings.word_embeddings.weight") { bytes[0] ^= 1 }
            return TensorToWrite(
                name: info.name, elementType: info.elementType, shape: info.shape, bytes: bytes)
        }
        try expectRefusal([], 65, "base model")
    }

    /// Kernels for another CPU round differently.
    @Test func aRunOnOtherKernelsIsNotResumed() throws {
        let workspace = try Workspace()
        let arguments = Workspace.training(["--budget", "12", "--checkpoint-every", "10"])
        try #require(try workspace.run(arguments).status == 0)
        let resumed = try RunningCommand(
            ["train", "--resume", "run/checkpoints/step-20"], in: workspace.url,
            environment: ["OPENBLAS_CORETYPE": "Prescott"]
        ).finish()
        #expect(
            resumed.status == 65 && resumed.errors.contains("the kernels that this CPU"), "\(resumed.errors)")
    }

    @Test func aRunWithoutCheckpointIsNotResumed() throws {
        let workspace = try Workspace()
        try #require(try workspace.run(Workspace.training(["--budget", "12"])).status == 0)
        let checkpoints = workspace.file("run/checkpoints")
        try FileManager.default.removeItem(at: checkpoints.appendingPathComponent("step-30"))
        let result = try workspace.run(["train", "--resume", "run"])
        #expect(result.status == 66)
        #expect(result.errorLines.count == 1)
        #expect(try workspace.run(["train", "--resume", "missing"]).status == 66)
    }

    /// A newest checkpoint that was damaged is skipped with a warning, and the one before gives the same end.
    @Test func aDamagedCheckpointIsSkipped() throws {
        let workspace = try Workspace()
        let arguments = Workspace.training(["--budget", "12", "--checkpoint-every", "10"])
        try #require(try workspace.run(arguments).status == 0)
        let weights = "run/adapter-last/adapter_model.safetensors"
        let before = try workspace.bytes(weights)
        let state = "run/checkpoints/step-30/state.safetensors"
        try workspace.bytes(state).dropLast(100).write(to: workspace.file(state))
        let result = try workspace.run(["train", "--resume", "run"])
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.errors.contains("warning: checkpoint step-30 is skipped and set aside"))
        #expect(workspace.exists("run/checkpoints/skipped-step-30/state.json"))
        #expect(try workspace.bytes(weights) == before)
    }
}
