import ChatTemplates
import Datasets
import Messages
import ModelFiles
import Tokenizers

/// Turns rows into tokens with what is learned marked.
///
/// What is learned of a conversation: the template is rendered up to an answer, with what begins it, and through the answer;
/// between the two lies what the model has to say, up to the last control token, which ends the turn. Where a template marks
/// its answers itself (`{% generation %}`), those are taken. Both as TRL does, which compares tokens; here bytes, so that no
/// token that begins before an answer is learned.
struct ConversationEncoder {
    let tokenizer: Tokenizer
    /// nil where the model has no template
    let chat: OpenedChatFormat?
    let parts: TrainedParts

    /// - Throws: `ChatTemplateError` where the template refuses the row, which is no conversation where there is none.
    func row(_ conversation: Conversation) throws -> TrainedRow {
        switch conversation.kind {
        case .text(let text): return ended(plain(text) { _ in true })
        case .completion(let prompt, let completion): return ended(continued(prompt, by: completion))
        case .segments(let segments): return segmented(segments)
        case .chat(let messages): return try chat(messages, from: 0, conversation)
        case .chatCompletion(let prompt, let completion):
            return try chat(prompt + completion, from: prompt.count, conversation)
        }
    }

    /// Both tokenized together.
    func continued(_ prompt: String, by completion: String) -> TrainedRow {
        let border = prompt.utf8.count
        // A token on the border holds the beginning of the completion.
        return plain(prompt + completion) { $0.upperBound > border || parts == .all }
    }

    /// A text with the special tokens that the model has around texts. Control tokens spelled in it are such: who writes a
    /// text writes its template too.
    private func plain(_ text: String, isTrained: (Range<Int>) -> Bool) -> TrainedRow {
        let encoding = tokenizer.encode(text, maxLength: .max)
        var row = TrainedRow(ids: encoding.ids, trained: [], bytes: [])
        for (id, range) in zip(encoding.ids, encoding.offsets) {
            row.trained.append(!range.isEmpty && isTrained(range) || (range.isEmpty && id == tokenizer.eosID))
            row.bytes.append(tokenizer.isSpecial(id) ? 0 : range.count)
        }
        return row
    }

    /// With the token behind it that ends a text, if it is not there: a model that never sees it never stops.
    private func ended(_ row: TrainedRow) -> TrainedRow {
        guard let end = tokenizer.eosID, row.ids.last != end else { return row }
        var row = row
        row.append(end, trained: true)
        return row
    }

    /// Pieces are tokenized one by one, as axolotl does: no token spans two.
    private func segmented(_ segments: [TextSegment]) -> TrainedRow {
        var row = TrainedRow(ids: [], trained: [], bytes: [])
        if tokenizer.addsBOS, let bos = tokenizer.bosID { row.append(bos, trained: false) }
        for segment in segments {
            let pieces = tokenizer.encode(rendered: segment.text, data: []).encoding
            for (id, range) in zip(pieces.ids, pieces.offsets) {
                row.append(
                    id, trained: segment.trains || parts == .all,
                    bytes: tokenizer.isSpecial(id) ? 0 : range.count)
            }
        }
        return row
    }

    /// - Parameter first: the message from which on answers may be learned.
    private func chat(_ messages: [ChatMessage], from first: Int, _ conversation: Conversation) throws
        -> TrainedRow
    {
        guard let chat else { preconditionFailure("a conversation without a template") }
        func render(_ count: Int, prompting: Bool = false) throws -> RenderedChat {
            try chat.rendered(
                messages.prefix(count).map(\.content), tools: conversation.tools,
                variables: conversation.variables, prompting: prompting)
        }
        let whole = try render(messages.count)
        let rendered = tokenizer.encode(rendered: whole.text, data: whole.data)
        let pieces = rendered.encoding
        var row = TrainedRow(
            ids: pieces.ids, trained: pieces.ids.map { _ in parts == .all },
            bytes: zip(pieces.ids, pieces.offsets).map { tokenizer.isSpecial($0) ? 0 : $1.count })
        row.spelledControls = rendered.controlSpellings
        let learned = learnedMessages(messages, from: first)
        if parts == .all { return row }
        let answers = messages.indices.filter { messages[$0].role == .assistant }
        let bytes = Array(whole.text.utf8)
        for index in learned {
            let range: Range<Int>
            if whole.generations.count == answers.count, let place = answers.firstIndex(of: index) {
                range = whole.generations[place]
            } else if let found = try self.range(of: index, messages, in: bytes, render) {
                range = found
            } else {
                row.changedAnswers += 1
                continue
            }
            mark(range, pieces, &row)
            // A template that reads lists of parts passes over texts.
            let hasText = messages[index].content["content"]?.string?.contains { !$0.isWhitespace } ?? false
            if hasText, !whole.data.contains(where: { $0.overlaps(range) }) { row.silentAnswers += 1 }
        }
        return row
    }

    private func learnedMessages(_ messages: [ChatMessage], from first: Int) -> [Int] {
        let answers = messages.indices.filter { $0 >= first && messages[$0].role == .assistant }
        return messages.indices.filter { index in
            if let trains = messages[index].trains { return trains }
            return answers.contains(index) && (parts != .lastAnswer || index == answers.last)
        }
    }

    /// The bytes that a message is in the whole text, with the end of its turn; nil where the template writes it otherwise
    /// there than while it is the last.
    private func range(
        of index: Int, _ messages: [ChatMessage], in whole: [UInt8],
        _ render: (_ count: Int, _ prompting: Bool) throws -> RenderedChat
    ) throws -> Range<Int>? {
        let isAnswer = messages[index].role == .assistant
        // Templates may refuse a conversation without a message.
        let before = index == 0 ? [] : Array(try render(index, false).text.utf8)
        let prompted = index == 0 ? [] : Array(try render(index, isAnswer).text.utf8)
        let through =
            index == messages.count - 1 ? whole : Array(try render(index + 1, false).text.utf8)
        guard whole.starts(with: before), whole.starts(with: through) else { return nil }
        // What begins an answer may end in more than answers of the past have (an empty thought).
        let start = max(before.count, zip(prompted, whole).prefix { $0 == $1 }.count)
        return start < through.count ? start..<through.count : nil
    }

    /// Marks the tokens in a range of bytes, up to the last control token there.
    private func mark(_ range: Range<Int>, _ pieces: Encoding, _ row: inout TrainedRow) {
        let inside = pieces.offsets.indices.filter {
            pieces.offsets[$0].lowerBound >= range.lowerBound
                && pieces.offsets[$0].upperBound <= range.upperBound
        }
        let end = inside.last { tokenizer.isSpecial(pieces.ids[$0]) }
        if end == nil { row.endlessAnswers += 1 }
        for place in inside where place <= end ?? Int.max { row.trained[place] = true }
    }
}
