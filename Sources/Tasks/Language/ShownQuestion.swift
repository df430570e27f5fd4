import Datasets
import Tokenizers

/// A question with its choices as a language model reads them, for people to look at.
package struct ShownQuestion: Sendable {
    package struct Choice: Sendable {
        package let text: String
        /// What the row calls it (`A`)
        package let name: String?
        /// It is the answer, which is learned; the others are scored alone.
        package let isRight: Bool
        /// With the question before it; learned tokens are those whose log-likelihood counts.
        package let row: ShownRow
    }

    package let choices: [Choice]
    package let form: QuestionForm

    package var answer: Int? { choices.firstIndex(where: \.isRight) }

    /// Asked by the chat template where there is one, as training asks. Throws as training would for the row.
    ///
    /// - Parameter example: of `dataset`, for messages.
    package static func of(_ example: Example, in dataset: Dataset, _ limits: Tokenization) throws
        -> ShownQuestion
    {
        let alone = Dataset(examples: [example], file: dataset.file, columns: dataset.columns)
        let form: QuestionForm = limits.chat == nil ? .plain : .chat
        let rows = try ChoiceRows(alone, limits, form)
        let choices = rows.questions.flatMap { question in
            question.choices.choices.enumerated().map { place, text in
                Choice(
                    text: text, name: question.choices.names?[place],
                    isRight: question.choices.answer == place,
                    row: ShownRow(rows.rows[question.members.lowerBound + place], limits.tokenizer))
            }
        }
        return ShownQuestion(choices: choices, form: form)
    }
}
