import ModelFiles

/// A question with what may answer it.
package struct Choices: Sendable, Equatable {
    /// What the question is about; nil where the row has none.
    package let context: String?
    package let question: String
    /// At least two.
    package let choices: [String]
    /// What the row calls them, one for each (`A`, `1`); nil where they have no names.
    package let names: [String]?
    /// The position of the right one, from 0; nil only where answers were not required.
    package let answer: Int?

    package init(
        context: String? = nil, question: String, choices: [String], names: [String]? = nil, answer: Int?
    ) {
        self.context = context
        self.question = question
        self.choices = choices
        self.names = names
        self.answer = answer
    }

    /// All of it, for a person, and for finding the same row again.
    package var text: String { ([context, question].compactMap(\.self) + choices).joined(separator: "\n") }
}
