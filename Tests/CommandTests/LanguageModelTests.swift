import Foundation
import ModelFiles
import Testing

/// Causal language modelling on the tiny Llama, from texts to exports.
@Suite struct LanguageModelTests {
    static func workspace() throws -> Workspace {
        let workspace = try Workspace()
        let llama = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Goldens/llama/model")
        for name in try FileManager.default.contentsOfDirectory(atPath: llama.path) {
            try FileManager.default.createDirectory(
                at: workspace.file("llama"), withIntermediateDirectories: true)
            try FileManager.default.copyItem(
                at: llama.appendingPathComponent(name), to: workspace.file("llama/\(name)"))
        }
        func rows(_ range: Range<Int>) -> String {
            range.map { "{\"text\": \"the cat \($0) sat on the mat and saw \($0 % 7) dogs\"}\n" }.joined()
        }
        try workspace.write(rows(0..<60), to: "texts.jsonl")
        try workspace.write(rows(60..<80), to: "held.jsonl")
        return workspace
    }

    static func training(_ output: String, steps: Int = 40, _ more: [String] = []) -> [String] {
        [
            "train", "--model", "llama", "--task", "causal-lm", "--train", "texts.jsonl", "--validation",
            "held.jsonl",
            "--budget", "21", "--steps", "\(steps)", "--learning-rate", "0.01", "--max-length", "60",
            "--batch-size", "8", "--output", output,
        ] + more
    }

    private static func evaluation(_ workspace: Workspace, _ folder: String) throws -> JSONValue {
        let result = try workspace.run(["evaluate", folder, "--data", "held.jsonl", "--json"])
        try #require(result.status == 0, "\(result.errors)")
        return try JSONValue.parse(result.output)
    }

