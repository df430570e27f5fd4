import ModelFiles

/// Who speaks, whatever a row calls it.
package enum ChatRole: String, Sendable, CaseIterable {
    case system, developer, user, assistant, tool

    /// What rows call them: OpenAI's names, and those of templates for what a tool answered (Llama's `ipython`, GLM's
    /// `observation`, OLMo's `environment`).
    init?(named name: String) {
        switch name {
        case "function", "ipython", "observation", "tool_response", "environment": self = .tool
        default: self.init(rawValue: name)
        }
    }

    /// Says how to answer, before anybody speaks.
    package var instructs: Bool { self == .system || self == .developer }
}

/// One message of a conversation.
package struct ChatMessage: Sendable, Equatable {
    package let role: ChatRole
    /// What a template sees: the members as the row has them, in their order, `role` and `content` among them. Without
    /// those that are null, which transformers (`_normalize_chat_messages`) leaves out too, and without what says whether
    /// the message trains.
    package let content: JSONObject
    /// The row's own word on whether the message is learned; nil where it says nothing.
    package let trains: Bool?

    package init(role: ChatRole, content: JSONObject, trains: Bool? = nil) {
        self.role = role
        self.content = content
        self.trains = trains
    }

    package init(_ role: ChatRole, _ text: String, trains: Bool? = nil) {
        self.init(
            role: role, content: ["role": .string(role.rawValue), "content": .string(text)], trains: trains)
    }

    /// What is said, parts of text one after the other.
    package var text: String {
        switch content["content"] {
        case .string(let text)?: text
        case .array(let parts)?: parts.compactMap { $0["text"]?.string }.joined()
        default: ""
        }
    }

    /// Members that hold what a model thinks before it answers, in the order in which transformers looks for them.
    static let reasoningMembers = ["reasoning_content", "thinking", "reasoning"]

    /// What the model thought first.
    package var reasoning: String? {
        Self.reasoningMembers.lazy.compactMap { content[$0]?.string }.first
    }

    package var toolCalls: [JSONValue] { content["tool_calls"]?.array ?? [] }

    /// Nothing is said, thought or called.
    package var isEmpty: Bool {
        toolCalls.isEmpty && text.allSatisfy(\.isWhitespace)
            && reasoning?.allSatisfy(\.isWhitespace) ?? true
    }

    /// As a person reads it: `assistant: It is blue.`; nil where there is nothing to read.
    package var line: String? {
        if isEmpty { return nil }
        let calls = toolCalls.isEmpty ? nil : JSONValue.array(toolCalls).text()
        return "\(role.rawValue): " + [reasoning, text, calls].compactMap(\.self).joined(separator: "\n")
    }
}
