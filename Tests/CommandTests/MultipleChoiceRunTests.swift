import Foundation
import GoldenFiles
import ModelFiles
import Testing

/// Questions with choices on the tiny Llama, from training to export.
@Suite struct MultipleChoiceRunTests {
    /// One word is always right, wherever it stands.
    private static func rows(_ range: Range<Int>, labelled: Bool = true) -> String {
        range.map { row in
            let words = ["red", "green"]
            let choices = (0..<3).map { place in
                place == row % 3 ? "blue" : words[(place > row % 3 ? place - 1 : place)]
            }
            let list = choices.map { "\"\($0)\"" }.joined(separator: ", ")
            let answer = labelled ? ", \"answer\": \(row % 3)" : ""
            return "{\"id\": \(row), \"question\": \"item \(row)?\", \"choices\": [\(list)]\(answer)}\n"
        }.joined()
    }

    private static func workspace() throws -> Workspace {
        let workspace = try Workspace()
        try FileManager.default.copyItem(at: Golden.url("llama/model"), to: workspace.file("llama"))
        try workspace.write(rows(0..<60), to: "rows.jsonl")
        try workspace.write(rows(60..<80), to: "held.jsonl")
        try workspace.write(rows(80..<90, labelled: false), to: "asked.jsonl")
        return workspace
    }

    private static func training(_ output: String, steps: Int = 30, _ more: [String] = []) -> [String] {
        [
            "train", "--model", "llama", "--task", "multiple-choice", "--train", "rows.jsonl", "--validation",
            "held.jsonl", "--budget", "21", "--steps", "\(steps)", "--learning-rate", "0.01", "--max-length",
            "60", "--batch-size", "8", "--output", output,
        ] + more
    }

    private static func evaluation(_ workspace: Workspace, _ folder: String) throws -> JSONValue {
        let result = try workspace.run(["evaluate", folder, "--data", "held.jsonl", "--json"])
        try #require(result.status == 0, "\(result.errors)")
        return try JSONValue.parse(result.output)
    }

    @Test func learnsTheRightChoice() throws {
        let workspace = try Self.workspace()
        let trained = try workspace.run(Self.training("run"))
        try #require(trained.status == 0 && trained.errorLines.isEmpty, "\(trained.errors)")
        #expect(trained.errors.contains("on 20 validation rows"), "\(trained.errors)")
        let after = try Self.evaluation(workspace, "run")
        #expect(after["examples"]?.int == 20)
        #expect(after["metrics"]?["accuracy-normalized"]?.double == 1, "\(after.text())")
        #expect(after["metrics"]?["accuracy"]?.double == 1)
        let best = try #require(try workspace.events("run", "evaluation").last { $0["isBest"]?.bool == true })
        #expect(best["metrics"] == after["metrics"] && best["loss"] == after["loss"])
        let first = try #require(try workspace.events("run", "step").first?["loss"]?.double)
        #expect(try #require(after["loss"]?.double) < 0.5 * first)
        let description = try JSONValue.read(workspace.file("run/adapter/adalora.json"))
        #expect(description["questionForm"]?.string == "plain")

        let answers = try workspace.run(["predict", "run", "--data", "asked.jsonl"])
        try #require(answers.status == 0, "\(answers.errors)")
        let lines = try answers.output.split(separator: "\n").map { try JSONValue.parse(String($0)) }
        #expect(lines.map { $0["answer"]?.int } == (80..<90).map { $0 % 3 })
        #expect(
            lines.allSatisfy { $0["choice"]?.string == "blue" && $0["logLikelihoods"]?.array?.count == 3 })
        #expect(lines.map { $0["id"]?.string } == (80..<90).map { "\($0)" })

