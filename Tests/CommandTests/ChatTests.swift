import Foundation
import ModelFiles
import Testing

/// Conversations on the tiny Llama: what is learned of them, and what goes out.
@Suite struct ChatTests {
    private static let template =
        "{% for m in messages %}<s>{{ m.role[0] }}:{{ m.content }}</s>{% endfor %}"
        + "{% if add_generation_prompt %}<s>a:{% endif %}"

    private static func workspace() throws -> Workspace {
        let workspace = try Workspace()
        let llama = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Goldens/llama/model")
        try FileManager.default.copyItem(at: llama, to: workspace.file("llama"))
        try workspace.write(template, to: "llama/chat_template.jinja")
        try workspace.write(
            (0..<40).map { Self.row("say \($0 % 5)", "it is \($0 % 5)") }.joined(), to: "chat.jsonl")
        return workspace
    }

    private static func row(_ question: String, _ answer: String, more: String = "") -> String {
        """
        {"messages": [{"role": "user", "content": "\(question)"}, {"role": "assistant", "content": "\(answer)"\(more)}]}

        """
    }

    private static func learned(_ workspace: Workspace, _ row: String, _ more: [String] = []) throws -> (
        text: String, errors: String
    ) {
        try workspace.write(row, to: "one.jsonl")
        let result = try workspace.run(["data", "show", "one.jsonl", "--model", "llama"] + more)
        try #require(result.status == 0, "\(result.errors)")
        return (result.output, result.errors)
    }

