import ChatTemplates
import Datasets
import Messages
import Tokenizers

/// A row as a language model learns it, for people to look at.
package struct ShownRow: Sendable {
    package struct Token: Sendable {
        package let id: Int32
        /// As the vocabulary spells it
        package let name: String
        /// What it adds to the text
        package let text: String
        package let isLearned: Bool
        package let isControl: Bool
    }

    package let tokens: [Token]
    package let changedAnswers: Int
    package let endlessAnswers: Int
    package let silentAnswers: Int
    package let spelledControls: Int

    package var learnedCount: Int { tokens.dropFirst().reduce(0) { $0 + ($1.isLearned ? 1 : 0) } }

    /// Throws as training would for the row.
    ///
    /// - Parameter example: of `dataset`, for messages.
    package static func of(
        _ example: Example, in dataset: Dataset, _ limits: Tokenization, training parts: TrainedParts
    ) throws -> ShownRow {
        ShownRow(
            try TokenizedDataset.languageRow(example, in: dataset, limits, training: parts), limits.tokenizer)
    }

    init(_ row: TrainedRow, _ tokenizer: Tokenizer) {
        var decoder = tokenizer.decoder(skippingSpecial: false)
        var tokens: [Token] = []
        for (place, id) in row.ids.enumerated() {
            var text = decoder.push(id)
            if place == row.ids.count - 1 { text += decoder.finish() }
            tokens.append(
                Token(
                    id: id, name: tokenizer.token(for: id) ?? "", text: text, isLearned: row.trained[place],
                    isControl: tokenizer.isSpecial(id)))
        }
        self.tokens = tokens
        (changedAnswers, endlessAnswers) = (row.changedAnswers, row.endlessAnswers)
        (silentAnswers, spelledControls) = (row.silentAnswers, row.spelledControls)
    }
}