        for arguments in [
            ["export", "run", "--to", "lora", "--output", "lora"],
            [
                "import", "lora", "--model", "llama", "--task", "multiple-choice", "--max-length", "60",
                "--output", "taken",
            ], ["shrink", "run", "--budget", "12", "--output", "cut"],
        ] {
            let result = try workspace.run(arguments)
            try #require(result.status == 0, "\(arguments): \(result.errors)")
        }
        #expect(try Self.evaluation(workspace, "taken")["metrics"] == after["metrics"])
        #expect(try Self.evaluation(workspace, "cut")["examples"]?.int == 20)
    }

    @Test func theSameBytesHoweverItRan() throws {
        let workspace = try Self.workspace()
        var bytes: [Data] = []
        for (name, options) in [
            ("one", ["--threads", "1", "--checkpoint-every", "10"]), ("two", ["--threads", "2"]),
            ("halves", ["--batch-size", "4", "--accumulate", "2"]),
        ] {
            let result = try workspace.run(Self.training(name, steps: 20, options))
            try #require(result.status == 0, "\(name): \(result.errors)")
            bytes.append(try workspace.bytes("\(name)/adapter-last/adapter_model.safetensors"))
        }
        try FileManager.default.removeItem(at: workspace.file("one/checkpoints/step-20"))
        try FileManager.default.removeItem(at: workspace.file("one/adapter-last"))
        let result = try workspace.run(["train", "--resume", "one"])
        try #require(result.status == 0, "\(result.errors)")
        bytes.append(try workspace.bytes("one/adapter-last/adapter_model.safetensors"))
        #expect(bytes.allSatisfy { $0 == bytes[0] })
    }

    /// The adapter keeps the template, and is measured by it wherever it is opened.
    @Test func aChatTemplateAsksAndIsKept() throws {
        let workspace = try Self.workspace()
        let template =
            "{% for message in messages %}<s>{{ message['role'][0] }}:{{ message['content'] }}</s>{% endfor %}{% if add_generation_prompt %}<s>a:{% endif %}"
        try workspace.write(template, to: "chat.jinja")
        let trained = try workspace.run(Self.training("run", steps: 10, ["--chat-template", "chat.jinja"]))
        try #require(trained.status == 0, "\(trained.errors)")
        try FileManager.default.removeItem(at: workspace.file("chat.jinja"))
        let description = try JSONValue.read(workspace.file("run/adapter/adalora.json"))
        #expect(description["questionForm"]?.string == "chat")
        #expect(description["chatTemplate"]?.string == template)
        let best = try #require(try workspace.events("run", "evaluation").last { $0["isBest"]?.bool == true })
        #expect(try Self.evaluation(workspace, "run")["loss"] == best["loss"])
    }

    /// Each choice behind its question, marked where it is scored, and the right one named.
    @Test func rowsAreShownAsTheyAreScored() throws {
        let workspace = try Self.workspace()
        func shown(_ file: String, _ more: [String] = []) throws -> CommandResult {
            try workspace.run(
                ["data", "show", file, "--model", "llama", "--task", "multiple-choice", "--row", "2"] + more)
        }
        let plain = try shown("rows.jsonl")
        try #require(plain.status == 0, "\(plain.errors)")
        let lines = plain.output.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        // Row 2 has the number 1, whose right choice is the second.
        #expect(lines.count { $0.hasPrefix("* choice ") } == 1)
        #expect(lines.contains { $0.hasPrefix("* choice 2, ") && $0.hasSuffix(", the answer: learned") })
        #expect(lines.count { $0.hasSuffix("Question: item 1?") } == 3)
        #expect(
            lines.filter { $0.hasPrefix("Answer:") } == ["red", "blue", "green"].map { "Answer:« \($0)»" })
        #expect(plain.errors.contains("3 choices, asked as plain text; choice 2 is the answer"))

        let json = try JSONValue.parse(shown("rows.jsonl", ["--json"]).output)
        #expect(json["answer"]?.int == 1 && json["form"]?.string == "plain")
        let choices = try #require(json["choices"]?.array)
        #expect(choices.map { $0["right"]?.bool } == [false, true, false])
        for choice in choices {
            let scored = (choice["tokens"]?.array ?? []).filter { $0["scored"]?.bool == true }
            #expect(scored.count == choice["scored"]?.int && !scored.isEmpty)
        }

        let asked = try shown("asked.jsonl")
        #expect(asked.status == 0 && asked.errors.contains("no answer is given"), "\(asked.errors)")
        #expect(!asked.output.contains("* choice"))

        try workspace.write(
            "{% for m in messages %}<s>{{ m.role[0] }}:{{ m.content }}</s>{% endfor %}{% if add_generation_prompt %}<s>a:{% endif %}",
            to: "chat.jinja")
        let chat = try shown("rows.jsonl", ["--chat-template", "chat.jinja"])
        #expect(chat.output.contains("<s>u:item 1?</s><s>a:«blue</s>»\n"), "\(chat.output)")
        #expect(chat.errors.contains("asked by the chat template"))
        for more in [["--train-on", "all"], ["--task", "classification"]] {
            let refused = try shown("rows.jsonl", more)
            #expect(refused.status == 64 && refused.errors.contains(more[0]), "\(refused.errors)")
        }
    }

    @Test func plansChecksAndRefusals() throws {
        let workspace = try Self.workspace()
        let plan = try workspace.run(["plan"] + Self.training("none").dropFirst())
        #expect(plan.status == 0 && plan.output.contains("memory at the peak"), "\(plan.errors)")
        let check = try workspace.run([
            "data", "check", "rows.jsonl", "held.jsonl", "--task", "multiple-choice", "--model", "llama",
            "--max-length", "60", "--json",
        ])
        try #require(check.status == 0, "\(check.errors)")
        let file = try #require(try JSONValue.parse(check.output)["files"]?.array?.first)
        #expect(file["labels"]?["answered"]?.int == 60)
        #expect(try #require(file["tokens"]?["learned"]?.int) > 60)
        for (arguments, problem) in [
            (
                Self.training("a", steps: 4, ["--model", "model", "--max-length", "32"]),
                "the model gives no next words"
            ),
            (
                Self.training("b", steps: 4, ["--train", "asked.jsonl"]),
                "asked.jsonl:1: the answer is missing"
            ),
            (Self.training("c", steps: 4, ["--max-length", "6"]), "leave no room for the question"),
        ] {
            let result = try workspace.run(arguments)
            #expect(
                result.status != 0 && result.errorLines.contains { $0.hasPrefix("error: ") },
                "\(result.errors)")
            #expect(result.errors.contains(problem), "\(result.errors)")
        }
    }
}
