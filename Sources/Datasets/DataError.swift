import Messages
import ModelFiles

/// What is wrong with a data file, in one line: where, what, and what to try.
package struct DataError: Error, CustomStringConvertible, Sendable, Equatable {
    /// Decides a command's exit status: a missing file, one that cannot be read, or one with bad content.
    package enum Kind: Sendable, Equatable { case missing, unreadable, invalid }

    package let kind: Kind
    package let file: String
    /// The first line concerned, counted from 1; nil when the whole file is.
    package let line: Int?
    package let problem: String
    package let advice: String

    package init(kind: Kind = .invalid, file: String, line: Int? = nil, problem: String, advice: String) {
        self.kind = kind
        self.file = file
        self.line = line
        self.problem = problem
        self.advice = advice
    }

    /// `file:line: what is wrong; what to try`
    package var description: String {
        let name = oneLine(file, limit: 2_000)
        let place = line.map { "\(name):\($0)" } ?? name
        return "\(place): \(problem); \(advice)"
    }
}

/// A value of a row in a message.
func quoted(_ text: String, limit: Int = 60) -> String { "'\(shown(text, limit: limit))'" }

/// The same without quotes.
func shown(_ text: String, limit: Int = 60) -> String { oneLine(text, limit: limit, namesLineEnds: true) }

/// A name from a file as a person may see it on a terminal: as it is, or in quotes where it has characters that cannot be
/// seen or would be taken for something else.
package func visibleName(_ name: String) -> String {
    let isPlain =
        !name.isEmpty && name.unicodeScalars.allSatisfy { !isInvisible($0) } && name.first != " "
        && name.last != " "
    return isPlain ? name : quoted(name, limit: 200)
}

/// `'a', 'b', 'c' and 4 more`
func quotedList(_ names: [String], limit: Int = 10) -> String {
    let shown = names.prefix(limit).map { quoted($0) }.joined(separator: ", ")
    return names.count > limit ? "\(shown) and \(names.count - limit) more" : shown
}
