import Foundation
import ModelFiles
import Testing

/// Weights of classes, names of numbered labels, and what is said of answers that are all alike, through the program.
@Suite struct ClassWeightTests {
    /// Seven rows of "many" to one of "few", told apart by a word.
    private static let rows = (0..<32).map { index in
        let (word, label) = index % 8 == 0 ? ("bad", "few") : ("good", "many")
        return "{\"text\": \"the film was \(word) \(index)\", \"label\": \"\(label)\"}\n"
    }.joined()

    private static func training(_ output: String, steps: Int = 6, _ more: [String]) -> [String] {
        Workspace.training(
            output: output, steps: steps, train: "rows.jsonl", validation: "rows.jsonl",
            ["--method", "lora", "--average-rank", "1", "--head-dropout", "0", "--evaluate-every", "3"] + more
        )
    }

    private static func losses(_ workspace: Workspace, _ run: String, _ event: String) throws -> [Double] {
        try workspace.events(run, event).compactMap { $0["loss"]?.double }
    }

    private static func adapter(_ workspace: Workspace, _ run: String) throws -> Data {
        try workspace.bytes("\(run)/adapter-last/adapter_model.safetensors")
    }

    @Test func balancedIsTheFileOfItsWeights() throws {
        let workspace = try Workspace()
        try workspace.write(Self.rows, to: "rows.jsonl")
        // 32 / (2 · 28) and 32 / (2 · 4)
        try workspace.write("{\"many\": \(32.0 / 56), \"few\": 4}", to: "weights.json")
        for (run, more) in [
            ("plain", []), ("balanced", ["--class-weights", "balanced"]),
            ("file", ["--class-weights", "weights.json"]),
            ("one", ["--class-weights", "balanced", "--threads", "1"]),
            ("halves", ["--class-weights", "balanced", "--batch-size", "4", "--accumulate", "2"]),
        ] {
            let result = try workspace.run(Self.training(run, more))
            try #require(result.status == 0, "\(result.errors)")
        }
        let balanced = try Self.adapter(workspace, "balanced")
        #expect(try Self.adapter(workspace, "file") == balanced && Self.adapter(workspace, "one") == balanced)
        #expect(try Self.adapter(workspace, "halves") == balanced)
        #expect(try Self.adapter(workspace, "plain") != balanced)
        #expect(try workspace.text("balanced/config.yaml").contains("class-weights: balanced"))
        let (weighted, plain) = (
            try Self.losses(workspace, "balanced", "step"), try Self.losses(workspace, "plain", "step")
        )
        #expect(weighted.count == 6 && weighted != plain)
        // The evaluation says what `evaluate` says, which knows of no weights.
        let evaluated = try workspace.run([
            "evaluate", "balanced", "--last", "--data", "rows.jsonl", "--json",
        ])
        let loss = try JSONValue.parse(evaluated.output)["loss"]?.double
        #expect(try Self.losses(workspace, "balanced", "evaluation").last == loss)
    }

