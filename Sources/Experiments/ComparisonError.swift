import Messages

/// Input that cannot be used: one or more lines, each of which says where, what, and what to try.
package struct ComparisonError: Error, Sendable, Equatable, CustomStringConvertible {
    /// At least one; each is a single line.
    package let problems: [String]

    package init(_ problems: [String]) {
        precondition(!problems.isEmpty, "an error with \(problems.count) problems says nothing")
        self.problems = problems
    }

    package init(_ problem: String) { self.init([problem]) }

    /// The problems, one a line.
    package var description: String { problems.joined(separator: "\n") }
}

/// A value of a plan or a result in a message.
package func quoted(_ text: String, limit: Int = 60) -> String { Messages.quoted(text, limit: limit) }
