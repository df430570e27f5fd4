import ChatTemplates
import ModelFiles
import Testing

/// What templates are given, as transformers and TRL prepare it.
struct ChatTemplateInputTests {
    private func text(_ source: String, _ input: ChatTemplateInput) throws -> String {
        try ChatTemplate(source, name: "test").render(input).text
    }

    private func message(_ members: JSONObject) -> ChatTemplateInput {
        ChatTemplateInput(messages: [.object(members)])
    }

    @Test func dropsMembersThatAreNull() throws {
        let input = message(["role": .string("user"), "content": .null, "parts": .array([.null])])
        #expect(try text("{{ messages }}", input) == "[{'role': 'user', 'parts': [None]}]")
    }

    @Test(arguments: ["reasoning_content", "thinking", "reasoning"])
    func copiesReasoning(_ name: String) throws {
        let input = message(["role": .string("assistant"), name: .string("why")])
        let source = "{{ messages[0].thinking }}{{ messages[0].reasoning_content }}"
        #expect(try text(source, input) == "whywhy")
    }

    @Test func noToolsAreNone() throws {
        let source =
            "{{ tools is none }}{{ documents is none }}{{ add_generation_prompt }}{{ bos_token is defined }}"
        #expect(try text(source, ChatTemplateInput(messages: [], tools: .array([]))) == "TrueTrueFalseFalse")
        let input = ChatTemplateInput(
            messages: [], tools: .array([.object([:])]), documents: .array([]), addGenerationPrompt: true,
            bosToken: "<s>")
        #expect(try text(source, input) == "FalseFalseTrueTrue")
    }

    @Test func readsNumbersAsPythonDoes() throws {
        let input = ChatTemplateInput(
            messages: [],
            variables: [
                "i": .number(3), "f": .number(2.5), "large": .largeInteger("9223372036854775807"),
                "larger": .largeInteger("92233720368547758070"),
            ])
        #expect(
            try text("{{ [i, f, large, larger] }}{{ large // 2 }}", input)
                == "[3, 2.5, 9223372036854775807, 92233720368547758070]4611686018427387903")
    }

    @Test(arguments: [
        (0, "1970-01-01 00:00:00 Thursday 001"), (951_782_400, "2000-02-29 00:00:00 Tuesday 060"),
        (1_783_155_903, "2026-07-04 09:05:03 Saturday 185"),
        (253_402_300_799, "9999-12-31 23:59:59 Friday 365"),
    ])
    func tellsTheTime(_ unixTime: Int, _ expected: String) throws {
        let now = try #require(ChatClock(unixTime: unixTime))
        let input = ChatTemplateInput(messages: [], now: now)
        #expect(try text("{{ strftime_now('%Y-%m-%d %H:%M:%S %A %j') }}", input) == expected)
    }

    @Test func refusesWhatIsNoTime() {
        #expect(ChatClock(unixTime: -1) == nil)
        #expect(ChatClock(unixTime: .max) == nil)
        #expect(ChatClock(year: 2026, month: 2, day: 29) == nil)
        #expect(ChatClock(year: 2026, month: 13, day: 1) == nil)
        #expect(ChatClock(year: 2024, month: 2, day: 29, hour: 24) == nil)
        #expect(ChatClock(year: 2024, month: 2, day: 29, hour: 23) != nil)
    }

    @Test func rendersTheSameAgain() throws {
        let template = try ChatTemplate(
            "{% set ns = namespace(n=0) %}{% set ns.n = ns.n + 1 %}{{ ns.n }}", name: "test")
        #expect(try template.render(ChatTemplateInput(messages: [])).text == "1")
        #expect(try template.render(ChatTemplateInput(messages: [])).text == "1")
    }
}
