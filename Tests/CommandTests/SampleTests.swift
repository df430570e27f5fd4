import Foundation
import ModelFiles
import Testing

/// What people look at while the tiny Llama trains: answers to prompts, and what it forgets.
@Suite struct SampleTests {
    static func workspace() throws -> Workspace {
        let workspace = try Workspace()
        let llama = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Goldens/llama/model")
        try FileManager.default.copyItem(at: llama, to: workspace.file("llama"))
        func rows(_ range: Range<Int>) -> String {
            range.map { "{\"text\": \"the cat \($0) sat on the mat and saw \($0 % 7) dogs\"}\n" }.joined()
        }
        try workspace.write(rows(0..<60), to: "texts.jsonl")
        try workspace.write(rows(60..<80), to: "held.jsonl")
        try workspace.write(
            "{\"text\": \"the cat\"}\n{\"prompt\": \"the dog\", \"completion\": \"never shown\"}\n{\"text\": \"on <b>\"}\n",
            to: "prompts.jsonl")
        try workspace.write(
            String(repeating: "A page of quite another text, with words of its own.\n", count: 12),
            to: "page.txt")
        return workspace
    }

    static func training(_ output: String, steps: Int = 20, _ more: [String] = []) -> [String] {
        [
            "train", "--model", "llama", "--task", "causal-lm", "--train", "texts.jsonl", "--budget", "21",
            "--steps", "\(steps)", "--learning-rate", "0.01", "--max-length", "60", "--batch-size", "8",
            "--output", output,
        ] + more
    }

    private static let held = ["--validation", "held.jsonl"]
    static let both = held + ["--samples", "prompts.jsonl", "--forgetting", "page.txt"]

    private static func lines(_ workspace: Workspace, _ run: String) throws -> [JSONValue] {
        try workspace.text("\(run)/samples.jsonl").split(separator: "\n").map {
            try JSONValue.parse(String($0))
        }
    }

    private static func adapter(_ workspace: Workspace, _ run: String) throws -> Data {
        try workspace.bytes("\(run)/adapter-last/adapter_model.safetensors")
    }

    /// Metrics of evaluations by name, in their order.
    private static func metrics(_ workspace: Workspace, _ run: String) throws -> [[(String, Double?)]] {
        try workspace.events(run, "evaluation").map { event in
            try #require(event["metrics"]?.object).members.map { ($0, $1.double) }
        }
    }

