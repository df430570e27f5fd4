import Foundation
import ModelFiles
import Testing

/// Classification on the tiny decoders, from rows to exports: the head reads last rows, and is what transformers calls
/// `score`.
@Suite struct DecoderClassifierTests {
    struct Model: Sendable, CustomTestStringConvertible {
        let name: String
        let className: String
        let isConv1D: Bool
        var testDescription: String { name }
    }

    static let models = [
        Model(name: "llama", className: "LlamaForSequenceClassification", isConv1D: false),
        Model(name: "gpt2", className: "GPT2ForSequenceClassification", isConv1D: true),
        Model(name: "gpt_neox", className: "GPTNeoXForSequenceClassification", isConv1D: false),
    ]

    private static func workspace(_ model: String) throws -> Workspace {
        let workspace = try Workspace()
        let golden = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Goldens/\(model)/model")
        try FileManager.default.copyItem(at: golden, to: workspace.file("decoder"))
        return workspace
    }

    private static func training(_ output: String, _ more: [String] = []) -> [String] {
        [
            "train", "--model", "decoder", "--task", "classification", "--train", "train.jsonl",
            "--validation",
            "validation.jsonl", "--average-rank", "2", "--epochs", "40", "--max-length", "32", "--output",
            output,
        ] + more
    }

    private static func predictions(_ workspace: Workspace, _ folder: String) throws -> [[Double]] {
        let result = try workspace.run(["predict", folder, "--data", "test.jsonl"])
        try #require(result.status == 0, "\(folder): \(result.errors)")
        return try result.output.split(separator: "\n").map { line in
            let probabilities = try JSONValue.parse(String(line))["probabilities"]
            return Workspace.labels.compactMap { probabilities?[$0]?.double }
        }
    }

    @Test(arguments: models) func learnsAndIsTheSameElsewhere(_ model: Model) throws {
        let workspace = try Self.workspace(model.name)
        let trained = try workspace.run(Self.training("run"))
        try #require(trained.status == 0 && trained.errorLines.isEmpty, "\(trained.errors)")
        let losses = try workspace.events("run", "evaluation").compactMap { $0["loss"]?.double }
        // Of a model that has not learned words, the rows of validation have others: what is kept is the best.
        #expect(try #require(losses.min()) < 0.9 * (try #require(losses.first)), "\(losses)")
        let settings = try String(contentsOf: workspace.file("run/config.yaml"), encoding: .utf8)
        #expect(settings.contains("pooling: last"), "\(settings)")
        let answers = try Self.predictions(workspace, "run")
        #expect(answers.count == 24 && answers.allSatisfy { $0.count == 3 })
        for form in ["lora", "peft-adalora", "merged"] {
            let result = try workspace.run(["export", "run", "--to", form, "--output", form])
            try #require(result.status == 0 && result.errorLines.isEmpty, "\(form): \(result.errors)")
            let again = try Self.predictions(workspace, form)
            let worst = zip(answers.joined(), again.joined()).reduce(0) { max($0, abs($1.0 - $1.1)) }
            // Updates that are added to weights before the product, rounded to Float32.
            #expect(worst < 1e-4, "\(form): \(worst)")
        }
        let config = try JSONValue.read(workspace.file("lora/adapter_config.json"))
        #expect(config["task_type"]?.string == "SEQ_CLS")
        #expect(config["modules_to_save"]?.array?.compactMap(\.string) == ["score"])
        #expect(config["fan_in_fan_out"]?.bool == model.isConv1D)
        let merged = try JSONValue.read(workspace.file("merged/config.json"))
        #expect(merged["architectures"]?.array?.compactMap(\.string) == [model.className])
        let names = try TensorStore(modelFolder: workspace.file("merged")).tensors.map(\.name)
        #expect(names.contains("score.weight") && !names.contains("score.bias"))
        #expect(!names.contains("lm_head.weight") && !names.contains("embed_out.weight"))
    }

    /// Poolings and tasks that such a model cannot have are said in one line.
    @Test func whatDoesNotFitIsRefused() throws {
        let workspace = try Self.workspace("gpt2")
        for (more, problem) in [
            (["--pooling", "pooler"], "a decoder has no pooler"),
            (["--pooling", "first"], "its first row sees nothing of the others"),
            (["--model", "model", "--pooling", "last"], "the last row of an encoder"),
        ] {
            let result = try workspace.run(Self.training("none", more))
            #expect(result.status != 0 && result.errors.contains(problem), "\(result.errors)")
        }
    }

    /// The mean is for adalora alone: merging is refused, and names what transformers' class reads.
    @Test func theMean() throws {
        let workspace = try Self.workspace("gpt2")
        let trained = try workspace.run(Self.training("run", ["--pooling", "mean"]))
        try #require(trained.status == 0, "\(trained.errors)")
        let merged = try workspace.run(["export", "run", "--to", "merged", "--output", "merged"])
        #expect(merged.status != 0 && merged.errors.contains("train with --pooling last"), "\(merged.errors)")
    }
}
