import ModelFiles

/// How answers are chosen and told.
package struct AnswerOptions: Sendable {
    /// The probability from which a label of a multi-label row is given.
    package var threshold = 0.5
    /// By how much the score of no answer must exceed the best answer's.
    package var noAnswerThreshold = 0.0
    /// How many classes are listed; nil for all.
    package var top: Int?
    /// Whether an evaluation keeps the rows that were answered wrongly.
    package var keepsWrongRows = false

    package init() {}
}

/// The answer for one row.
package struct Prediction: Sendable {
    /// As a line of JSON says it.
    package let line: JSONObject
    /// Whether the row was too long to be read whole.
    package let isCut: Bool

    /// The member that has a number for each label.
    package static let probabilities = "probabilities"
    package static let truncatedTokens = "truncatedTokens"

    package init(line: JSONObject, isCut: Bool) {
        self.line = line
        self.isCut = isCut
    }
}