    /// Marked is what an answer says, through the token that ends its turn.
    @Test func rowsAreShownAsTheyAreLearned() throws {
        let workspace = try Self.workspace()
        #expect(try Self.learned(workspace, Self.row("a", "b")).text == "<s>u:a</s><s>a:«b</s>»\n")
        let two = """
            {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, \
            {"role": "user", "content": "c"}, {"role": "assistant", "content": "d"}]}
            """
        #expect(
            try Self.learned(workspace, two).text == "<s>u:a</s><s>a:«b</s>»<s>u:c</s><s>a:«d</s>»\n")
        #expect(
            try Self.learned(workspace, two, ["--train-on", "last-answer"]).text
                == "<s>u:a</s><s>a:b</s><s>u:c</s><s>a:«d</s>»\n")
        #expect(
            try Self.learned(workspace, two, ["--train-on", "all"]).text
                == "<s>«u:a</s><s>a:b</s><s>u:c</s><s>a:d</s>»\n")
        // A message's own word.
        #expect(
            try Self.learned(workspace, Self.row("a", "b", more: ", \"train\": false")).errors
                .contains("nothing to learn"))
        #expect(
            try Self.learned(workspace, "{\"prompt\": \"ab\", \"completion\": \"cd\"}").text.hasSuffix(
                "«cd</s>»\n"))
        #expect(try Self.learned(workspace, "{\"text\": \"ab\"}").text.hasSuffix("«ab</s>»\n"))
        let parts =
            "{\"segments\": [{\"text\": \"ab\", \"label\": false}, {\"text\": \"cd\", \"label\": true}]}"
        #expect(try Self.learned(workspace, parts).text.hasSuffix("ab«cd»\n"))
    }

    @Test func aRowThatIsNotThereIsOneClearError() throws {
        let workspace = try Self.workspace()
        let result = try workspace.run(["data", "show", "chat.jsonl", "--model", "llama", "--row", "99"])
        #expect(result.status == 64 && result.errors.contains("chat.jsonl has 40 rows"), "\(result.errors)")
    }

    /// A model that was not trained to talk goes on from texts, and says so.
    @Test func withoutATemplatePromptsAreTexts() throws {
        let workspace = try Self.workspace()
        try FileManager.default.removeItem(at: workspace.file("llama/chat_template.jinja"))
        func generated(_ more: [String]) throws -> CommandResult {
            try workspace.run(
                ["generate", "--model", "llama", "--prompt", "the", "--max-tokens", "4"] + more)
        }
        let (plain, raw) = (try generated([]), try generated(["--raw"]))
        #expect(plain.status == 0 && plain.output == raw.output)
        #expect(plain.errors.contains("has no chat template") && !raw.errors.contains("has no chat template"))
        let system = try generated(["--system", "Be brief."])
        #expect(system.status == 64 && system.errors.contains("leave out --system"), "\(system.errors)")
    }

    /// What people write is text, also where it spells a control token.
    @Test func spelledControlTokensStayText() throws {
        let workspace = try Self.workspace()
        let shown = try Self.learned(workspace, Self.row("a</s>b", "c"), ["--tokens"])
        #expect(shown.text.components(separatedBy: "</s>").count == 3, "\(shown.text)")
        #expect(shown.errors.contains("1 control tokens spelled in messages stay plain text"))
    }

    /// A template that writes an answer otherwise once more is said (as those do that drop old thoughts).
    @Test func answersThatChangeAreCountedAndLeftOut() throws {
        let workspace = try Self.workspace()
        try workspace.write(
            "{% for m in messages %}<s>{{ m.role[0] }}:{{ m.content if loop.last or m.role == 'user' else '-' }}</s>{% endfor %}"
                + "{% if add_generation_prompt %}<s>a:{% endif %}", to: "llama/chat_template.jinja")
        let row = """
            {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, \
            {"role": "user", "content": "c"}, {"role": "assistant", "content": "d"}]}
            """
        let shown = try Self.learned(workspace, row)
        #expect(shown.text == "<s>u:a</s><s>a:-</s><s>u:c</s><s>a:«d</s>»\n")
        #expect(shown.errors.contains("1 answers not learned"))
    }

    /// Templates of models that see pictures read lists of parts, and pass over texts without a word.
    @Test func answersThatTheTemplatePassesOverAreCounted() throws {
        let workspace = try Self.workspace()
        try workspace.write(
            "{% for m in messages %}<s>{{ m.role[0] }}:{% for part in m.content %}{% if part.type == 'text' %}{{ part.text }}{% endif %}"
                + "{% endfor %}</s>{% endfor %}{% if add_generation_prompt %}<s>a:{% endif %}",
            to: "llama/chat_template.jinja")
        let shown = try Self.learned(workspace, Self.row("a", "b"))
        #expect(shown.text == "<s>u:</s><s>a:«</s>»\n")
        #expect(shown.errors.contains("of 1 answers the template writes no text"))
        let parts = Self.row("a", "b").replacing("\"a\"", with: "[{\"type\": \"text\", \"text\": \"a\"}]")
            .replacing("\"b\"", with: "[{\"type\": \"text\", \"text\": \"b\"}]")
        let right = try Self.learned(workspace, parts)
        #expect(right.text == "<s>u:a</s><s>a:«b</s>»\n" && !right.errors.contains("no text"), "\(right)")
        // An answer of nothing is as it was meant.
        #expect(try !Self.learned(workspace, Self.row("a", " ")).errors.contains("no text"))
        let trained = try workspace.run(Self.training("run", train: "chat.jsonl", steps: 2))
        #expect(
            trained.status == 0 && trained.errors.contains("of 40 answers the chat template writes no text"),
            "\(trained.errors)")
    }

    @Test func whatIsNotLearnedIsCounted() throws {
        let workspace = try Self.workspace()
        let long = String(repeating: "x", count: 90)
        try workspace.write(
            Self.row("a", "b") + Self.row(long, "b") + Self.row("a", "b</s>", more: "")
                + "{\"messages\": [{\"role\": \"user\", \"content\": \"only a question\"}]}\n",
            to: "odd.jsonl")
        let result = try workspace.run(Self.training("run", train: "odd.jsonl", steps: 2))
        try #require(result.status == 0, "\(result.errors)")
        #expect(
            result.errors.contains(
                "2 of 4 rows have no token to learn and were left out, the first in line 2"))
        #expect(result.errors.contains("1 of them are cut before the answer: raise --max-length"))
        #expect(result.errors.contains("1 control token spelled in the messages of 1 row stay plain text"))
        // Nothing at all to learn.
        try workspace.write("{\"messages\": [{\"role\": \"user\", \"content\": \"hm\"}]}\n", to: "none.jsonl")
        let none = try workspace.run(Self.training("other", train: "none.jsonl", steps: 2))
        #expect(none.status == 65 && none.errorLines.count == 1, "\(none.errors)")
        // No template.
        try FileManager.default.removeItem(at: workspace.file("llama/chat_template.jinja"))
        let bare = try workspace.run(Self.training("bare", train: "chat.jsonl", steps: 2))
        #expect(bare.status == 65 && bare.errors.contains("--chat-template FILE"), "\(bare.errors)")
        try workspace.write(Self.template, to: "mine.jinja")
        let given = try workspace.run(
            Self.training("given", train: "chat.jsonl", steps: 2) + ["--chat-template", "mine.jinja"])
        #expect(given.status == 0, "\(given.errors)")
        // The adapter remembers it.
        let again = try workspace.run(["evaluate", "given", "--data", "chat.jsonl"])
        #expect(again.status == 0, "\(again.errors)")
        // Jinja that is not read here.
        try workspace.write("{% include 'x' %}", to: "bad.jinja")
        let bad = try workspace.run(
            Self.training("bad", train: "chat.jsonl", steps: 2) + ["--chat-template", "bad.jinja"])
        #expect(
            bad.status == 65 && bad.errorLines.count == 1 && bad.errors.contains("bad.jinja"), "\(bad.errors)"
        )
    }

    /// The card of an adapter that learned conversations shows one, by the adapter's own template where it has one.
    @Test func aCardShowsAConversation() throws {
        let workspace = try Self.workspace()
        try workspace.write(Self.template, to: "mine.jinja")
        try workspace.write((0..<40).map { "{\"text\": \"the cat \($0)\"}\n" }.joined(), to: "texts.jsonl")
        func card(_ name: String, _ train: String, _ more: [String] = [], form: String = "lora") throws
            -> String
        {
            if !workspace.exists(name) {
                let trained = try workspace.run(Self.training(name, train: train, steps: 2) + more)
                try #require(trained.status == 0, "\(trained.errors)")
            }
            let exported = try workspace.run(["export", name, "--to", form, "--output", "\(name)-\(form)"])
            try #require(exported.status == 0, "\(exported.errors)")
            return try workspace.text("\(name)-\(form)/README.md")
        }
        let written = "batch = tokenizer.apply_chat_template(\n    messages, add_generation_prompt=True"
        let own = try card("own", "chat.jsonl")
        #expect(
            own.contains(written) && own.contains("what the assistant says next in a conversation"), "\(own)")
        #expect(!own.contains("tokenizer.chat_template"))
        let description = try JSONValue.read(workspace.file("own-lora/adalora.json"))
        #expect(description["chat"]?.bool == true)
        for form in ["lora", "merged"] {
            let given = try card("given", "chat.jsonl", ["--chat-template", "mine.jinja"], form: form)
            #expect(given.contains(written) && given.contains("import json\n"), "\(given)")
            #expect(
                given.contains(
                    "with open(\"./given-\(form)/adalora.json\", encoding=\"utf-8\") as file:\n"
                        + "    tokenizer.chat_template = json.load(file)[\"chatTemplate\"]"), "\(given)")
            let kept = try JSONValue.read(workspace.file("given-\(form)/adalora.json"))
            #expect(kept["chatTemplate"]?.string == Self.template)
        }
        let texts = try card("texts", "texts.jsonl")
        #expect(
            texts.contains("tokenizer(\"The beginning of a text\"") && !texts.contains("chat"), "\(texts)")
    }

    private static func training(_ output: String, train: String, steps: Int) -> [String] {
        [
            "train", "--model", "llama", "--task", "causal-lm", "--train", train, "--budget", "21", "--steps",
            "\(steps)", "--learning-rate", "0.01", "--max-length", "60", "--batch-size", "8", "--output",
            output,
        ]
    }

    /// Learned answers are given, and the adapter is the same as a file of llama.cpp.
    @Test func learnsToAnswerAndGoesToLlamaCpp() throws {
        let workspace = try Self.workspace()
        let trained = try workspace.run(
            Self.training("run", train: "chat.jsonl", steps: 150) + ["--validation", "chat.jsonl"])
        try #require(trained.status == 0, "\(trained.errors)")
        let answer = try workspace.run(["generate", "run", "--prompt", "say 3", "--max-tokens", "20"])
        #expect(answer.status == 0 && answer.output == "it is 3\n", "\(answer.output)\(answer.errors)")
        #expect(answer.errors.contains("ended by the model"))
        let sampled = try workspace.run([
            "generate", "run", "--prompt", "say 3", "--max-tokens", "20", "--temperature", "1", "--seed", "7",
        ])
        let again = try workspace.run([
            "generate", "run", "--prompt", "say 3", "--max-tokens", "20", "--temperature", "1", "--seed", "7",
        ])
        #expect(sampled.output == again.output)
        try workspace.write(Self.row("say 1", "?") + "{\"text\": \"it\"}\n", to: "prompts.jsonl")
        let rows = try workspace.run([
            "generate", "run", "--data", "prompts.jsonl", "--base", "--max-tokens", "20",
        ])
        let lines = try rows.output.split(separator: "\n").map { try JSONValue.parse(String($0)) }
        #expect(lines.count == 2 && lines[0]["text"]?.string == "it is 1" && lines[0]["ended"]?.bool == true)
        #expect(lines[0]["base"]?.string != "it is 1")

        let exported = try workspace.run(["export", "run", "--to", "gguf-lora", "--output", "lora.gguf"])
        try #require(exported.status == 0, "\(exported.errors)")
        let taken = try workspace.run([
            "import", "lora.gguf", "--model", "llama", "--max-length", "60", "--output", "taken",
        ])
        try #require(taken.status == 0, "\(taken.errors)")
        let same = try workspace.run(["generate", "taken", "--prompt", "say 3", "--max-tokens", "20"])
        #expect(same.output == answer.output)
        let twice = try workspace.run(["export", "run", "--to", "gguf-lora", "--output", "lora.gguf"])
        #expect(twice.status == 64 && twice.errors.contains("already exists"))
    }
}
