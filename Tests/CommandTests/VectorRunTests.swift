import Foundation
import GoldenFiles
import ModelFiles
import Testing

/// `--method ia3`, `bitfit` and `norms` from training to what may and may not be made of it.
@Suite struct VectorRunTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let options: [String]
        /// `peft_type`, and how many numbers train beside the head of the tiny BERT (2 layers, width 32, 64 inside)
        let type: String
        let parameters: Int
        let refused: String
        var testDescription: String { options.joined(separator: " ") }
    }

    private static let (width, inside, layers) = (32, 64, 2)

    static let cases = [
        Case(
            options: ["--method", "ia3"], type: "IA3", parameters: layers * (2 * width + inside),
            refused: "(IA)³"),
        Case(
            options: ["--method", "ia3", "--targets", "query,intermediate"], type: "IA3",
            parameters: layers * (width + inside), refused: "(IA)³"),
        // Of each layer six matrices and two norms; the norm of the embeddings, and the pooler.
        Case(
            options: ["--method", "bitfit"], type: "LORA",
            parameters: layers * (5 * width + inside + 2 * width) + 2 * width, refused: "biases"),
        Case(
            options: ["--method", "bitfit", "--bias-roles", "query,norm", "--bias-layers", "1"], type: "LORA",
            parameters: 3 * width, refused: "biases"),
        Case(
            options: ["--method", "norms"], type: "LN_TUNING", parameters: (2 * layers + 1) * 2 * width,
            refused: "layer norms"),
    ]

    private static func training(_ test: Case, output: String = "run", steps: Int = 30) -> [String] {
        Workspace.training(
            output: output, steps: steps,
            test.options + ["--pooling", "pooler", "--learning-rate", "0.02", "--checkpoint-every", "10"])
    }

    @Test(arguments: cases) func trainsResumesAndExports(_ test: Case) throws {
        let workspace = try Workspace()
        let plan = try workspace.run(
            ["plan"] + Self.training(test).dropFirst().filter { $0 != "--output" && $0 != "run" } + ["--json"]
        )
        try #require(plan.status == 0, "\(plan.errors)")
        let planned = try JSONValue.parse(Data(plan.output.utf8))
        let head = try #require(planned["parameters"]?["head"]?.int)
        #expect(planned["parameters"]?["trainable"]?.int == head + test.parameters)

        try workspace.trained(Self.training(test))
        #expect(
            try workspace.events("run", "end").last?["trainableParameters"]?.int == head + test.parameters)
        let config = try JSONValue.parse(try workspace.bytes("run/adapter-last/adapter_config.json"))
        #expect(config["peft_type"]?.string == test.type)

        try workspace.resumesToTheSameBytes()

        let expected = try workspace.loss("run")
        let merged = try workspace.run(["export", "run", "--to", "merged", "--output", "merged"])
        #expect(merged.status == 0, "\(merged.errors)")
        // Logits agree to 1e-4, which is what export checks.
        #expect(abs(try workspace.loss("merged") - expected) < 1e-3)
        let report = try workspace.run(["report", "run", "--output", "report.html"])
        #expect(report.status == 0, "\(report.errors)")
        for command in [["ranks", "run"], ["spectrum", "run"]] {
            let shown = try workspace.run(command)
            #expect(shown.errorLines.count <= 1 && !shown.errors.contains("Fatal"), "\(shown.errors)")
        }

        var wrong = [
            ["export", "run", "--to", "peft-adalora", "--output", "no"],
            ["shrink", "run", "--budget", "7", "--output", "no"],
            Workspace.training(output: "no", ["--from-adapter", "run", "--budget", "30"]),
            Workspace.training(output: "no", ["--from-adapter", "run", "--method", "dora"]),
        ]
        if test.type != "LORA" { wrong.append(["export", "run", "--to", "lora", "--output", "no"]) }
        for command in wrong {
            let refused = try workspace.run(command)
            #expect(refused.status == 64 && refused.errorLines.count == 1, "\(command): \(refused.errors)")
            #expect(refused.errors.contains(test.refused), "\(command): \(refused.errors)")
            #expect(!workspace.exists("no"))
        }
    }

    /// What PEFT may open is taken over again, with the same answers.
    @Test(arguments: [cases[0], cases[2], cases[4]]) func isImported(_ test: Case) throws {
        let workspace = try Workspace()
        try #require(try workspace.run(Self.training(test, steps: 5)).status == 0)
        try FileManager.default.copyItem(at: workspace.file("run/adapter-last"), to: workspace.file("peft"))
        try FileManager.default.removeItem(at: workspace.file("peft/adalora.json"))
        let result = try workspace.run([
            "import", "peft", "--model", "model", "--any-base-name", "--labels", "negative,neutral,positive",
            "--output", "own",
        ])
        try #require(result.status == 0, "\(result.errors)")
        #expect(result.output.contains("\(test.refused), \(test.parameters) parameters"), "\(result.output)")
        #expect(
            try workspace.bytes("own/adapter_model.safetensors")
                == workspace.bytes("run/\(Workspace.lastWeights)"))
    }

    /// Training goes on from the vectors as they are.
    @Test func scalesGoOn() throws {
        let workspace = try Workspace()
        try #require(try workspace.run(Self.training(Self.cases[0], output: "first")).status == 0)
        let second = try workspace.run(
            Self.training(Self.cases[0], output: "second", steps: 3) + ["--from-adapter", "first"])
        try #require(second.status == 0, "\(second.errors)")
        let start = try #require(try workspace.events("second", "evaluation").first?["loss"]?.double)
        #expect(abs(start - (try workspace.loss("first"))) < 1e-3)
    }

    /// Biases train beside adapters, and stand in PEFT's file as PEFT has them.
    /// The base that `generate` compares with is not the one whose norms were trained; and (IA)³ does not go on from what it
    /// would leave out of its folder.
    @Test func languageModels() throws {
        let workspace = try Workspace()
        try FileManager.default.copyItem(at: Golden.url("llama/model"), to: workspace.file("llama"))
        let rows = (0..<24).map { "{\"text\": \"the cat sat on the mat \($0 % 5) and ran\"}\n" }
        try workspace.write(rows.joined(), to: "texts.jsonl")
        func train(_ method: String, _ output: String, _ more: [String] = []) throws -> CommandResult {
            try workspace.run(
                [
                    "train", "--model", "llama", "--task", "causal-lm", "--train", "texts.jsonl", "--output",
                    output, "--steps", "4", "--batch-size", "4", "--max-length", "40", "--method", method,
                ] + more)
        }
        for method in ["norms", "ia3", "prefix"] {
            let trained = try train(method, method, method == "prefix" ? ["--virtual-tokens", "3"] : [])
            try #require(trained.status == 0, "\(trained.errors)")
        }
        let asked = ["--raw", "--prompt", "the cat", "--max-tokens", "3", "--base"]
        let vectors = try workspace.run(["generate", "ia3"] + asked)
        #expect(vectors.status == 0 && vectors.output.contains("[base]"), "\(vectors.errors)")
        let norms = try workspace.run(["generate", "norms"] + asked)
        #expect(
            norms.status == 64
                && norms.errors.contains("changes weights of the model itself (7 layer norms)"),
            "\(norms.errors)")
        let other = try train("ia3", "no", ["--from-adapter", "prefix"])
        #expect(other.status == 64 && other.errors.contains("a prefix acts beside them"), "\(other.errors)")
        #expect(!workspace.exists("no"))
    }

    @Test(arguments: ["lora", "dora", "adalora"]) func biasesBesideAdapters(method: String) throws {
        let workspace = try Workspace()
        let options = [
            "--method", method, "--average-rank", "1", "--bias", "lora_only", "--learning-rate", "0.02",
            "--checkpoint-every", "10",
        ]
        try workspace.trained(Workspace.training(options))
        let config = try JSONValue.parse(try workspace.bytes("run/adapter-last/adapter_config.json"))
        #expect(config["bias"]?.string == "all")
        let store = try TensorStore(file: workspace.file("run/\(Workspace.lastWeights)"))
        let biases = store.tensors.map(\.name).filter {
            $0.hasPrefix("base_model.model.bert.") && $0.hasSuffix(".bias")
        }
        #expect(biases.count == 12)
        #expect(biases.contains { $0.hasSuffix(".base_layer.bias") })
        // They are no copies of the base's.
        let base = try TensorStore(file: workspace.file("model/model.safetensors"))
        for name in biases {
            let own = String(name.dropFirst("base_model.model.".count)).replacingOccurrences(
                of: ".base_layer", with: "")
            let (mine, bare) = (try store.floats(name), try base.floats(own))
            // Softmax takes no notice of a key's bias, so that its gradient is rounding.
            #expect(mine != bare || name.contains(".key."), "\(name) did not train")
        }

        try workspace.resumesToTheSameBytes()
        let expected = try workspace.loss("run")
        let merged = try workspace.run(["export", "run", "--to", "merged", "--output", "merged"])
        #expect(merged.status == 0, "\(merged.errors)")
        // Logits agree to 1e-4, which is what export checks.
        #expect(abs(try workspace.loss("merged") - expected) < 1e-3)
    }

    @Test(
        arguments: [
            (["--method", "ia3", "--budget", "12"], "budget"),
            (["--method", "ia3", "--scale", "2"], "scale"),
            (["--method", "bitfit", "--targets", "query"], "targets"),
            (["--method", "bitfit", "--bias-roles", "gate"], "bias-roles gate"),
            (["--method", "bitfit", "--bias-layers", "7"], "no layer 7"),
            (["--method", "bitfit", "--bias-layers", "1-x"], "1-x"),
            (["--method", "bitfit", "--bias-roles", "embeddings", "--bias-layers", "0"], "no bias is of"),
            (["--method", "lora", "--budget", "12", "--bias-roles", "query"], "bias-roles"),
        ] as [([String], String)])
    func whatDoesNotFitIsNamed(options: [String], mention: String) throws {
        let workspace = try Workspace()
        let result = try workspace.run(Workspace.training(output: "no", options))
        #expect(result.status != 0 || result.errors.contains("warning"), "\(result.errors)")
        #expect(result.errors.contains(mention), "\(result.errors)")
    }
}
