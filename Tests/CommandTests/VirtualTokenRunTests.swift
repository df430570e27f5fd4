import Foundation
import GoldenFiles
import ModelFiles
import Testing

/// `--method prefix` and `--method prompt` from training to what may and may not be made of them.
@Suite struct VirtualTokenRunTests {
    private static let few = ["--virtual-tokens", "4", "--checkpoint-every", "10"]

    private func llama() throws -> Workspace {
        let workspace = try Workspace()
        try FileManager.default.copyItem(at: Golden.url("llama/model"), to: workspace.file("llama"))
        let rows = (0..<24).map { "{\"text\": \"the cat sat on the mat \($0 % 5) and ran\"}\n" }
        try workspace.write(rows.joined(), to: "texts.jsonl")
        return workspace
    }

    private static func speaking(_ method: String, output: String, _ more: [String] = []) -> [String] {
        [
            "train", "--model", "llama", "--task", "causal-lm", "--train", "texts.jsonl", "--validation",
            "texts.jsonl", "--output", output, "--steps", "20", "--batch-size", "4", "--max-length", "40",
            "--method", method,
        ] + few + more
    }

    private static let refusals = [
        ["export", "run", "--to", "lora", "--output", "no"],
        ["export", "run", "--to", "merged", "--output", "no"],
        ["export", "run", "--to", "gguf-lora", "--output", "no"],
        ["shrink", "run", "--budget", "7", "--output", "no"],
    ]

