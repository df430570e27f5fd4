import ModelFiles

/// What a template renders.
package struct ChatTemplateInput: Sendable {
    /// Objects with `role`, `content` and others. Members that are null are taken as missing, as transformers does.
    package var messages: [JSONValue]
    /// JSON schemas of functions; an empty list counts as none, as TRL has it: templates write introductions for no tools.
    package var tools: JSONValue?
    package var documents: JSONValue?
    package var addGenerationPrompt: Bool
    /// Text of the template, as are its own literals; nil leaves `bos_token` undefined.
    package var bosToken: String?
    package var eosToken: String?
    /// Further variables such as `enable_thinking`. Their texts count as data.
    package var variables: JSONObject
    /// For `strftime_now`; nil refuses templates that ask for the time.
    package var now: ChatClock?

    package init(
        messages: [JSONValue], tools: JSONValue? = nil, documents: JSONValue? = nil,
        addGenerationPrompt: Bool = false, bosToken: String? = nil, eosToken: String? = nil,
        variables: JSONObject = JSONObject(), now: ChatClock? = nil
    ) {
        self.messages = messages
        self.tools = tools
        self.documents = documents
        self.addGenerationPrompt = addGenerationPrompt
        self.bosToken = bosToken
        self.eosToken = eosToken
        self.variables = variables
        self.now = now
    }

    /// Reasoning goes by these names; the first that a message has is copied to the others that templates read.
    private static let reasoningMembers = ["reasoning_content", "thinking", "reasoning"]

    /// A message as transformers gives it to templates (`_normalize_chat_messages`, `_alias_reasoning_fields`).
    static func normalized(_ message: JSONValue, at place: Int) throws -> JSONValue {
        guard let object = message.object else {
            throw Fault.evaluation("message \(place + 1) is no object")
        }
        let members = object.members.filter { !$0.value.isNull }
        let reasoning = reasoningMembers.lazy.compactMap { name in
            members.first { $0.key == name }?.value
        }.first
        var result = JSONObject()
        if let reasoning { result["thinking"] = reasoning }
        for (key, value) in members { result[key] = value }
        if let reasoning { result["reasoning_content"] = reasoning }
        return .object(result)
    }

    /// The variables of a template by name.
    func values(_ meter: Meter) throws -> [String: Value] {
        var values: [String: Value] = [:]
        for (name, token) in [("bos_token", bosToken), ("eos_token", eosToken)] {
            if let token { values[name] = .text(token) }
        }
        for (name, value) in variables.members {
            guard !Self.ownNames.contains(name) else {
                throw Fault.evaluation("the variable '\(name)' is given apart from further ones")
            }
            values[name] = try Value(value, meter)
        }
        let messages = try messages.enumerated().map { try Self.normalized($0.element, at: $0.offset) }
        values["messages"] = try Value(.array(messages), meter)
        let isToolless = tools?.array?.isEmpty ?? false
        values["tools"] = isToolless ? .null : try tools.map { try Value($0, meter) } ?? .null
        values["documents"] = try documents.map { try Value($0, meter) } ?? .null
        values["add_generation_prompt"] = .bool(addGenerationPrompt)
        return values
    }

    private static let ownNames: Set<String> = ["messages", "tools", "documents", "add_generation_prompt"]
}

/// A rendered conversation.
package struct RenderedChat: Sendable, Equatable {
    package let text: String
    /// UTF-8 bytes of `text` that come from data, so that control tokens spelled there stay plain text: sorted and
    /// apart from one another.
    package let data: [Range<Int>]
    /// UTF-8 bytes that `{% generation %}` blocks wrote, which is what an assistant said: sorted and apart.
    package let generations: [Range<Int>]
}