    @Test func learnsAndIsTheSameElsewhere() throws {
        let workspace = try Self.workspace()
        let trained = try workspace.run(Self.training("run"))
        try #require(trained.status == 0 && trained.errorLines.isEmpty, "\(trained.errors)")
        let evaluations = try workspace.events("run", "evaluation")
        let losses = evaluations.compactMap { $0["loss"]?.double }
        #expect(try #require(losses.last) < 0.8 * (try #require(losses.first)), "\(losses)")
        let after = try Self.evaluation(workspace, "run")
        let loss = try #require(after["loss"]?.double)
        let perplexity = try #require(after["metrics"]?["perplexity"]?.double)
        #expect(abs(perplexity / exp(loss) - 1) < 1e-9)
        for form in ["lora", "peft-adalora", "merged"] {
            let result = try workspace.run(["export", "run", "--to", form, "--output", form])
            try #require(result.status == 0, "\(form): \(result.errors)")
        }
        let config = try JSONValue.read(workspace.file("lora/adapter_config.json"))
        #expect(config["task_type"]?.string == "CAUSAL_LM")
        let merged = try JSONValue.read(workspace.file("merged/config.json"))
        #expect(merged["architectures"]?.array?.compactMap(\.string) == ["LlamaForCausalLM"])
        #expect(merged["id2label"] == nil)

        // Taken over again, and taken out of the merged model with as many triplets: the same figure but for rounding.
        for arguments in [
            ["import", "lora", "--model", "llama", "--max-length", "60", "--output", "taken"],
            ["extract", "--base", "llama", "--tuned", "merged", "--budget", "21", "--output", "extracted"],
            [
                "merge-adapters", "run", "run", "--weights", "0.5,0.5", "--model", "llama", "--budget", "21",
                "--output", "mean",
            ],
        ] {
            let result = try workspace.run(arguments)
            try #require(result.status == 0, "\(arguments): \(result.errors)")
            let again = try #require(
                try Self.evaluation(workspace, arguments[arguments.count - 1])["loss"]?.double)
            #expect(abs(again / loss - 1) < 1e-4, "\(arguments[0]): \(again), \(loss)")
        }
    }

    /// On any number of threads, resumed, with layers run again, from parts of a batch: the same bytes.
    @Test func theSameBytesHoweverItRan() throws {
        let workspace = try Self.workspace()
        var bytes: [Data] = []
        for (name, options) in [
            ("one", ["--threads", "1", "--checkpoint-every", "10"]), ("two", ["--threads", "2"]),
            ("halves", ["--batch-size", "4", "--accumulate", "2"]), ("again", ["--recompute", "all"]),
        ] {
            let result = try workspace.run(Self.training(name, steps: 24, options))
            try #require(result.status == 0, "\(name): \(result.errors)")
            bytes.append(
                try Data(contentsOf: workspace.file("\(name)/adapter-last/adapter_model.safetensors")))
        }
        try FileManager.default.removeItem(at: workspace.file("one/checkpoints/step-24"))
        try FileManager.default.removeItem(at: workspace.file("one/adapter-last"))
        let result = try workspace.run(["train", "--resume", "one"])
        try #require(result.status == 0, "\(result.errors)")
        bytes.append(try Data(contentsOf: workspace.file("one/adapter-last/adapter_model.safetensors")))
        #expect(bytes.allSatisfy { $0 == bytes[0] })
    }

    @Test func goesOnFromAnAdapter() throws {
        let workspace = try Self.workspace()
        try workspace.run(Self.training("first", steps: 10))
        for start in [[], ["--head-start", "fresh"]] {
            let name = "onward-\(start.count)"
            let result = try workspace.run(
                Self.training(name, steps: 10, ["--from-adapter", "first"] + start))
            #expect(result.status == 0, "\(result.errors)")
        }
    }

    @Test func rowsWithoutATarget() throws {
        let workspace = try Self.workspace()
        try workspace.run(Self.training("run", steps: 4))
        // The tokenizer puts one token before every text.
        try workspace.write("{\"text\": \"\"}\n{\"text\": \"the cat\"}\n", to: "short.jsonl")
        let result = try workspace.run(["predict", "run", "--data", "short.jsonl"])
        try #require(result.status == 0, "\(result.errors)")
        let lines = try result.output.split(separator: "\n").map { try JSONValue.parse(String($0)) }
        // And one behind it, which is all that is learned of an empty one.
        #expect(lines[0]["tokens"]?.int == 2 && lines[0]["learnedTokens"]?.int == 1)
        #expect(try #require(lines[1]["perplexity"]?.double) > 1)
        // Without the first an empty text has nothing to learn.
        var tokenizer = try #require(try JSONValue.read(workspace.file("llama/tokenizer.json")).object)
        let text = try JSONValue.parse(#"{"Sequence": {"id": "A", "type_id": 0}}"#)
        let pair = try JSONValue.parse(#"{"Sequence": {"id": "B", "type_id": 0}}"#)
        tokenizer["post_processor"] = .object([
            "type": .string("TemplateProcessing"), "single": .array([text]), "pair": .array([text, pair]),
            "special_tokens": .object([:]),
        ])
        try Data(JSONValue.object(tokenizer).bytes()).write(to: workspace.file("llama/tokenizer.json"))
        try workspace.write("{\"text\": \"the cat\"}\n{\"text\": \"\"}\n", to: "texts.jsonl")
        let rest = try workspace.run(Self.training("rest", steps: 4))
        try #require(rest.status == 0, "\(rest.errors)")
        #expect(
            rest.errors.contains(
                "texts.jsonl: 1 of 2 rows have no token to learn and were left out, the first in line 2"))
        try workspace.write("{\"text\": \"\"}\n{\"text\": \"\"}\n", to: "texts.jsonl")
        let none = try workspace.run(Self.training("none", steps: 4))
        #expect(
            none.status == 65 && none.errors.contains("texts.jsonl:1: every row has an empty text"),
            "\(none.errors)")
    }

    /// What a decoder or an encoder cannot do is said in one line.
    @Test func whatDoesNotFitIsRefused() throws {
        let workspace = try Self.workspace()
        for (arguments, problem) in [
            (Self.training("a", ["--task", "classification"]), "label column"),
            (
                Self.training("b", ["--model", "model", "--max-length", "32"]),
                "the model gives no next words"
            ),
            (Self.training("c", ["--method", "head"]), "--method head trains nothing"),
            (Self.training("d", ["--targets", "intermediate"]), "matches no matrix of this model"),
        ] {
            let result = try workspace.run(arguments)
            #expect(
                result.status != 0 && result.errorLines.contains { $0.hasPrefix("error: ") },
                "\(result.errors)")
            #expect(result.errors.contains(problem), "\(result.errors)")
        }
    }
}
