import Messages
import ModelFiles

/// Something that rows show before any training, as a person should read it.
package struct DataFinding: Sendable, Equatable {
    package enum Kind: String, Sendable {
        /// A file that cannot be read, or labels that there is nothing to learn from.
        case unusable
        case rejectedRows = "rejected-rows"
        /// What reading or tokenizing noted: empty texts, blank lines, rows that are too long.
        case note
        case duplicates
        case conflictingLabels = "conflicting-labels"
        case overlap
        case unknownLabels = "unknown-labels"
        case unmeasuredLabels = "unmeasured-labels"
        case constantScores = "constant-scores"
        /// One label written in several ways.
        case labelSpellings = "label-spellings"
        /// Labels that programs write for missing ones.
        case missingLabels = "missing-labels"
        /// Labels of a single row.
        case rareLabels = "rare-labels"
        /// Labels that look like scores, ids, free text or lists; texts that look like ids.
        case oddLabels = "odd-labels"
        case oddTexts = "odd-texts"
        /// Conversations that are written in several ways.
        case mixedFormats = "mixed-formats"
        /// Conversations without an answer that could be learned.
        case withoutAnswer = "without-answer"
        /// Answers that say nothing.
        case emptyAnswers = "empty-answers"
        /// Conversations that end before an answer.
        case endsUnanswered = "ends-unanswered"
        /// System messages that are not the first, the same speaker twice.
        case oddTurns = "odd-turns"
        /// Some rows have a system message and others none, or nearly each has its own.
        case systemPrompts = "system-prompts"
        /// Arguments of tool calls that are strings.
        case toolArguments = "tool-arguments"
        /// Questions of which two choices are the same.
        case repeatedChoices = "repeated-choices"
        /// Images that are damaged, cut off, too large, or of a kind that is not read.
        case unreadableImages = "unreadable-images"
    }

    package let kind: Kind
    /// Whether nothing can be trained on such data.
    package let isError: Bool
    package let file: String
    /// Rows or labels concerned; nil where the text alone says it.
    package let count: Int?
    /// Lines of the first few rows concerned.
    package let lines: [Int]
    /// One line: where, what, and what it means.
    package let text: String

    package init(
        _ kind: Kind, isError: Bool = false, file: String, count: Int? = nil, lines: [Int] = [], text: String
    ) {
        self.kind = kind
        self.isError = isError
        self.file = file
        self.count = count
        self.lines = Array(lines.prefix(Self.mostLines))
        self.text = text
    }

    /// More lines of examples help nobody.
    static let mostLines = 3

    /// `1 row`, `2 rows`
    static func counted(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }

    /// `line 3`, `lines 3, 8, 9, …`
    static func places(_ lines: [Int]) -> String {
        let shown = lines.prefix(mostLines).map { "\($0)" }.joined(separator: ", ")
        return "line\(lines.count == 1 ? "" : "s") \(shown)\(lines.count > mostLines ? ", …" : "")"
    }

    /// `line 3 as line 17, line 8 as line 2, …`
    static func pairs(_ pairs: [(line: Int, other: Int)]) -> String {
        let shown = pairs.prefix(mostLines).map { "line \($0.line) as line \($0.other)" }
        return shown.joined(separator: ", ") + (pairs.count > mostLines ? ", …" : "")
    }
}
