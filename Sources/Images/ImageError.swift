import Messages

/// What is wrong with an image file, in one line: where, what, and what to try.
package struct ImageError: Error, CustomStringConvertible, Sendable, Equatable {
    /// Decides a command's exit status: a missing file, one that cannot be read, or one with bad content.
    package enum Kind: Sendable, Equatable { case missing, unreadable, invalid }

    package let kind: Kind
    package let file: String
    package let problem: String
    package let advice: String
    /// Whether the file is a picture of a format that is not read, so that leaving it out would lose one.
    package let isOfPicture: Bool

    package init(
        kind: Kind = .invalid, file: String, problem: String, advice: String, isOfPicture: Bool = false
    ) {
        self.kind = kind
        self.file = file
        self.problem = problem
        self.advice = advice
        self.isOfPicture = isOfPicture
    }

    /// `file: what is wrong; what to try`
    package var description: String { "\(oneLine(file, limit: 2_000)): \(oneLine(problem)); \(advice)" }
}
