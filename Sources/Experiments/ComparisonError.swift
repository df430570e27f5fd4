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

/// Text from outside in quotes, made fit for a one-line message: shortened, with control characters escaped.
package func quoted(_ text: String, limit: Int = 60) -> String {
    var result = ""
    for scalar in text.unicodeScalars.prefix(limit) {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned, .surrogate:
            result += "\\u{\(String(scalar.value, radix: 16))}"
        default: result.unicodeScalars.append(scalar)
        }
    }
    return "'" + (text.unicodeScalars.count > limit ? result + "…" : result) + "'"
}
