import Datasets
import Messages
import Tokenizers

/// Questions as sequences, one for each choice, those of a question one after the other.
struct ChoiceRows {
    struct Question: Sendable {
        let choices: Choices
        /// What the file calls it
        let name: String?
        /// Its sequences
        let members: Range<Int>
        /// Tokens cut from the beginning of each of them
        let cut: Int

        /// What log-likelihoods are divided by: Unicode scalars of each choice, as Python counts a text.
        var lengths: [Double] { choices.choices.map { Double($0.unicodeScalars.count) } }
    }

    private(set) var rows: [TrainedRow] = []
    private(set) var questions: [Question] = []
    private var unknown: UnknownWords
    private var counts = LanguageCounts()
    private let dataset: Dataset
    private let limits: Tokenization

    /// - Throws: `TaskError` where a row cannot be read by this model, or a choice leaves no room for its question.
    init(_ dataset: Dataset, _ limits: Tokenization, _ form: QuestionForm) throws {
        (self.dataset, self.limits) = (dataset, limits)
        unknown = UnknownWords(limits.tokenizer)
        guard form == .plain || limits.chat != nil else {
            throw TaskError(
                "\(dataset.file): the adapter asks its questions by a chat template, and the model has none; take the model "
                    + "that it was trained on")
        }
        let encoder = ConversationEncoder(
            tokenizer: limits.tokenizer, chat: form == .chat ? try limits.chat?.opened() : nil,
            parts: .answers)
        for example in dataset.examples {
            guard let choices = example.choices else {
                throw TaskError("\(dataset.file):\(example.line): the row has no choices; add them")
            }
            let rows = try TokenizedDataset.named(example, in: dataset) {
                try choices.choices.map { choice in
                    let (prompt, answer) = (form.prompt(choices), form.answer(choice))
                    if form == .plain { return encoder.continued(prompt, by: answer) }
                    return try encoder.row(
                        Conversation(
                            .chat([ChatMessage(.user, prompt), ChatMessage(.assistant, answer)]),
                            format: .messages))
                }
            }
            try add(rows, of: example, choices)
        }
    }

    private mutating func add(_ rows: [TrainedRow], of example: Example, _ choices: Choices) throws {
        let place = "\(dataset.file):\(example.line)"
        var rows = rows
        for (at, row) in rows.enumerated() {
            guard let first = row.trained.firstIndex(of: true), first > 0,
                let last = row.trained.lastIndex(of: true)
            else {
                throw TaskError(
                    "\(place): nothing of choice \(at + 1) is left to say once it is written as this model reads it; write it "
                        + "with letters, or give another \(SettingName.chatTemplate)")
            }
            // What a template puts behind the end of a turn
            rows[at].cut(to: last + 1)
        }
        let longest = rows.reduce(0) { max($0, $1.ids.count) }
        let cut = max(0, longest - limits.maxLength)
        if cut > 0 {
            guard try limits.keeps(length: longest, of: example, in: dataset) else { return }
            // The same of each, so that they answer the same question.
            for at in rows.indices {
                let first = rows[at].trained.firstIndex(of: true) ?? 0
                let kept = limits.tokenizer.addsBOS && rows[at].ids[0] == limits.tokenizer.bosID ? 1 : 0
                guard first - cut >= max(kept, 1) else {
                    throw TaskError(
                        "\(place): the choices, the longest with its question \(longest) tokens, leave no room for the "
                            + "question in \(SettingName.maxLength) \(limits.maxLength); raise it, or leave such rows out "
                            + "(\(SettingName.longRows) drop)")
                }
                rows[at].cut(cut, after: kept)
            }
        }
        for row in rows { try unknown.add(row.ids, of: example, in: dataset) }
        if var counted = rows.first {
            counted.spelledControls = rows.reduce(0) { max($0, $1.spelledControls) }
            counts.add(counted, isDoubled: limits.tokenizer.beginsWithTwoBOS(counted.ids))
        }
        questions.append(
            Question(
                choices: choices, name: example.name, members: self.rows.count..<self.rows.count + rows.count,
                cut: cut))
        self.rows += rows
    }

    /// All choices of all questions.
    func asked() throws -> TokenizedDataset {
        try tokenized(
            rows, ChoiceObjective(words: NextTokenObjective(rows: rows), questions: questions),
            cut: questions.flatMap { [$0.cut] + $0.members.dropFirst().map { _ in 0 } })
    }

    /// The right choices alone.
    func learned() throws -> TokenizedDataset {
        let answered = questions.filter { $0.choices.answer != nil }
        let right = answered.map { rows[$0.members.lowerBound + ($0.choices.answer ?? 0)] }
        return try tokenized(right, NextTokenObjective(rows: right), cut: answered.map(\.cut))
    }

    /// - Parameter cut: of the first sequence of each question what is cut from it.
    private func tokenized(_ rows: [TrainedRow], _ objective: any Objective, cut: [Int]) throws
        -> TokenizedDataset
    {
        let note =
            cut.contains { $0 > 0 } ? ["what is cut is the beginning of a question, never a choice"] : []
        return try TokenizedDataset(
            dataset, sequences: rows.map { .init(ids: $0.ids, typeIDs: $0.ids.map { _ in 0 }) },
            objective: objective, truncated: cut, unit: "tokens",
            droppedRows: dataset.examples.count - questions.count, unknown: unknown,
            notes: note + counts.notes(rows: dataset.examples.count, .answers), maxLength: limits.maxLength,
            rows: questions.count)
    }
}
