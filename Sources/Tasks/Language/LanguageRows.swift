import ChatTemplates
import Datasets
import Messages
import Tokenizers

extension TokenizedDataset {
    /// Rows that a language model learns from. What is not learned as its row means it is counted and said.
    ///
    /// - Parameter keepsEmpty: rows without anything to learn stay.
    init(
        _ dataset: Dataset, _ limits: Tokenization, training parts: TrainedParts, keepsEmpty: Bool = false
    ) throws {
        let hasMessages = dataset.examples.contains { !($0.conversation?.messages.isEmpty ?? true) }
        let encoder = ConversationEncoder(
            tokenizer: limits.tokenizer, chat: hasMessages ? try limits.chat?.opened() : nil, parts: parts)
        var kept: [TrainedRow] = []
        var cut: [Int] = []
        var unknown = UnknownWords(limits.tokenizer)
        var counts = LanguageCounts()
        for example in dataset.examples {
            var row = try Self.row(example, encoder, dataset)
            let length = row.ids.count
            guard length > 0 else {
                throw TaskError(
                    "\(dataset.file):\(example.line): the row has no token for this model; remove it, or give it a text"
                )
            }
            if length > limits.maxLength {
                guard try limits.keeps(length: length, of: example, in: dataset) else { continue }
                row.cut(to: limits.maxLength)
            }
            counts.add(row, isDoubled: limits.tokenizer.beginsWithTwoBOS(row.ids))
            guard row.trainedCount > 0 || keepsEmpty else {
                counts.addEmpty(example.line, isCut: length > limits.maxLength)
                continue
            }
            try unknown.add(row.ids, of: example, in: dataset)
            kept.append(row)
            cut.append(length - row.ids.count)
        }
        guard !kept.isEmpty else {
            throw TaskError(
                "\(dataset.file): no row has anything to learn with \(SettingName.trainOn) \(parts.rawValue) and "
                    + "\(SettingName.maxLength) \(limits.maxLength); see a row with adalora data show")
        }
        try self.init(
            dataset, sequences: kept.map { Sequence(ids: $0.ids, typeIDs: $0.ids.map { _ in 0 }) },
            objective: NextTokenObjective(rows: kept), truncated: cut, unit: "tokens",
            droppedRows: dataset.examples.count - kept.count - counts.emptyRows, unknown: unknown,
            notes: counts.notes(rows: dataset.examples.count, parts), maxLength: limits.maxLength)
    }

    /// One row as it is learned, whole.
    static func languageRow(
        _ example: Example, in dataset: Dataset, _ limits: Tokenization, training parts: TrainedParts
    ) throws -> TrainedRow {
        let isChat = !(example.conversation?.messages.isEmpty ?? true)
        let encoder = ConversationEncoder(
            tokenizer: limits.tokenizer, chat: isChat ? try limits.chat?.opened() : nil, parts: parts)
        return try row(example, encoder, dataset)
    }

    private static func row(_ example: Example, _ encoder: ConversationEncoder, _ dataset: Dataset) throws
        -> TrainedRow
    {
        let conversation = example.conversation ?? Conversation(.text(example.text), format: .text)
        guard conversation.messages.isEmpty || encoder.chat != nil else {
            throw TaskError(
                "\(dataset.file):\(example.line): the row is a conversation, and the model has no chat template: it was not "
                    + "trained to talk. Give one with \(SettingName.chatTemplate) FILE, or rows of prompt and completion"
            )
        }
        return try named(example, in: dataset) { try encoder.row(conversation) }
    }

    /// - Throws: what `encoded` throws, with the row's place.
    static func named<Value>(_ example: Example, in dataset: Dataset, _ encoded: () throws -> Value) throws
        -> Value
    {
        do {
            return try encoded()
        } catch let error as ChatTemplateError {
            throw TaskError("\(dataset.file):\(example.line): the chat template refuses the row: \(error)")
        }
    }
}

/// What a person should know of how rows were read.
struct LanguageCounts {
    private(set) var emptyRows = 0
    private var firstEmpty: Int?
    private var cutEmpty = 0
    private var changed = (answers: 0, rows: 0)
    private var endless = 0
    private var silent = 0
    private var spelled = (controls: 0, rows: 0)
    private var doubled = 0

    mutating func add(_ row: TrainedRow, isDoubled: Bool) {
        if row.changedAnswers > 0 { changed = (changed.answers + row.changedAnswers, changed.rows + 1) }
        endless += row.endlessAnswers
        silent += row.silentAnswers
        if row.spelledControls > 0 { spelled = (spelled.controls + row.spelledControls, spelled.rows + 1) }
        if isDoubled { doubled += 1 }
    }

    mutating func addEmpty(_ line: Int, isCut: Bool) {
        emptyRows += 1
        cutEmpty += isCut ? 1 : 0
        firstEmpty = firstEmpty ?? line
    }

    func notes(rows: Int, _ parts: TrainedParts) -> [String] {
        var notes: [String] = []
        if let firstEmpty {
            notes.append(
                "\(emptyRows) of \(rows) rows have no token to learn and were left out, the first in line \(firstEmpty)"
                    + (cutEmpty > 0
                        ? "; \(cutEmpty) of them are cut before the answer: raise \(SettingName.maxLength)"
                        : ""))
        }
        if changed.rows > 0 {
            notes.append(
                "\(Figures.counted(changed.answers, "answer")) in \(Figures.counted(changed.rows, "row")) are not learned: the chat template "
                    + "writes them otherwise once more is said (\(SettingName.trainOn) last-answer learns the last of each row)"
            )
        }
        if endless > 0 {
            notes.append(
                "\(Figures.counted(endless, "answer")) end without a control token in this chat template: the model does not learn "
                    + "where to stop")
        }
        if silent > 0 {
            notes.append(
                "of \(Figures.counted(silent, "answer")) the chat template writes no text; where it reads lists of parts, write "
                    + "\"content\": [{\"type\": \"text\", \"text\": …}]; see a row with adalora data show")
        }
        if spelled.rows > 0 {
            notes.append(
                "\(Figures.counted(spelled.controls, "control token")) spelled in the messages of \(Figures.counted(spelled.rows, "row")) stay plain text"
            )
        }
        if doubled > 0 {
            notes.append(
                "\(Figures.counted(doubled, "row")) begin with two tokens for the beginning: remove the one that is spelled in the text"
            )
        }
        return notes
    }
}
