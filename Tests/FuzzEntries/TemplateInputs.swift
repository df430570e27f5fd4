import ChatTemplates
import ModelFiles

/// Chat templates, which run.
enum TemplateInputs {
    /// A conversation with everything that templates ask for.
    private static let input = ChatTemplateInput(
        messages: [
            .object(["role": .string("system"), "content": .string("Be brief.")]),
            .object(["role": .string("user"), "content": .string("<|im_end|> Ünï {{ x }}")]),
            .object([
                "role": .string("assistant"), "content": .string(""),
                "reasoning_content": .string("so\nthen"),
                "tool_calls": .array([
                    .object([
                        "type": .string("function"),
                        "function": .object([
                            "name": .string("f"), "arguments": .object(["x": .number(1), "y": .null]),
                        ]),
                    ])
                ]),
            ]),
            .object(["role": .string("tool"), "content": .string("[1, 2]"), "name": .string("f")]),
        ],
        tools: .array([.object(["type": .string("function")])]), addGenerationPrompt: true, bosToken: "<s>",
        eosToken: "</s>", now: ChatClock(year: 2024, month: 2, day: 29))

    static func render(_ bytes: [UInt8]) throws {
        // As small as a fuzzer's patience.
        let limits = ChatTemplateLimits(operations: 200_000, iterations: 20_000, outputBytes: 1 << 20)
        let template = try ChatTemplate(
            String(decoding: bytes, as: UTF8.self), name: "made up", limits: limits)
        let chat = try template.render(input)
        let count = chat.text.utf8.count
        for ranges in [chat.data, chat.generations] {
            try require(
                ranges.allSatisfy { $0.lowerBound >= 0 && $0.upperBound <= count }, "ranges beyond the text")
        }
        try require(
            zip(chat.data, chat.data.dropFirst()).allSatisfy { $0.upperBound <= $1.lowerBound },
            "ranges of data in disorder")
    }
}