    @Test func aResumedRunKeepsItsWeights() throws {
        let workspace = try Workspace()
        try workspace.write(Self.rows, to: "rows.jsonl")
        try workspace.write("many 0.5\nfew 4\n", to: "weights.txt")
        let options = [
            "--class-weights", "weights.txt", "--checkpoint-every", "3", "--keep-checkpoints", "9",
        ]
        let whole = try workspace.run(Self.training("run", options))
        try #require(whole.status == 0, "\(whole.errors)")
        let expected = try Self.adapter(workspace, "run")
        let again = try workspace.run(["train", "--resume", "run/checkpoints/step-3"])
        try #require(again.status == 0, "\(again.errors)")
        #expect(try Self.adapter(workspace, "run") == expected)
        try workspace.write("many 0.5\nfew 5\n", to: "weights.txt")
        let changed = try workspace.run(["train", "--resume", "run/checkpoints/step-3"])
        #expect(
            changed.errors.contains("cannot resume exactly: the weights of the classes changed"),
            "\(changed.errors)")
    }

    @Test func wordsAreWeighedToo() throws {
        let workspace = try Workspace()
        try workspace.write(TaskData.tokens.train, to: "rows.conll")
        func run(_ output: String, _ more: [String]) throws -> Double? {
            let result = try workspace.run(
                Workspace.training(
                    output: output, steps: 2, train: "rows.conll", validation: nil,
                    ["--task", "token-classification", "--budget", "12"] + more))
            try #require(result.status == 0, "\(result.errors)")
            return try workspace.events(output, "step").first?["loss"]?.double
        }
        #expect(try run("plain", []) != run("balanced", ["--class-weights", "balanced"]))
    }

    @Test func whatCannotBeWeighedIsSaid() throws {
        let workspace = try Workspace()
        try workspace.write(Self.rows, to: "rows.jsonl")
        try workspace.write("many 1\n", to: "short.txt")
        let short = try workspace.run(Self.training("a", ["--class-weights", "short.txt"]))
        #expect(
            short.status == 65 && short.errors.contains("short.txt: no weight for 'few'"), "\(short.errors)")
        let missing = try workspace.run(Self.training("b", ["--class-weights", "balance"]))
        #expect(missing.status == 66 && missing.errors.contains("balance"), "\(missing.errors)")
        let scores = "{\"text\": \"the film\", \"label\": 1}\n{\"text\": \"the book\", \"label\": 2}\n"
        try workspace.write(scores, to: "rows.jsonl")
        let idle = try workspace.run(
            Self.training("c", ["--class-weights", "balanced", "--task", "regression"]))
        #expect(
            idle.errors.contains("--class-weights: no effect with task regression; remove it"),
            "\(idle.errors)")
    }

    /// Tags as numbers are told, and with their names spans are measured.
    @Test func numberedTagsTakeNames() throws {
        let workspace = try Workspace()
        let rows = (0..<16).map {
            "{\"tokens\": [\"the\", \"film\", \"\($0 % 10)\"], \"ner_tags\": [0, 1, 2]}\n"
        }.joined()
        try workspace.write(rows, to: "rows.jsonl")
        try workspace.write(
            "{\"id2label\": {\"0\": \"O\", \"1\": \"B-X\", \"2\": \"I-X\"}}", to: "config.json")
        let task = ["--task", "token-classification"]
        let check = try workspace.run(["data", "check", "rows.jsonl"] + task)
        #expect(check.output.contains("the tags are numbers from 0 to 2"), "\(check.output)")
        let named = try workspace.run(["data", "check", "rows.jsonl", "--label-names", "config.json"] + task)
        #expect(
            named.output.contains("B-X") && !named.output.contains("the tags are numbers"), "\(named.output)")
        let run = try workspace.run(
            Workspace.training(
                steps: 3, train: "rows.jsonl", validation: "rows.jsonl",
                task + ["--budget", "12", "--label-names", "config.json"]))
        try #require(run.status == 0, "\(run.errors)")
        let metrics = try #require(try workspace.events("run", "evaluation").last?["metrics"]?.object)
        #expect(metrics.keys == ["f1", "precision", "recall", "accuracy"])
        let evaluated = try workspace.run([
            "evaluate", "run", "--data", "rows.jsonl", "--label-names", "config.json",
        ])
        #expect(evaluated.status == 0, "\(evaluated.errors)")
        let unknown = try workspace.run(["evaluate", "run", "--data", "rows.jsonl"])
        #expect(unknown.status == 65 && unknown.errors.contains("unknown label '0'"), "\(unknown.errors)")
    }

    /// Said when it begins and when it ends, not at each evaluation.
    @Test func answersThatAreAlikeAreToldOnce() throws {
        let workspace = try Workspace()
        try workspace.write(Self.rows, to: "rows.jsonl")
        let still = try workspace.run(
            Self.training("still", ["--learning-rate", "1e-12", "--evaluate-every", "1"]))
        try #require(still.status == 0, "\(still.errors)")
        let alike = "every row gets the same answer"
        #expect(still.errors.components(separatedBy: alike).count == 2, "\(still.errors)")
        let moving = try workspace.run(
            Self.training(
                "moving", steps: 60,
                ["--learning-rate", "1e-2", "--evaluate-every", "2", "--class-weights", "balanced"]))
        try #require(moving.status == 0, "\(moving.errors)")
        let told = try workspace.events("moving", "warning").compactMap { $0["text"]?.string }
        let states = told.compactMap {
            $0.contains(alike) ? true : $0.contains("rows no longer all get the same answer") ? false : nil
        }
        // They take turns, and the last is that of a model that has learned.
        #expect(
            zip(states, states.dropFirst()).allSatisfy { $0 != $1 } && states.first == true
                && states.last == false, "\(told)")
    }
}
