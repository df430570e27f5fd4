import Messages

/// Why a report cannot be made, in one line: where, what, and what to try.
package struct RecordError: Error, CustomStringConvertible, Sendable, Equatable {
    /// Decides a command's exit status.
    package enum Kind: Sendable, Equatable {
        /// The folder or a file in it does not exist.
        case missing
        /// A file exists but cannot be read.
        case unreadable
        /// A file breaks the run folder's format.
        case invalid
        /// The run folder is sound, but it does not hold what was asked for.
        case notRecorded
    }

    package let kind: Kind
    /// The path of the folder or file.
    package let place: String
    /// The line concerned, counted from 1; nil when the whole file is.
    package let line: Int?
    package let problem: String
    package let advice: String

    package init(kind: Kind = .invalid, place: String, line: Int? = nil, problem: String, advice: String) {
        self.kind = kind
        self.place = place
        self.line = line
        self.problem = problem
        self.advice = advice
    }

    /// `file:line: what is wrong; what to try`, without control characters.
    package var description: String {
        let start = line.map { "\(place):\($0)" } ?? place
        return TerminalText.clean("\(start): \(problem); \(advice)")
    }
}