    @Test(arguments: ["prefix", "prompt"]) func encodersTrainResumeAndGoOn(_ method: String) throws {
        let workspace = try Workspace()
        let options = ["--method", method, "--learning-rate", "0.02"] + Self.few
        let trained = try workspace.run(Workspace.training(options))
        try #require(trained.status == 0, "\(trained.errors)")
        let note = method == "prefix" ? "PEFT runs no prefix on encoders" : "reads the first virtual token"
        #expect(trained.errors.contains(note) || trained.output.contains(note), "\(trained.errors)")
        let store = try TensorStore(file: workspace.file("run/\(Workspace.lastWeights)"))
        let shape = method == "prefix" ? [4, 2 * 2 * 32] : [4, 32]
        #expect(store.tensor("prompt_embeddings")?.shape == shape)
        #expect(store.tensor("base_model.classifier.weight")?.shape == [3, 32])
        let count = try workspace.events("run", "start").first?["trainableParameters"]?.int
        #expect(count == shape[0] * shape[1] + 3 * 32 + 3)

        let before = try workspace.bytes("run/\(Workspace.lastWeights)")
        try workspace.resumesToTheSameBytes()
        let other = try workspace.run(Workspace.training(output: "other", options + ["--threads", "1"]))
        #expect(other.status == 0)
        #expect(try workspace.bytes("other/\(Workspace.lastWeights)") == before, "the same on one thread")

        let expected = try workspace.loss("run")
        let predicted = try workspace.run(["predict", "run"], input: workspace.text("test.jsonl"))
        #expect(
            predicted.status == 0 && predicted.output.split(separator: "\n").count == 24,
            "\(predicted.errors)")
        let second = try workspace.run(
            Workspace.training(output: "second", steps: 3, ["--method", method, "--from-adapter", "run"]))
        try #require(second.status == 0, "\(second.errors)")
        let start = try #require(try workspace.events("second", "evaluation").first?["loss"]?.double)
        #expect(abs(start - expected) < 1e-3)
        var commands =
            Self.refusals + [
                Workspace.training(output: "no", ["--from-adapter", "run", "--method", "lora"])
            ]
        // Of 40 positions; tokens behind a prefix stay where they are.
        if method == "prompt" {
            commands.append(
                Workspace.training(
                    output: "no", ["--method", "prompt", "--virtual-tokens", "9", "--max-length", "40"]))
        }
        for command in commands {
            let refused = try workspace.run(command)
            #expect(refused.status != 0 && refused.errorLines.count == 1, "\(command): \(refused.errors)")
            #expect(
                refused.errors.contains("\(method)") || refused.errors.contains("virtual tokens"),
                "\(refused.errors)")
            #expect(!workspace.exists("no"))
        }
    }

    /// Mean and first rows are those of the row's own tokens, whatever stands before them, and nothing is told.
    @Test func otherPoolingsReadTheRow() throws {
        let workspace = try Workspace()
        for pooling in ["mean", "first"] {
            let trained = try workspace.run(
                Workspace.training(output: pooling, ["--method", "prompt", "--pooling", pooling] + Self.few))
            #expect(
                trained.status == 0 && !trained.errors.contains("virtual token in place"), "\(trained.errors)"
            )
            _ = try workspace.loss(pooling)
        }
    }

    @Test(arguments: ["prefix", "prompt"]) func languageModelsTrainAndWrite(_ method: String) throws {
        let workspace = try llama()
        let trained = try workspace.run(Self.speaking(method, output: "run", ["--learning-rate", "0.05"]))
        try #require(trained.status == 0, "\(trained.errors)")
        let looks = try workspace.events("run", "evaluation").compactMap { $0["loss"]?.double }
        #expect(looks.count > 1 && (looks.last ?? 9) < (looks.first ?? 0) - 0.1, "\(looks)")
        let before = try workspace.bytes("run/\(Workspace.lastWeights)")
        try FileManager.default.removeItem(at: workspace.file("run/checkpoints/step-20"))
        #expect(try workspace.run(["train", "--resume", "run"]).status == 0)
        #expect(
            try workspace.bytes("run/\(Workspace.lastWeights)") == before, "resuming gives the same bytes")
        let expected = try workspace.loss("run", "texts.jsonl")
        for more in [["--recompute", "layers"], ["--shared-prefix", "off"], ["--precision", "bf16"]] {
            let again = try workspace.run(
                Self.speaking(method, output: "again", ["--learning-rate", "0.05"] + more))
            try #require(again.status == 0, "\(more): \(again.errors)")
            // Sums in another order; in bf16 other products.
            let error = abs(try workspace.loss("again", "texts.jsonl") - expected)
            #expect(error < (more.contains("bf16") ? 0.05 : 1e-3), "\(more): \(error)")
            try FileManager.default.removeItem(at: workspace.file("again"))
        }
        let written = try workspace.run([
            "generate", "run", "--raw", "--prompt", "the cat", "--max-tokens", "6",
        ])
        #expect(written.status == 0 && !written.output.isEmpty, "\(written.errors)")
        let planned = try workspace.run(
            ["plan"] + Self.speaking(method, output: "planned").dropFirst())
        #expect(planned.status == 0, "\(planned.errors)")
        for command in Self.refusals + [
            ["export", "run", "--to", "gguf", "--output", "no.gguf"],
            Self.speaking(method, output: "no", ["--max-length", "64"]),
        ] {
            let refused = try workspace.run(command)
            #expect(refused.status != 0 && refused.errorLines.count == 1, "\(command): \(refused.errors)")
            #expect(
                refused.errors.contains(method) || refused.errors.contains("virtual tokens"),
                "\(refused.errors)")
            #expect(!workspace.exists("no"))
        }
    }

    /// Folders of PEFT's are taken over as they are, and give its logits (`VirtualTokenTrainingTests`).
    @Test(arguments: ["bert-prompt", "bert-prefix"]) func importsPEFTs(_ name: String) throws {
        let workspace = try Workspace()
        try FileManager.default.copyItem(
            at: Golden.url("virtual-tokens/\(name)/adapter"), to: workspace.file("peft"))
        let result = try workspace.run([
            "import", "peft", "--model", "model", "--any-base-name", "--labels", "a,b,c,d", "--output", "own",
        ])
        #expect(result.status == 0, "\(result.errors)")
        let theirs = try TensorStore(file: workspace.file("peft/adapter_model.safetensors"))
        let ours = try TensorStore(file: workspace.file("own/adapter_model.safetensors"))
        for tensor in theirs.tensors {
            #expect(try ours.floats(tensor.name) == theirs.floats(tensor.name))
        }
        let long = try workspace.run([
            "import", "peft", "--model", "model", "--any-base-name", "--labels", "a,b,c,d", "--output",
            "long",
            "--max-length", "40",
        ])
        #expect(
            name == "bert-prefix" ? long.status == 0 : long.errors.contains("virtual tokens"),
            "\(long.errors)")
    }
}
