import ModelFiles

/// What a language model learns from a row, before any template or tokenizer.
package struct Conversation: Sendable, Equatable {
    /// How a row is written.
    package enum Format: String, Sendable, CaseIterable {
        /// `messages` of `role` and `content` (OpenAI, TRL)
        case messages
        /// `conversations` of `from` and `value`
        case shareGPT = "sharegpt"
        /// `instruction`, `input` and `output` (Stanford Alpaca), with LLaMA-Factory's `system` and `history`
        case alpaca
        /// `prompt` and `completion` (TRL)
        case completion = "prompt and completion"
        case text
        /// `segments` of `text` and `label` (axolotl's template-free form)
        case segments
    }

    package enum Kind: Sendable, Equatable {
        /// At least one message.
        case chat([ChatMessage])
        /// A text and how it goes on; the latter is empty where the row has none.
        case completion(prompt: String, completion: String)
        /// The same in messages; of a prompt at least one.
        case chatCompletion(prompt: [ChatMessage], completion: [ChatMessage])
        case text(String)
        /// Pieces of one text, in their order.
        case segments([TextSegment])
    }

    package let kind: Kind
    package let format: Format
    /// What a template gets as `tools`: an array of at least one object, as the row has them.
    package let tools: JSONValue?
    /// What else a template gets: `documents`, and the members of `chat_template_kwargs`.
    package let variables: JSONObject

    package init(
        _ kind: Kind, format: Format, tools: JSONValue? = nil, variables: JSONObject = JSONObject()
    ) {
        self.kind = kind
        self.format = format
        self.tools = tools
        self.variables = variables
    }

    /// All of them in order, of a prompt and its completion too; none where the row is text.
    package var messages: [ChatMessage] {
        switch kind {
        case .chat(let messages): messages
        case .chatCompletion(let prompt, let completion): prompt + completion
        case .completion, .text, .segments: []
        }
    }

    /// What a person reads of it, and what makes two rows the same.
    package var text: String {
        switch kind {
        case .chat, .chatCompletion: messages.compactMap(\.line).joined(separator: "\n")
        case .completion(let prompt, let completion): prompt + completion
        case .text(let text): text
        case .segments(let segments): segments.map(\.text).joined()
        }
    }

    /// Whether there is anything to learn where answers are: an assistant's message or another one that the row asks for,
    /// a completion, a text, a segment that trains. An empty one is nothing.
    package var hasAnswer: Bool {
        switch kind {
        case .chat(let messages): messages.contains { Self.isLearned($0) }
        case .completion(_, let completion): !completion.allSatisfy(\.isWhitespace)
        case .chatCompletion(_, let completion): completion.contains { Self.isLearned($0) }
        case .text(let text): !text.allSatisfy(\.isWhitespace)
        case .segments(let segments): segments.contains { $0.trains && !$0.text.isEmpty }
        }
    }

    /// Whether a completion, or a message of an assistant, says nothing.
    package var hasEmptyAnswer: Bool {
        if case .completion(_, let completion) = kind { return completion.allSatisfy(\.isWhitespace) }
        return messages.contains { $0.role == .assistant && $0.isEmpty }
    }

    private static func isLearned(_ message: ChatMessage) -> Bool {
        (message.trains ?? (message.role == .assistant)) && !message.isEmpty
    }
}

/// A piece of a text that needs no template.
package struct TextSegment: Sendable, Equatable {
    package let text: String
    package let trains: Bool

    package init(_ text: String, trains: Bool) {
        self.text = text
        self.trains = trains
    }
}
