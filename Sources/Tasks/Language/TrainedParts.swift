/// What of a conversation a language model learns. Of rows that are one text it learns all.
package enum TrainedParts: String, CaseIterable, Sendable {
    /// What the assistant says, each answer through the token that ends its turn.
    case answers
    /// The last of these
    case lastAnswer = "last-answer"
    /// Every token
    case all

    static let key = "trainOn"
}
