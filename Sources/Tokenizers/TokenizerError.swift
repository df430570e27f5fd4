import Messages

/// What is wrong with a tokenizer file, in one line.
package struct TokenizerError: Error, CustomStringConvertible, Sendable, Equatable {
    package let file: String
    package let problem: String
    package let advice: String

    /// Whether there is no file at all, rather than a bad one.
    package let isMissing: Bool

    init(
        file: String, problem: String, advice: String = "use the tokenizer files that came with the model",
        isMissing: Bool = false
    ) {
        self.isMissing = isMissing
        self.file = file
        self.problem = problem
        self.advice = advice
    }

    package var description: String { "\(oneLine(file, limit: 2_000)): \(oneLine(problem)); \(advice)" }
}

/// A text from a file in a message.
func inQuotes(_ text: String) -> String { "\"\(oneLine(text, limit: 80))\"" }
