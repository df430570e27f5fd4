import Datasets
import Messages
import ModelFiles
import Tasks
import Tokenizers
import Training

/// What a language model is given to go on from, as token ids.
package struct RowPrompts: Sendable {
    /// What stands before the answer of a row.
    package enum Beginning: Sendable {
        /// Messages without the last answer
        case messages([ChatMessage], of: Conversation)
        /// A prompt, or a text to go on from
        case text(String)

        package init(of example: Example) {
            guard let conversation = example.conversation else {
                self = .text(example.text)
                return
            }
            switch conversation.kind {
            case .chat(var messages):
                if messages.count > 1, messages.last?.role == .assistant { messages.removeLast() }
                self = .messages(messages, of: conversation)
            case .chatCompletion(let prompt, _): self = .messages(prompt, of: conversation)
            case .completion(let prompt, _): self = .text(prompt)
            case .text, .segments: self = .text(conversation.text)
            }
        }

        /// For people: what the user says, or of several messages all.
        package var text: String {
            switch self {
            case .text(let text): return text
            case .messages(let messages, _):
                if messages.count == 1, let only = messages.first, only.role == .user { return only.text }
                return messages.compactMap(\.line).joined(separator: "\n")
            }
        }
    }

    private let tokenizer: Tokenizer
    /// nil for a model that was not trained to talk.
    private let chat: ChatFormat?

    package init(tokenizer: Tokenizer, chat: ChatFormat?) { (self.tokenizer, self.chat) = (tokenizer, chat) }

    /// A text as its tokens, with what the model wants before texts.
    package func ids(_ text: String) -> [Int32] {
        let ids = tokenizer.encode(text, maxLength: .max).ids
        return ids.last == tokenizer.eosID ? ids.dropLast() : ids
    }

    /// Messages, with what begins an answer behind them.
    package func ids(_ messages: [ChatMessage]) throws -> [Int32] {
        try openedChat.prompt(messages, tokenizer)
    }

    package func ids(_ beginning: Beginning) throws -> [Int32] {
        switch beginning {
        case .text(let text): ids(text)
        case .messages(let messages, let conversation):
            try openedChat.prompt(
                messages, tools: conversation.tools, variables: conversation.variables, tokenizer)
        }
    }

    private var openedChat: ChatFormat {
        get throws {
            guard let chat else {
                throw TrainingError(
                    .usage,
                    "the model has no chat template: it was not trained to talk; give a text to go on from")
            }
            return chat
        }
    }
}