    @Test func answersAreThoseOfGenerate() throws {
        let workspace = try Self.workspace()
        let trained = try workspace.run(Self.training("run", Self.both))
        try #require(trained.status == 0 && trained.errorLines.isEmpty, "\(trained.errors)")
        #expect(trained.errors.contains("samples at step 20\n> the cat\n  base:  "), "\(trained.errors)")
        #expect(trained.errors.contains("forgetting: held-out text has loss "))
        let lines = try Self.lines(workspace, "run")
        // At the start, at the end of both epochs of 8 steps, and at the last step.
        #expect(lines.map { $0["step"]?.int } == [0, 8, 16, 20].flatMap { [$0, $0, $0] })
        #expect(lines.map { $0["prompt"]?.int } == (0..<4).flatMap { _ in [0, 1, 2] })
        #expect(lines[1]["promptText"]?.string == "the dog")
        for line in lines.prefix(3) {
            #expect(line["text"] == line["base"] && line["tokens"] == line["baseTokens"])
        }
        for line in lines { #expect(line["base"] == lines[try #require(line["prompt"]?.int)]["base"]) }
        #expect(lines.suffix(3).contains { $0["text"] != $0["base"] })
        let said = try workspace.run([
            "generate", "run", "--last", "--data", "prompts.jsonl", "--base", "--max-tokens", "64",
        ])
        try #require(said.status == 0, "\(said.errors)")
        let generated = try said.output.split(separator: "\n").map { try JSONValue.parse(String($0)) }
        for (line, other) in zip(lines.suffix(3), generated) {
            for key in ["base", "text", "tokens", "ended"] { #expect(line[key] == other[key], "\(key)") }
        }
        #expect(generated.count == 3)
    }

    /// Nothing of the training changes, whoever looks; and what is seen is the same on any number of threads, and after a
    /// resume.
    @Test func theSameBytesHoweverItRan() throws {
        let workspace = try Self.workspace()
        for (name, options) in [
            ("plain", Self.held), ("one", Self.both + ["--threads", "1", "--checkpoint-every", "10"]),
            ("two", Self.both + ["--threads", "2"]),
        ] {
            let result = try workspace.run(Self.training(name, options))
            try #require(result.status == 0, "\(name): \(result.errors)")
        }
        let (bytes, answers) = (
            try Self.adapter(workspace, "plain"), try workspace.bytes("two/samples.jsonl")
        )
        #expect(try Self.adapter(workspace, "one") == bytes && Self.adapter(workspace, "two") == bytes)
        #expect(try workspace.bytes("one/samples.jsonl") == answers)
        #expect(!workspace.exists("plain/samples.jsonl"))
        let told = try Self.metrics(workspace, "two")
        #expect(try "\(Self.metrics(workspace, "one"))" == "\(told)")
        try FileManager.default.removeItem(at: workspace.file("one/checkpoints/step-20"))
        try FileManager.default.removeItem(at: workspace.file("one/adapter-last"))
        let resumed = try workspace.run(["train", "--resume", "one"])
        try #require(resumed.status == 0, "\(resumed.errors)")
        #expect(try Self.adapter(workspace, "one") == bytes)
        #expect(try workspace.bytes("one/samples.jsonl") == answers)
        #expect(try "\(Self.metrics(workspace, "one"))" == "\(told)")
        // The answers of the base model are those of the start.
        let file = workspace.file("one/samples.jsonl")
        try FileManager.default.removeItem(at: workspace.file("one/checkpoints/step-20"))
        try Data(String(decoding: answers, as: UTF8.self).replacing("\"the dog\"", with: "\"the cow\"").utf8)
            .write(
                to: file)
        let changed = try workspace.run(["train", "--resume", "one"])
        #expect(changed.status != 0 && changed.errors.contains("the answers of step 0"), "\(changed.errors)")
        try workspace.write("{\"text\": \"other\"}\n", to: "prompts.jsonl")
        try answers.write(to: file)
        let others = try workspace.run(["train", "--resume", "one"])
        #expect(
            others.status != 0 && others.errors.contains("the prompts (samples) changed"), "\(others.errors)")
    }

    /// A plan counts what people look at: evaluations as the run makes them, and what both take.
    @Test func aPlanCountsThem() throws {
        let workspace = try Self.workspace()
        func plan(_ options: [String]) throws -> JSONValue {
            let arguments = Self.training("run", options + ["--threads", "1"])
            let result = try workspace.run(["plan", "--json"] + arguments.dropFirst())
            try #require(result.status == 0, "\(result.errors)")
            return try JSONValue.parse(result.output)
        }
        func part(_ plan: JSONValue, _ name: String) -> Int? {
            plan["memory"]?["parts"]?.array?.first { $0["name"]?.string?.hasPrefix(name) == true }?["bytes"]?
                .int
        }
        let (both, plain) = (try plan(Self.both), try plan(Self.held))
        let (text, answers) = ("held-out text", "answers to prompts")
        #expect(part(plain, text) == nil && part(plain, answers) == nil)
        #expect(
            plain["time"]?["answerSeconds"]?.double == 0 && plain["time"]?["forgettingSeconds"]?.double == 0)
        // Keys and values of 64 tokens in 3 layers, 12 numbers each, and some buffers beside them.
        let cache = 3 * 2 * 12 * 64 * 4
        let written = try #require(part(both, answers))
        #expect(written > cache && written < 10 * cache, "\(written)")
        let trained = try workspace.run(Self.training("run", Self.both + ["--threads", "1"]))
        try #require(trained.status == 0, "\(trained.errors)")
        // Rows of 24 numbers; of each text row, at most 60 tokens long, the last token is not among them.
        let told = try #require(
            trained.errors.firstMatch(of: try Regex("forgetting is told by (?:all|the first) ([0-9,]+)")))
        let tokens = try #require(told.output[1].substring.flatMap { Int($0.replacing(",", with: "")) })
        let rows = (tokens + 59) / 60
        #expect(part(both, text) == (tokens - rows) * 24 * 4)
        let evaluations = try workspace.events("run", "evaluation").count
        #expect(both["evaluations"]?.int == evaluations && plain["evaluations"]?.int == evaluations)
        let time = try #require(both["time"])
        var sum = 0.0
        for name in ["trainingSeconds", "evaluationSeconds", "answerSeconds", "forgettingSeconds"] {
            let seconds = try #require(time[name]?.double)
            #expect(seconds > 0, "\(name)")
            sum += seconds
        }
        let total = try #require(time["totalSeconds"]?.double)
        #expect(abs(total - sum) < 1e-9)
        let peak = try #require(try workspace.events("run", "end").last?["peakMemoryBytes"]?.double)
        // The program itself is nearly all of it.
        let bytes = try #require(both["memory"]?["bytes"]?.double)
        #expect(abs(bytes / peak - 1) < 0.25, "\(bytes), \(peak)")
        let words = try workspace.run(["plan"] + Self.training("run", Self.both).dropFirst())
        #expect(
            words.output.contains(" answers to --samples, ")
                && words.output.contains(" the text of --forgetting"))
    }

    /// A step so small that the adapter still adds nothing.
    @Test func nothingIsForgottenBeforeAnythingIsLearned() throws {
        let workspace = try Self.workspace()
        var arguments = Self.training("unmoved", steps: 1, Self.both)
        arguments[try #require(arguments.firstIndex(of: "0.01"))] = "1e-30"
        let result = try workspace.run(arguments)
        try #require(result.status == 0, "\(result.errors)")
        let metrics = try #require(try Self.metrics(workspace, "unmoved").first)
        #expect(
            metrics.map(\.0).suffix(4) == [
                "forgetting-loss", "forgetting-base", "forgetting-kl", "forgetting-same",
            ])
        let values = Dictionary(uniqueKeysWithValues: metrics)
        #expect(values["forgetting-kl"] == 0 && values["forgetting-same"] == 1)
        #expect(values["forgetting-loss"] == values["forgetting-base"])
    }

    /// The tuned model's loss is what `evaluate` says of the same rows, where it has no token for the end of a text to add.
    @Test func forgettingIsMeasuredOnTheText() throws {
        let workspace = try Self.workspace()
        let rows = (0..<9).map { "{\"text\": \"words of another kind, row \($0)\"}\n" }.joined()
        try workspace.write(rows, to: "others.jsonl")
        let result = try workspace.run(
            Self.training("run", Self.held + ["--forgetting", "others.jsonl", "--method", "lora"]))
        try #require(result.status == 0, "\(result.errors)")
        #expect(result.errors.contains("forgetting is told by all "), "\(result.errors)")
        let last = Dictionary(uniqueKeysWithValues: try #require(try Self.metrics(workspace, "run").last))
        try workspace.write(
            rows.replacing("{\"text\":", with: "{\"segments\": [{\"label\": true, \"text\":").replacing(
                "\"}\n", with: "\"}]}\n"), to: "segments.jsonl")
        let evaluated = try workspace.run(["evaluate", "run", "--last", "--data", "segments.jsonl", "--json"])
        try #require(evaluated.status == 0, "\(evaluated.errors)")
        let loss = try #require(try JSONValue.parse(evaluated.output)["loss"]?.double)
        // The same Float32 forward pass, sums in another order.
        #expect(abs(try #require(last["forgetting-loss"] ?? nil) - loss) < 1e-6)
        #expect(try #require(last["forgetting-kl"] ?? nil) > 1e-4)
        #expect(try #require(last["forgetting-same"] ?? nil) < 1)
        #expect(last["forgetting-base"] != last["forgetting-loss"])
    }

    @Test func withoutValidationRowsEveryEpoch() throws {
        let workspace = try Self.workspace()
        let result = try workspace.run(Self.training("run", ["--samples", "prompts.jsonl"]))
        try #require(result.status == 0, "\(result.errors)")
        #expect(
            try Self.lines(workspace, "run").map { $0["step"]?.int }
                == [0, 8, 16, 20].flatMap { [$0, $0, $0] })
        #expect(try workspace.events("run", "evaluation").isEmpty)
        let often = try workspace.run(
            Self.training("often", ["--samples", "prompts.jsonl", "--evaluate-every", "10"]))
        try #require(often.status == 0 && often.errorLines.isEmpty, "\(often.errors)")
        #expect(
            try Self.lines(workspace, "often").map { $0["step"]?.int }
                == [0, 10, 20].flatMap { [$0, $0, $0] })
    }

    /// The base model is the one without the adapter that the run goes on from; all weights may train as well.
    @Test func whatTheBaseIs() throws {
        let workspace = try Self.workspace()
        for (name, options) in [
            ("first", ["--validation", "held.jsonl"]), ("onward", Self.both + ["--from-adapter", "first"]),
            ("whole", Self.both + ["--method", "full", "--checkpoint-every", "10"]),
        ] {
            var arguments = Self.training(name, options)
            if name == "whole", let at = arguments.firstIndex(of: "--budget") {
                arguments.removeSubrange(at...at + 1)
            }
            let result = try workspace.run(arguments)
            try #require(result.status == 0, "\(name): \(result.errors)")
        }
        let (onward, whole) = (try Self.lines(workspace, "onward"), try Self.lines(workspace, "whole"))
        for (line, other) in zip(onward, whole) { #expect(line["base"] == other["base"]) }
        #expect(onward.prefix(3).contains { $0["text"] != $0["base"] })
        let start = Dictionary(
            uniqueKeysWithValues: try #require(try Self.metrics(workspace, "onward").first))
        #expect(try #require(start["forgetting-kl"] ?? nil) > 1e-4)
        let told = try #require(try Self.metrics(workspace, "whole").last)
        let base = Dictionary(uniqueKeysWithValues: told)["forgetting-base"] ?? nil
        // Weights that train have OpenBLAS's products, frozen ones those of packed weights: other sums on some of its kernels.
        let own = try #require(start["forgetting-base"] ?? nil)
        #expect(abs(try #require(base) - own) < 1e-6 * own)
        let answers = try workspace.bytes("whole/samples.jsonl")
        // The base model's weights are gone after a resume; what it said is not.
        try FileManager.default.removeItem(at: workspace.file("whole/checkpoints/step-20"))
        try FileManager.default.removeItem(at: workspace.file("whole/model-last"))
        let resumed = try workspace.run(["train", "--resume", "whole"])
        try #require(resumed.status == 0, "\(resumed.errors)")
        #expect(try "\(#require(Self.metrics(workspace, "whole").last))" == "\(told)")
        #expect(try workspace.bytes("whole/samples.jsonl") == answers)
    }

    @Test func whatIsRefusedOrSaid() throws {
        let workspace = try Self.workspace()
        try workspace.write((0..<20).map { "{\"text\": \"the \($0)\"}\n" }.joined(), to: "many.jsonl")
        let many = try workspace.run(Self.training("many", steps: 1, ["--samples", "many.jsonl"]))
        #expect(
            many.status == 0 && many.errors.contains("of 20 prompts the first 16 are answered"),
            "\(many.errors)")
        #expect(try Self.lines(workspace, "many").count == 32)
        try workspace.write(
            "{\"messages\": [{\"role\": \"user\", \"content\": \"Hello\"}]}\n", to: "chat.jsonl")
        try workspace.write(String(repeating: "word ", count: 20_000), to: "long.txt")
        try workspace.write("", to: "empty.txt")
        for (options, problem) in [
            (
                ["--samples", "chat.jsonl"],
                "chat.jsonl:1: the prompt is a conversation, and the model has no chat"
            ),
            (["--samples", "missing.jsonl"], "missing.jsonl"),
            (["--forgetting", "page.txt"], "--forgetting: needs validation data"),
            (Self.held + ["--forgetting", "chat.jsonl"], "chat.jsonl:1: the row is a conversation"),
            (Self.held + ["--forgetting", "empty.txt"], "empty.txt: the text has no two tokens"),
            (Self.held + ["--forgetting", "missing.txt"], "missing.txt"),
        ] {
            let result = try workspace.run(Self.training("refused", options))
            #expect(result.status != 0 && result.errors.contains(problem), "\(options): \(result.errors)")
            #expect(!workspace.exists("refused"))
        }
        let long = try workspace.run(
            Self.training("long", steps: 1, Self.held + ["--forgetting", "long.txt"]))
        #expect(
            long.errors.contains("forgetting is told by the first 4,096 tokens of long.txt"), "\(long.errors)"
        )
    }
}
