import ModelFiles

/// Who speaks in messages of `from` and `value`, by the names that LLaMA-Factory, TRL and the first such files give.
enum ShareGPT {
    /// The assistant calls a tool.
    static let call = "function_call"

    private static let roles: [String: ChatRole] = [
        "human": .user, "user": .user, "gpt": .assistant, "assistant": .assistant, "chatgpt": .assistant,
        "bing": .assistant, "bard": .assistant, "model": .assistant, "system": .system,
        "developer": .developer,
        "observation": .tool, "tool": .tool, "function_response": .tool, "tool_response": .tool,
    ]

    static var names: [String] { roles.keys.sorted() + [call] }

    static func role(_ name: String) -> ChatRole? { roles[name] }

    /// The value of a `function_call`, one call or several, as templates read them; nil where it is none.
    static func calls(_ text: String) -> [JSONValue]? {
        guard let value = try? JSONValue.parse(text) else { return nil }
        let list = value.array ?? [value]
        let calls = list.compactMap { entry -> JSONValue? in
            guard let name = entry["name"], name.string != nil, let arguments = entry["arguments"] else {
                return nil
            }
            return .object([
                "type": .string("function"), "function": .object(["name": name, "arguments": arguments]),
            ])
        }
        return calls.isEmpty || calls.count != list.count ? nil : calls
    }
}
