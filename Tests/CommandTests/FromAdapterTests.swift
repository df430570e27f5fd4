import Foundation
import ModelFiles
import Testing

/// `adalora train --from-adapter`: the run starts where the adapter is.
@Suite struct FromAdapterTests {
    private func trained(_ more: [String]) throws -> Workspace {
        let workspace = try Workspace()
        // At this rate the tiny model learns enough to tell its adapter from none.
        let enough = ["--learning-rate", "2e-2", "--importance", "spectral-sensitivity"]
        let result = try workspace.run(Workspace.training(output: "first", steps: 60, more + enough))
        try #require(result.status == 0, "\(result.errors)")
        return workspace
    }

    /// The loss that a run reports before its first step.
    private func start(_ workspace: Workspace, _ more: [String], output: String = "second") throws -> Double {
        let result = try workspace.run(Workspace.training(output: output, steps: 10, more))
        try #require(result.status == 0, "\(result.errors)")
        let first = try #require(try workspace.events(output, "evaluation").first)
        #expect(first["step"]?.int == 0 && first["isBest"]?.bool == false)
        return try #require(first["loss"]?.double)
    }

    /// Float32 rounding of a re-factorization, in a mean loss of about 1.
    @Test(arguments: [
        (["--budget", "20"], ["--budget", "10"]),
        (["--budget", "20"], ["--method", "lora"]),
        (["--method", "lora", "--average-rank", "2"], ["--budget", "30", "--scale", "0.5"]),
        (["--method", "lora", "--average-rank", "2", "--scale", "2"], ["--method", "lora"]),
        (["--budget", "20"], ["--budget", "40", "--allocator", "exchange", "--allocate-every", "2"]),
        (["--method", "lora", "--average-rank", "2"], ["--average-rank", "2", "--orthogonality", "exact"]),
        (["--budget", "20", "--pooling", "mean"], ["--budget", "20", "--pooling", "mean"]),
    ])
    func stepZeroIsTheAdapter(first: [String], second: [String]) throws {
        let workspace = try trained(first)
        let expected = try workspace.loss("first")
        // A fresh head gives about ln 3 = 1.0986.
        try #require(expected < 1)
        #expect(abs(try start(workspace, ["--from-adapter", "first"] + second) - expected) < 1e-5)
        #expect(try workspace.text("second/config.yaml").contains("\nfrom-adapter: first\n"))
        #expect(try workspace.run(["evaluate", "second", "--data", "validation.jsonl"]).status == 0)
    }

    /// The adapter's rank stays at least where it was at the start, and a small budget prunes it.
    @Test func theScheduleStartsAtTheAdaptersRanks() throws {
        let workspace = try trained(["--budget", "40"])
        let held = try #require(try workspace.events("first", "end").last?["ranks"]?.array?.compactMap(\.int))
        _ = try start(workspace, ["--from-adapter", "first", "--budget", "12", "--initial-rank", "1"])
        let totals = try workspace.rankTotals("second")
        #expect(totals.first?.total == held.reduce(0) { $0 + max($1, 1) })
        #expect(totals.last?.total == 12)
    }

