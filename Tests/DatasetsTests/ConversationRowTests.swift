import Datasets
import ModelFiles
import Testing

/// Each way in which rows for language models are written, with what it means.
@Suite struct ConversationRowTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let name: String
        let json: String
        let expected: Conversation
        var testDescription: String { name }

        init(_ name: String, _ json: String, _ expected: Conversation) {
            (self.name, self.json, self.expected) = (name, json, expected)
        }
    }

    private static let sky: [ChatMessage] = [
        ChatMessage(.user, "What color is the sky?"), ChatMessage(.assistant, "It is blue."),
    ]
    private static let skyJSON =
        #"[{"role": "user", "content": "What color is the sky?"}, {"role": "assistant", "content": "It is blue."}]"#
    private static let tool: JSONValue = .object([
        "type": .string("function"), "function": .object(["name": .string("multiply")]),
    ])
    private static let toolJSON = #"{"type": "function", "function": {"name": "multiply"}}"#
    private static let call: JSONValue = .object([
        "type": .string("function"),
        "function": .object([
            "name": .string("multiply"), "arguments": .object(["a": .number(3), "b": .number(4)]),
        ]),
    ])
    private static let callJSON =
        #"{"type": "function", "function": {"name": "multiply", "arguments": {"a": 3, "b": 4}}}"#

    /// TRL's documentation of dataset formats, and OpenAI's of fine-tuning.
    static let messages: [Row] = [
        Row("messages", #"{"messages": \#(skyJSON)}"#, Conversation(.chat(sky), format: .messages)),
        Row("conversation", #"{"conversation": \#(skyJSON)}"#, Conversation(.chat(sky), format: .messages)),
        Row(
            "conversations of axolotl", #"{"conversations": \#(skyJSON), "id": 7}"#,
            Conversation(.chat(sky), format: .messages)),
        Row(
            "tools and a call without content",
            #"{"messages": [{"role": "user", "content": "3 x 4?"}, {"role": "assistant", "tool_calls": [\#(callJSON)]}, "#
                + #"{"role": "tool", "name": "multiply", "content": "12"}, {"role": "assistant", "content": "12."}], "#
                + #""tools": [\#(toolJSON)]}"#,
            Conversation(
                .chat([
                    ChatMessage(.user, "3 x 4?"),
                    ChatMessage(
                        role: .assistant,
                        content: ["role": .string("assistant"), "tool_calls": .array([call])]),
                    ChatMessage(
                        role: .tool,
                        content: [
                            "role": .string("tool"), "name": .string("multiply"), "content": .string("12"),
                        ]),
                    ChatMessage(.assistant, "12."),
                ]), format: .messages, tools: .array([tool]))),
        Row(
            "columns of Arrow: nulls, and tools as a string",
            #"{"messages": [{"role": "user", "content": "3 x 4?", "tool_calls": null, "name": null}, "#
                + #"{"role": "assistant", "content": null, "tool_calls": [\#(callJSON)], "name": null}], "#
                + #""tools": "[{\"type\": \"function\", \"function\": {\"name\": \"multiply\"}}]", "text": null}"#,
            Conversation(
                .chat([
                    ChatMessage(.user, "3 x 4?"),
                    ChatMessage(
                        role: .assistant,
                        content: ["role": .string("assistant"), "tool_calls": .array([call])]),
                ]), format: .messages, tools: .array([tool]))),
        Row(
            "no tools", #"{"messages": \#(skyJSON), "tools": []}"#,
            Conversation(.chat(sky), format: .messages)),
        Row(
            "no tools in a string", #"{"messages": \#(skyJSON), "tools": " "}"#,
            Conversation(.chat(sky), format: .messages)),
        Row(
            "variables of templates",
            #"{"messages": \#(skyJSON), "chat_template_kwargs": {"enable_thinking": false, "date": null}, "#
                + #""documents": [{"text": "d"}]}"#,
            Conversation(
                .chat(sky), format: .messages,
                variables: [
                    "documents": .array([.object(["text": .string("d")])]), "enable_thinking": .bool(false),
                ])),
        Row(
            "variables in a string",
            #"{"messages": \#(skyJSON), "chat_template_kwargs": "{\"x\": 1}", "documents": []}"#,
            Conversation(.chat(sky), format: .messages, variables: ["x": .number(1)])),
        Row(
            "reasoning",
            #"{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "reasoning_content": "hm", "content": "b"}]}"#,
            Conversation(
                .chat([
                    ChatMessage(.user, "a"),
                    ChatMessage(
                        role: .assistant,
                        content: [
                            "role": .string("assistant"), "reasoning_content": .string("hm"),
                            "content": .string("b"),
                        ]),
                ]), format: .messages)),
        Row(
            "what trains: OpenAI's weight",
            #"{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b", "weight": 0}, "#
                + #"{"role": "user", "content": "c"}, {"role": "assistant", "content": "d", "weight": 1}]}"#,
            Conversation(
                .chat([
                    ChatMessage(.user, "a"), ChatMessage(.assistant, "b", trains: false),
                    ChatMessage(.user, "c"), ChatMessage(.assistant, "d", trains: true),
                ]), format: .messages)),
        Row(
            "what trains: the others' words",
            #"{"messages": [{"role": "user", "content": "a", "train": true}, {"role": "assistant", "content": "b", "training": false}, "#
                + #"{"role": "assistant", "content": "c", "loss": true, "train": null}, {"role": "user", "content": "d", "train": 1, "weight": 1.0}]}"#,
            Conversation(
                .chat([
                    ChatMessage(.user, "a", trains: true), ChatMessage(.assistant, "b", trains: false),
                    ChatMessage(.assistant, "c", trains: true), ChatMessage(.user, "d", trains: true),
                ]), format: .messages)),
        Row(
            "parts of text",
            #"{"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}]}"#,
            Conversation(
                .chat([
                    ChatMessage(
                        role: .user,
                        content: [
                            "role": .string("user"),
                            "content": .array([
                                .object(["type": .string("text"), "text": .string("a")]),
                                .object(["type": .string("text"), "text": .string("b")]),
                            ]),
                        ])
                ]), format: .messages)),
        Row(
            "names of a tool's answer",
            #"{"messages": [{"role": "assistant", "content": "a"}, {"role": "ipython", "content": "b"}]}"#,
            Conversation(
                .chat([
                    ChatMessage(.assistant, "a"),
                    ChatMessage(
                        role: .tool, content: ["role": .string("ipython"), "content": .string("b")]),
                ]), format: .messages)),
        Row(
            "system beside the messages", #"{"messages": \#(skyJSON), "system": "Be brief."}"#,
            Conversation(.chat([ChatMessage(.system, "Be brief.")] + sky), format: .messages)),
        Row(
            "beside the better of two answers",
            #"{"prompt": "What color is the sky?", "messages": \#(skyJSON), "chosen": \#(skyJSON), "rejected": []}"#,
            Conversation(.chat(sky), format: .messages)),
    ]

    /// LLaMA-Factory's and axolotl's documentation.
    static let others: [Row] = [
        Row(
            "sharegpt",
            #"{"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}], "system": "s", "tools": ""}"#,
            Conversation(
                .chat([ChatMessage(.system, "s"), ChatMessage(.user, "a"), ChatMessage(.assistant, "b")]),
                format: .shareGPT)),
        Row(
            "sharegpt of TRL",
            #"{"conversations": [{"from": "user", "value": "a"}, {"from": "assistant", "value": "b"}]}"#,
            Conversation(.chat([ChatMessage(.user, "a"), ChatMessage(.assistant, "b")]), format: .shareGPT)),
        Row(
            "sharegpt with calls",
            #"{"conversations": [{"from": "human", "value": "3 x 4?"}, "#
                + #"{"from": "function_call", "value": "{\"name\": \"multiply\", \"arguments\": {\"a\": 3, \"b\": 4}}"}, "#
                + #"{"from": "observation", "value": "12"}, {"from": "gpt", "value": "12."}], "tools": "[\#(toolJSON.replacing("\"", with: "\\\""))]"}"#,
            Conversation(
                .chat([
                    ChatMessage(.user, "3 x 4?"),
                    ChatMessage(
                        role: .assistant,
                        content: ["role": .string("assistant"), "tool_calls": .array([call])]),
                    ChatMessage(.tool, "12"), ChatMessage(.assistant, "12."),
                ]), format: .shareGPT, tools: .array([tool]))),
        Row(
            "sharegpt of axolotl, what trains",
            #"{"conversations": [{"from": "system", "value": "s", "train": false}, {"from": "human", "value": "a", "train": true}, "#
                + #"{"from": "assistant", "value": "b", "name": "n"}]}"#,
            Conversation(
                .chat([
                    ChatMessage(.system, "s", trains: false), ChatMessage(.user, "a", trains: true),
                    ChatMessage(
                        role: .assistant,
                        content: [
                            "role": .string("assistant"), "content": .string("b"), "name": .string("n"),
                        ]),
                ]), format: .shareGPT)),
        Row(
            "alpaca", #"{"instruction": "Add.", "input": "1 2", "output": "3"}"#,
            Conversation(
                .chat([ChatMessage(.user, "Add.\n1 2"), ChatMessage(.assistant, "3")]), format: .alpaca)),
        Row(
            "alpaca of LLaMA-Factory",
            #"{"instruction": "c", "input": "", "output": "d", "system": "s", "history": [["a", "b"]]}"#,
            Conversation(
                .chat([
                    ChatMessage(.system, "s"), ChatMessage(.user, "a"), ChatMessage(.assistant, "b"),
                    ChatMessage(.user, "c"), ChatMessage(.assistant, "d"),
                ]), format: .alpaca)),
        Row(
            "instruction and response", #"{"instruction": "a", "response": "b", "history": null}"#,
            Conversation(.chat([ChatMessage(.user, "a"), ChatMessage(.assistant, "b")]), format: .alpaca)),
        Row(
            "prompt and completion", #"{"prompt": "The sky is", "completion": " blue."}"#,
            Conversation(.completion(prompt: "The sky is", completion: " blue."), format: .completion)),
        Row(
            "prompt and response", #"{"prompt": "a", "response": "b", "system": "", "tools": []}"#,
            Conversation(.completion(prompt: "a", completion: "b"), format: .completion)),
        Row(
            "prompt and completion of messages",
            #"{"prompt": [{"role": "user", "content": "a"}], "completion": [{"from": "gpt", "value": "b"}], "tools": [\#(toolJSON)]}"#,
            Conversation(
                .chatCompletion(
                    prompt: [ChatMessage(.user, "a")], completion: [ChatMessage(.assistant, "b")]),
                format: .completion, tools: .array([tool]))),
        Row(
            "a completion that begins with what a tool answered",
            #"{"prompt": [{"role": "assistant", "tool_calls": [\#(callJSON)]}], "completion": [{"role": "tool", "content": "12"}]}"#,
            Conversation(
                .chatCompletion(
                    prompt: [
                        ChatMessage(
                            role: .assistant,
                            content: ["role": .string("assistant"), "tool_calls": .array([call])])
                    ], completion: [ChatMessage(.tool, "12")]),
                format: .completion)),
        Row("text", #"{"text": "The sky is blue."}"#, Conversation(.text("The sky is blue."), format: .text)),
        Row(
            "segments",
            #"{"segments": [{"label": true, "text": "<s>Hello\n"}, {"label": false, "text": "goodbye "}]}"#,
            Conversation(
                .segments([TextSegment("<s>Hello\n", trains: true), TextSegment("goodbye ", trains: false)]),
                format: .segments)),
    ]

    @Test(arguments: messages + others) func reads(row: Row) throws {
        let dataset = try Dataset.parse(
            Array(row.json.utf8), name: "f", format: .jsonl, form: .conversations, requireLabels: true)
        let example = try #require(dataset.examples.first)
        #expect(dataset.examples.count == 1 && example.conversation == row.expected)
        #expect(example.text == row.expected.text && example.line == 1 && example.label == nil)
        // The same in an array, whole or row by row.
        let array = try Dataset.parse(
            Array("[\n\(row.json)\n]".utf8), name: "f", format: .json, form: .conversations,
            requireLabels: true)
        #expect(array.examples.first?.conversation == row.expected && array.examples.first?.line == 2)
    }

    /// Templates write members in their order.
    @Test func orderIsKept() throws {
        let json =
            #"{"messages": [{"content": "a", "zeta": 1, "role": "user", "train": true, "alpha": {"b": 1, "a": 2}}]}"#
        let dataset = try Dataset.parse(
            Array(json.utf8), name: "f", format: .jsonl, form: .conversations, requireLabels: true)
        let content = try #require(dataset.examples.first?.conversation?.messages.first?.content)
        #expect(content.keys == ["content", "zeta", "role", "alpha"])
        #expect(content["alpha"]?.object?.keys == ["b", "a"])
    }

    /// A prompt alone is something to answer, and nothing to learn from.
    @Test func promptsAlone() throws {
        for (json, expected) in [
            (
                #"{"prompt": "a"}"#,
                Conversation(.completion(prompt: "a", completion: ""), format: .completion)
            ),
            (#"{"instruction": "a"}"#, Conversation(.chat([ChatMessage(.user, "a")]), format: .alpaca)),
            (
                #"{"prompt": [{"role": "user", "content": "a"}]}"#,
                Conversation(
                    .chatCompletion(prompt: [ChatMessage(.user, "a")], completion: []), format: .completion)
            ),
        ] {
            let bytes = Array(json.utf8)
            let dataset = try Dataset.parse(
                bytes, name: "f", format: .jsonl, form: .conversations, requireLabels: false)
            #expect(dataset.examples.first?.conversation == expected)
            #expect(!expected.hasAnswer)
            #expect(throws: DataError.self) {
                try Dataset.parse(
                    bytes, name: "f", format: .jsonl, form: .conversations, requireLabels: true)
            }
        }
    }

    /// What people read of a row, and what tells it from others.
    @Test func texts() throws {
        let calls = Conversation(
            .chat([
                ChatMessage(.user, "3 x 4?"),
                ChatMessage(
                    role: .assistant,
                    content: [
                        "role": .string("assistant"), "thinking": .string("hm"), "content": .string(""),
                        "tool_calls": .array([Self.call]),
                    ]),
                ChatMessage(.assistant, " "),
            ]), format: .messages)
        #expect(
            calls.text
                == "user: 3 x 4?\nassistant: hm\n\n"
                + #"[{"type":"function","function":{"name":"multiply","arguments":{"a":3,"b":4}}}]"#)
        #expect(calls.hasAnswer && calls.hasEmptyAnswer)
        let completion = Conversation(.completion(prompt: "a", completion: " b"), format: .completion)
        #expect(completion.text == "a b" && completion.messages.isEmpty)
        let silent = Conversation(
            .chat([ChatMessage(.user, "a"), ChatMessage(.assistant, "b", trains: false)]), format: .messages)
        #expect(!silent.hasAnswer && !silent.hasEmptyAnswer)
        #expect(
            Conversation(.chat([ChatMessage(.user, "a", trains: true)]), format: .messages).hasAnswer)
        #expect(
            !Conversation(.segments([TextSegment("a", trains: false)]), format: .segments).hasAnswer)
    }
}
