import Datasets
import ModelFiles
import Tokenizers

extension ChatFormat {
    /// A conversation as tokens, with what begins an answer behind it.
    ///
    /// - Throws: `ChatTemplateError` where the template refuses it.
    package func prompt(
        _ messages: [ChatMessage], tools: JSONValue? = nil, variables: JSONObject = JSONObject(),
        _ tokenizer: Tokenizer
    ) throws -> [Int32] {
        let chat = try opened().rendered(
            messages.map(\.content), tools: tools, variables: variables, prompting: true)
        return tokenizer.encode(rendered: chat.text, data: chat.data).encoding.ids
    }

    /// The control token that ends an answer in this template; nil where none does.
    package func endOfTurn(_ tokenizer: Tokenizer) -> Int32? {
        let messages = [ChatMessage(.user, "a"), ChatMessage(.assistant, "b")]
        guard let opened = try? opened(),
            let whole = try? opened.rendered(messages.map(\.content), prompting: false),
            let before = try? opened.rendered([messages[0].content], prompting: false)
        else { return nil }
        let pieces = tokenizer.encode(rendered: whole.text, data: whole.data).encoding
        return pieces.ids.indices.last {
            pieces.offsets[$0].lowerBound >= before.text.utf8.count && tokenizer.isSpecial(pieces.ids[$0])
        }.map { pieces.ids[$0] }
    }
}
