import Foundation
import ModelFiles
import Testing

/// Runs of the binary on tiny models whose attention knows distances: DeBERTa and MPNet.
@Suite struct EncoderRunTests {
    /// The golden model has 61 tokens and 32 positions; words come apart into letters.
    private func workspace(_ name: String) throws -> Workspace {
        let workspace = try Workspace()
        let golden = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Goldens/encoders/\(name)/model")
        for file in ["config.json", "model.safetensors"] {
            try Data(contentsOf: golden.appendingPathComponent(file)).write(
                to: workspace.model.appendingPathComponent(file))
        }
        try workspace.write(
            Workspace.vocabulary.prefix(61).joined(separator: "\n") + "\n", to: "model/vocab.txt")
        // Without it the folder asks for the tokenizer of its architecture, which is made of other files.
        try workspace.write(
            "{\"tokenizer_class\": \"BertTokenizer\"}\n", to: "model/tokenizer_config.json")
        return workspace
    }

    /// Threads and recomputed layers change no bit; each form of export answers the same.
    @Test(arguments: [("deberta", "query_proj", "DebertaV2"), ("mpnet", "attn.q", "MPNet")])
    func trainingAndExports(name: String, query: String, architecture: String) throws {
        let workspace = try workspace(name)
        let options = ["--budget", "12", "--learning-rate", "1e-2"]
        for (output, more) in [
            ("run", ["--threads", "1"]), ("again", ["--threads", "2", "--recompute", "all"]),
        ] {
            let result = try workspace.run(
                Workspace.training(output: output, steps: 12, options + more))
            try #require(result.status == 0, "\(result.errors)")
        }
        let weights = "adapter-last/adapter_model.safetensors"
        #expect(try workspace.bytes("run/\(weights)") == workspace.bytes("again/\(weights)"))
        let names = try TensorStore(file: workspace.file("run/\(weights)")).tensors.map(\.name)
        #expect(names.contains { $0.contains(".\(query).lora_A") }, "\(names)")
        for form in ["lora", "peft-adalora", "merged"] {
            let result = try workspace.run(["export", "run", "--to", form, "--output", form])
            try #require(result.status == 0, "\(form): \(result.errors)")
            try workspace.expectSameMetrics(of: form, as: "run")
        }
        let config = try JSONValue.read(workspace.file("merged/config.json"))
        #expect(
            config["architectures"]?.array?.first?.string == "\(architecture)ForSequenceClassification")
    }

    /// PEFT finds no whole head where the dense layer before the output was left aside.
    @Test(arguments: ["deberta", "mpnet"]) func cardsOfHeadsWithoutTheirDenseLayer(name: String) throws {
        let workspace = try workspace(name)
        let training = Workspace.training(steps: 5, ["--budget", "12", "--pooling", "mean"])
        try #require(try workspace.run(training).status == 0)
        try #require(try workspace.run(["export", "run", "--to", "lora", "--output", "lora"]).status == 0)
        let card = try workspace.text("lora/README.md")
        #expect(card.contains("\nconfig.task_type = config.modules_to_save = None  # "), "\(card)")
        #expect(card.contains("PeftModel.from_pretrained(model, \"./lora\", config=config).get_base_model()"))
        let output = name == "mpnet" ? "model.classifier.out_proj" : "model.classifier"
        #expect(card.contains("logits = \(output)((hidden * mask).sum(1) / mask.sum(1))"), "\(card)")
    }

    /// Everything trains: relative positions, their norm and both projections of them too.
    @Test(arguments: ["deberta", "deberta-own-projections", "mpnet"]) func fullFineTuning(name: String) throws
    {
        let workspace = try workspace(name)
        let result = try workspace.run(Workspace.training(steps: 8, ["--method", "full"]))
        try #require(result.status == 0, "\(result.errors)")
        let before = try TensorStore(file: workspace.file("model/model.safetensors"))
        let after = try TensorStore(file: workspace.file("run/model/model.safetensors"))
        let relative = before.tensors.map(\.name).filter {
            $0.contains("rel_embeddings") || $0.contains("encoder.LayerNorm")
                || $0.contains("relative_attention")
                || $0.contains("pos_key_proj") || $0.contains("pos_query_proj")
        }
        #expect(relative.count == ["deberta": 3, "deberta-own-projections": 9, "mpnet": 1][name])
        for tensor in relative {
            #expect(after.info(tensor)?.shape == before.info(tensor)?.shape, "\(tensor)")
            #expect(try after.bytes(tensor) != before.bytes(tensor), "\(tensor) trains")
        }
    }

    @Test func whatIsNotSupportedStopsTheRun() throws {
        let workspace = try workspace("deberta")
        let config = try workspace.text("model/config.json")
        try workspace.write(
            config.replacingOccurrences(
                of: "\"share_att_key\"", with: "\"conv_kernel_size\": 3, \"share_att_key\""),
            to: "model/config.json")
        let result = try workspace.run(Workspace.training(["--budget", "12"]))
        #expect(result.status == 65 && result.errorLines.count == 1, "\(result.errors)")
        #expect(result.errors.contains("conv_kernel_size: 3: the convolution after the first layer"))
    }
}
