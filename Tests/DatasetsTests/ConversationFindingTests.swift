import Datasets
import Testing

/// What is odd in conversations, and their figures.
@Suite struct ConversationFindingTests {
    private func dataset(_ rows: [String]) throws -> Dataset {
        try Dataset.parse(
            Array(rows.joined(separator: "\n").utf8), name: "f", format: .jsonl, form: .conversations,
            requireLabels: false)
    }

    /// `s`, `u`, `a` and `t` stand for who speaks.
    private func chat(_ turns: [(Character, String)]) -> String {
        let names: [Character: String] = ["s": "system", "u": "user", "a": "assistant", "t": "tool"]
        let messages = turns.map {
            "{\"role\": \"\(names[$0.0] ?? "")\", \"content\": \"\($0.1)\"}"
        }
        return "{\"messages\": [\(messages.joined(separator: ", "))]}"
    }

    private func findings(_ rows: [String]) throws -> [String] {
        try dataset(rows).conversationFindings().map { "\($0.kind.rawValue): \($0.text)" }
    }

    @Test func ofSoundRowsThereAreNone() throws {
        #expect(try findings([chat([("u", "a"), ("a", "b")]), chat([("u", "c"), ("a", "d")])]).isEmpty)
        #expect(try findings(["{\"text\": \"a\"}"]).isEmpty)
        // Whoever has one system message for all has none that differ.
        #expect(try findings([chat([("s", "x"), ("a", "b")]), chat([("s", "x"), ("a", "d")])]).isEmpty)
        let texts = try Dataset.parse(
            Array("text,label\na,b\n".utf8), name: "f", format: .csv, requireLabels: true)
        #expect(texts.conversationFindings().isEmpty && texts.choiceFindings().isEmpty)
    }

    @Test func each() throws {
        let sound = chat([("u", "a"), ("a", "b")])
        #expect(
            try findings([sound, "{\"text\": \"c\"}", "{\"text\": \"d\"}"]) == [
                "mixed-formats: f: rows are written in 2 ways: 2 rows of text (from line 2), 1 row of messages (from line "
                    + "1); each is read as what it is: check that this is meant"
            ])
        #expect(
            try findings([sound, chat([("u", "c")]), chat([("s", "x"), ("u", "d"), ("t", "e")])]) == [
                "without-answer: f: 2 rows without an answer to learn (lines 2, 3); nothing is learned of them",
                "system-prompts: f: 1 different system message in 1 row, and 2 rows have none (lines 1, 2); the model "
                    + "answers best under those that it learned with",
            ])
        #expect(
            try findings([
                sound, chat([("u", "c"), ("a", " ")]), "{\"prompt\": \"a\", \"completion\": \"\"}",
            ]) == [
                "mixed-formats: f: rows are written in 2 ways: 2 rows of messages (from line 1), 1 row of prompt and "
                    + "completion (from line 3); each is read as what it is: check that this is meant",
                "empty-answers: f: 2 rows with an empty answer (lines 2, 3); a model that learns from them says nothing: "
                    + "complete or remove such rows",
            ])
        #expect(
            try findings([sound, chat([("u", "c"), ("a", "d"), ("u", "e")])]) == [
                "ends-unanswered: f: 1 row ends with another message than an assistant's (line 2); nothing is learned of "
                    + "what stands last"
            ])
        #expect(
            try findings([
                sound, chat([("u", "c"), ("u", "d"), ("a", "e")]),
                chat([("u", "f"), ("s", "g"), ("a", "h")]),
            ]).first
                == "odd-turns: f: 1 row with the same speaker twice in a row (line 2), 1 row with a system message that is "
                + "not the first (line 3); many templates refuse such rows, or write them as something else")
        let call =
            #"{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}]}"#
        #expect(
            try findings([sound, call]) == [
                "tool-arguments: f: 1 row with a tool call whose arguments are a string (line 2), as OpenAI has them; most "
                    + "templates want an object, and put the string in quotes once more"
            ])
    }

    @Test func nothingAtAllIsAnError() throws {
        let found = try dataset([chat([("u", "a")]), chat([("u", "b")])]).conversationFindings()
        #expect(found.map(\.kind) == [.withoutAnswer] && found[0].isError && found[0].count == 2)
        #expect(
            found[0].text == "f: no row has an answer to learn; add messages of an assistant, or completions")
    }

    /// Two rows are the same where all that is said is; who says it is part of it.
    @Test func repetitions() throws {
        let rows = [
            chat([("u", "a"), ("a", "b")]), chat([("u", "a"), ("a", "b")]), chat([("a", "a"), ("u", "b")]),
            chat([("u", "a"), ("a", "c")]),
        ]
        let found = try dataset(rows).repetitions()
        #expect(found.map(\.kind) == [.duplicates] && found[0].lines == [2])
    }

    @Test func figures() throws {
        let rows = try dataset([
            chat([("s", "x"), ("u", "é"), ("a", "b")]), "{\"text\": \"0123456789\"}",
            chat([("s", "y"), ("u", "c"), ("a", "d"), ("u", "e")]), "{\"text\": \"0123456789\"}",
            #"{"messages": [{"role": "user", "content": "g", "train": false}], "tools": [{"name": "f"}]}"#,
        ])
        let tally = ConversationTally(rows)
        #expect(tally.rows == 5 && tally.rowsWithAnswer == 4 && tally.rowsWithTools == 1)
        #expect(tally.formats.map(\.format) == [.messages, .text] && tally.formats.map(\.rows) == [3, 2])
        #expect(tally.formats.map(\.line) == [1, 2])
        #expect(tally.roles.map(\.role) == [.system, .user, .assistant])
        #expect(tally.roles.map(\.messages) == [2, 4, 2])
        #expect(tally.systemPrompts == 2 && tally.rowsWithSystemPrompt == 2 && tally.rowsWithSwitches == 1)
        // "system: y", "user: c", "assistant: d" and "user: e" on four lines
        #expect(tally.longest.map(\.line) == [3, 1, 2])
        #expect(tally.longest.map(\.characters) == [9 + 7 + 12 + 7 + 3, 9 + 7 + 12 + 2, 10])
    }
}