    /// Exported and zero-padded, or taken from PEFT's own hands.
    @Test func otherFoldersOfTheSameAdapter() throws {
        let workspace = try trained(["--budget", "20"])
        let expected = try workspace.loss("first")
        for (name, form) in [("lora", ["--to", "lora"]), ("peft", ["--to", "peft-adalora"])] {
            try #require(try workspace.run(["export", "first", "--output", name] + form).status == 0)
            // Without labels and fingerprint it is what PEFT writes.
            try FileManager.default.removeItem(at: workspace.file("\(name)/adalora.json"))
            let result = try workspace.run(
                Workspace.training(
                    output: "from-\(name)", steps: 5, ["--from-adapter", name, "--budget", "20"]))
            try #require(result.status == 0, "\(result.errors)")
            #expect(result.errors.contains("names no labels; its 3 outputs"), "\(result.errors)")
            let first = try #require(
                try workspace.events("from-\(name)", "evaluation").first?["loss"]?.double)
            #expect(abs(first - expected) < 1e-5)
        }
        // Padding is no rank to go on with.
        _ = try start(workspace, ["--from-adapter", "lora", "--method", "lora"])
        #expect(try workspace.rankTotals("second").allSatisfy { $0.total == 20 })
    }

    @Test func headsAndLabels() throws {
        let workspace = try trained(["--budget", "20"])
        try workspace.write(
            try workspace.text("train.jsonl").replacingOccurrences(of: "neutral", with: "flat"),
            to: "other.jsonl")
        let arguments = Workspace.training(
            output: "second", steps: 5, train: "other.jsonl", validation: nil,
            ["--from-adapter", "first", "--budget", "20"])
        let refused = try workspace.run(arguments)
        #expect(refused.status == 65 && refused.errorLines.count == 1)
        for word in ["only in the rows flat", "only in the adapter neutral", "--head-start fresh"] {
            #expect(refused.errors.contains(word), "\(refused.errors)")
        }
        #expect(!workspace.exists("second"))
        let fresh = try workspace.run(arguments + ["--head-start", "fresh"])
        try #require(fresh.status == 0, "\(fresh.errors)")
        let description = try JSONValue.read(workspace.file("second/adapter/adalora.json"))
        #expect(description["labels"]?.array?.compactMap(\.string) == ["flat", "negative", "positive"])
    }

    /// The labels' order is the adapter's, whatever the rows' own would be.
    @Test func labelsKeepTheAdaptersOrder() throws {
        let workspace = try trained(["--budget", "20"])
        try #require(
            try workspace.run(["export", "first", "--to", "peft-adalora", "--output", "peft"]).status == 0)
        try FileManager.default.removeItem(at: workspace.file("peft/adalora.json"))
        try #require(
            try workspace.run([
                "import", "peft", "--model", "model", "--labels", "positive,negative,neutral", "--output",
                "mine",
            ]).status == 0)
        let expected = try workspace.loss("mine")
        #expect(abs(try start(workspace, ["--from-adapter", "mine", "--budget", "20"]) - expected) < 1e-5)
        let labels = try JSONValue.read(workspace.file("second/adapter/adalora.json"))["labels"]
        #expect(labels?.array?.compactMap(\.string) == ["positive", "negative", "neutral"])
    }

    @Test func aResumedRunNeedsTheSameAdapter() throws {
        let workspace = try trained(["--budget", "20"])
        let options =
            ["--from-adapter", "first/adapter", "--budget", "12", "--batch-size", "60", "--threads", "1"]
            + ["--checkpoint-every", "10", "--evaluate-every", "1000"]
        try #require(
            try workspace.run(Workspace.training(output: "whole", steps: 1000, options)).status == 0)
        let running = try workspace.start(Workspace.training(output: "cut", steps: 1000, options))
        while !workspace.exists("cut/checkpoints/step-20") && running.isRunning { usleep(1000) }
        running.send(SIGINT)
        try #require(try running.finish().status == 130)
        // Changed by somebody who knows what the manifest is for.
        try FileManager.default.removeItem(at: workspace.file("first/adapter/manifest.json"))
        let file = workspace.file("first/adapter/adapter_config.json")
        let config = try Data(contentsOf: file)
        try (config + Data(" ".utf8)).write(to: file)
        let changed = try workspace.run(["train", "--resume", "cut"])
        #expect(changed.status == 65 && changed.errors.contains("the starting adapter's adapter_config.json"))
        try config.write(to: file)
        try #require(try workspace.run(["train", "--resume", "cut"]).status == 0)
        for name in ["adapter-last/adapter_model.safetensors", "ranks.csv"] {
            #expect(try workspace.bytes("cut/\(name)") == workspace.bytes("whole/\(name)"), "\(name)")
        }
    }

    @Test(arguments: [
        (["--method", "head"], 64, "has no adapters to start with"),
        (["--budget", "20", "--initialize", "activation-svd"], 64, "from-adapter gives"),
        (["--budget", "20", "--targets", "query"], 64, "which --targets leaves out"),
        (["--budget", "20", "--pooling", "mean"], 64, "reads --pooling pooler"),
        (["--budget", "20", "--task", "regression"], 64, "was trained for classification"),
        (["--budget", "12", "--allocator", "exchange"], 64, "prunes nothing"),
        (["--budget", "20", "--from-adapter", "model"], 66, "adapter_config.json"),
        (["--budget", "200", "--initial-rank", "2"], 64, "is more than the"),
        ([], 64, "budget: missing"),
    ])
    func whatCannotBeStarted(options: [String], status: Int32, message: String) throws {
        let workspace = try trained(["--budget", "20"])
        let result = try workspace.run(
            Workspace.training(output: "second", ["--from-adapter", "first"] + options))
        #expect(result.status == status && result.errors.contains(message), "\(result.errors)")
        #expect(result.errorLines.count == 1 && !workspace.exists("second"))
    }

    /// As it is before any training, an adapter would only look like one to go on from.
    @Test func anUntrainedAdapterIsRefused() throws {
        let workspace = try trained(["--method", "lora", "--average-rank", "1"])
        try FileManager.default.removeItem(at: workspace.file("first/adapter/manifest.json"))
        let file = workspace.file("first/adapter/adapter_model.safetensors")
        try workspace.editTensors(file) { info, bytes in
            let isB = info.name.hasSuffix("lora_B.weight")
            return TensorToWrite(
                name: info.name, elementType: info.elementType, shape: info.shape,
                bytes: isB ? bytes.map { _ in 0 } : bytes)
        }
        let result = try workspace.run(
            Workspace.training(output: "second", ["--from-adapter", "first", "--method", "lora"]))
        #expect(result.status == 65 && result.errors.contains("update is 0"), "\(result.errors)")
        let cut = try workspace.run(["shrink", "first", "--budget", "3", "--output", "cut"])
        #expect(cut.status == 65 && cut.errors.contains("nothing to keep"), "\(cut.errors)")
    }
}
