import Foundation
import ModelFiles
import Testing

/// Runs of the binary on a CLIP of toy size that it begins itself, and pictures of a colour, a brightness and a number of stripes with
/// texts that say so.
@Suite struct ImageTextRunTests {
    private static let colours = ["blue", "green", "red"]
    private static let words = [
        "<|startoftext|>", "<|endoftext|>", "<|unknown|>", "a", "picture", "of", "stripes", "dark", "bright",
        "blue", "green", "red", "one", "two", "three", "four",
    ]
    private static let config = """
        {"model_type": "clip", "projection_dim": 16, "text_config": {"vocab_size": 16, "hidden_size": 16, \
        "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "max_position_embeddings": 64, \
        "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1}, "vision_config": {"hidden_size": 24, \
        "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 16, "patch_size": 4}}
        """
    private static let preprocessing = ImageRunTests.preprocessing
        .replacing("ViTImageProcessor", with: "CLIPImageProcessor").replacing("12", with: "16")
        .replacing(#""do_resize": true"#, with: #""do_resize": true, "do_center_crop": false"#)

    private static var tokenizer: String {
        let special = words.prefix(3).enumerated().map { id, word in
            #"{"id": \#(id), "content": "\#(word)", "single_word": false, "lstrip": false, "rstrip": false, "#
                + #""normalized": false, "special": true}"#
        }
        let vocabulary = words.enumerated().map { #""\#($1)": \#($0)"# }.joined(separator: ", ")
        return #"{"version": "1.0", "added_tokens": [\#(special.joined(separator: ", "))], "#
            + #""normalizer": {"type": "Lowercase"}, "pre_tokenizer": {"type": "Whitespace"}, "post_processor": "#
            + #"{"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<|startoftext|>", "type_id": 0}}, "#
            + #"{"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "<|endoftext|>", "type_id": 0}}], "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}], "#
            + #""special_tokens": {"<|startoftext|>": {"id": "<|startoftext|>", "ids": [0], "tokens": ["<|startoftext|>"]}, "#
            + #""<|endoftext|>": {"id": "<|endoftext|>", "ids": [1], "tokens": ["<|endoftext|>"]}}}, "#
            + #""model": {"type": "WordLevel", "vocab": {\#(vocabulary)}, "unk_token": "<|unknown|>"}}"#
    }

    /// 24 pairs to learn and as many like them, classes of colours, and a model that nobody trained.
    private func workspace() throws -> Workspace {
        let workspace = try Workspace()
        try FileManager.default.removeItem(at: workspace.model)
        try FileManager.default.createDirectory(at: workspace.model, withIntermediateDirectories: true)
        try workspace.write(Self.config, to: "model/config.json")
        try workspace.write(Self.preprocessing, to: "model/preprocessor_config.json")
        try workspace.write(Self.tokenizer, to: "model/tokenizer.json")
        try workspace.write(
            #"{"tokenizer_class": "PreTrainedTokenizerFast"}"#, to: "model/tokenizer_config.json")
        try write("train", in: workspace, shift: 0)
        try write("held", in: workspace, shift: 7)
        let started = try workspace.run(["init", "model", "--seed", "3"])
        try #require(started.status == 0, "\(started.errors)")
        return workspace
    }

    private func write(_ name: String, in workspace: Workspace, shift: Int) throws {
        var rows = ["image,text"]
        for (index, number) in (0..<24).map({ ($0, Self.words[12 + $0 % 4]) }) {
            let (colour, isBright) = (Self.colours[index / 4 % 3], index >= 12)
            let picture = PNGImage(width: 16, height: 16) { x, y in
                let noise = UInt8((x * 5 + y * 11 + (index + shift) * 23) % 40)
                let isLine = x % 4 == 1 && x / 4 <= index % 4
                let value = isLine ? 0 : noise + (isBright ? 200 : 90)
                return (
                    colour == "red" ? value : noise, colour == "green" ? value : noise,
                    colour == "blue" ? value : noise
                )
            }
            for path in ["\(name)/\(index).png", "\(name)-classes/\(colour)/\(index).png"] {
                let url = workspace.file(path)
                try FileManager.default.createDirectory(
                    at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
                try picture.data.write(to: url)
            }
            rows.append(
                "\(name)/\(index).png,A \(isBright ? "bright" : "dark") \(colour) picture of \(number) stripes"
            )
        }
        try workspace.write(rows.joined(separator: "\n") + "\n", to: "\(name).csv")
    }

    private static func training(_ output: String, _ model: String, _ more: [String]) -> [String] {
        [
            "train", "--model", model, "--train", "train.csv", "--validation", "held.csv", "--output", output,
            "--batch-size", "12",
        ] + more
    }

    private func measured(_ workspace: Workspace, _ arguments: [String], _ metric: String) throws -> Double {
        let result = try workspace.run(["evaluate"] + arguments + ["--json"])
        try #require(result.status == 0, "\(result.errors)")
        let json = try JSONValue.parse(result.output)
        return try #require((metric == "loss" ? json["loss"] : json["metrics"]?[metric])?.double)
    }

    /// From nothing to a model that finds pictures by their texts, then an adapter with a budget for each tower: the same bytes on any
    /// threads and after a cut, the same answers in each form of export.
    @Test func fromNothingToABudgetForEachTower() throws {
        let workspace = try workspace()
        let whole = try workspace.run(
            Self.training(
                "whole", "model", ["--method", "full", "--steps", "160", "--learning-rate", "3e-3"]))
        try #require(whole.status == 0, "\(whole.errors)")
        #expect(whole.errors.contains("task image-text"), "\(whole.errors)")
        #expect(try measured(workspace, ["whole", "--data", "held.csv"], "recall@5") > 0.7)
        #expect(
            try measured(
                workspace, ["whole", "--data", "held-classes", "--zero-shot", "a {} picture"], "accuracy")
                > 0.8)

        let towers = [
            "--budget", "text=6,vision=8", "--steps", "20", "--learning-rate", "1e-2", "--adapter-dropout",
            "0.1", "--checkpoint-every", "8", "--keep-checkpoints", "3",
        ]
        for (name, options) in [("run", ["--threads", "1"]), ("again", ["--threads", "2"]), ("cut", [])] {
            let result = try workspace.run(Self.training(name, "whole/model", towers + options))
            try #require(result.status == 0, "\(result.errors)")
        }
        let resumed = try workspace.run(["train", "--resume", "cut/checkpoints/step-8"])
        try #require(resumed.status == 0, "\(resumed.errors)")
        let weights = "adapter-last/adapter_model.safetensors"
        let bytes = try workspace.bytes("run/\(weights)")
        #expect(try workspace.bytes("again/\(weights)") == bytes)
        #expect(try workspace.bytes("cut/\(weights)") == bytes)
        let ranks = try workspace.run(["ranks", "run"])
        #expect(ranks.output.contains("vision tower: 8 triplets"), "\(ranks.output)")

        let loss = try measured(workspace, ["run", "--data", "held.csv"], "loss")
        for form in ["lora", "peft-adalora", "merged"] {
            let result = try workspace.run(["export", "run", "--to", form, "--output", form])
            try #require(result.status == 0, "\(form): \(result.errors)")
            let again = try measured(workspace, [form, "--data", "held.csv"], "loss")
            // Sums in other orders.
            #expect(abs(again - loss) < 1e-4 * loss, "\(form)")
        }
        let card = try workspace.text("lora/README.md")
        #expect(card.contains("AutoProcessor.from_pretrained(base)"), "\(card)")
        let answers = try workspace.run(["predict", "run", "--data", "held.csv"])
        let first = try JSONValue.parse(String(try #require(answers.output.split(separator: "\n").first)))
        #expect(try #require(first["textRank"]?.int) >= 1 && first["logit"]?.double != nil)
    }

    @Test func whatDoesNotFitIsSaid() throws {
        let workspace = try workspace()
        func errors(_ arguments: [String], status: Int32 = 64) throws -> String {
            let result = try workspace.run(arguments)
            #expect(result.status == status, "\(arguments): \(result.errors)")
            return result.errors
        }
        let step = ["--steps", "2", "--budget", "12"]
        let other = try errors(
            Self.training("a", "model", step + ["--task", "regression", "--max-length", "32"]))
        #expect(other.contains("use --task image-text"), "\(other)")
        let tower = try errors(Self.training("b", "model", ["--steps", "2", "--budget", "text=4,audio=3"]))
        #expect(tower.contains("'audio' is not a tower"), "\(tower)")
        let prefix = try errors(Self.training("c", "model", ["--steps", "2", "--method", "prefix"]))
        #expect(prefix.contains("both towers of clip"), "\(prefix)")
        try workspace.write("image,text\ntrain/0.png,\n", to: "empty.csv")
        let empty = try workspace.run(
            ["train", "--model", "model", "--train", "empty.csv", "--output", "d"] + step)
        #expect(empty.status == 65 && empty.errors.contains("empty.csv:2"), "\(empty.errors)")
        try workspace.write("image,text\ntrain/none.png,a picture\n", to: "gone.csv")
        let gone = try workspace.run(
            ["train", "--model", "model", "--train", "gone.csv", "--output", "e"] + step)
        #expect(gone.status != 0 && gone.errors.contains("none.png"), "\(gone.errors)")
        // Without the token that ends texts nobody would know which row is read.
        try workspace.write(
            Self.tokenizer.replacing(
                #", {"SpecialToken": {"id": "<|endoftext|>", "type_id": 0}}], "pair""#, with: #"], "pair""#),
            to: "model/tokenizer.json")
        let ended = try errors(Self.training("f", "model", step), status: 65)
        #expect(ended.contains("put no token 1 behind the text"), "\(ended)")
    }
}
