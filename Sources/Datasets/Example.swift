/// How the examples of a file are written.
public enum DataFormat: String, Sendable, CaseIterable {
    /// One JSON object per line.
    case jsonl
    /// Tab-separated with a header; quotes are ordinary text (IANA text/tab-separated-values, as in GLUE).
    case tsv
    /// Comma-separated with a header (RFC 4180).
    case csv

    /// The format that a file name's extension stands for; nil if it is none of ours.
    public init?(fileName: String) {
        guard let dot = fileName.lastIndex(of: ".") else { return nil }
        switch fileName[fileName.index(after: dot)...].lowercased() {
        case "jsonl", "ndjson", "json": self = .jsonl
        case "tsv": self = .tsv
        case "csv": self = .csv
        default: return nil
        }
    }
}

/// A label as the file has it, before a task gives it a meaning.
public enum RawLabel: Sendable, Hashable {
    case text(String)
    case number(Double)

    /// The class that the label names: JSON's `3` and CSV's `3` are both class "3".
    public var className: String {
        switch self {
        case .text(let text): return text
        case .number(let value):
            guard let integer = Int64(exactly: value) else { return "\(value)" }
            return "\(integer)"
        }
    }

    /// The label as a finite decimal number, nil if it is none.
    public var score: Float? {
        let value: Double?
        switch self {
        case .number(let number): value = number
        case .text(let text):
            // Double's parser also takes "nan", "inf" and hexadecimal, which no data set means as a score.
            let isDecimal = text.utf8.allSatisfy { "0123456789+-.eE".utf8.contains($0) }
            value = isDecimal ? Double(text) : nil
        }
        guard let score = value.map({ Float($0) }), score.isFinite else { return nil }
        return score
    }
}

/// One row of a data file.
public struct Example: Sendable, Equatable {
    public let text: String
    /// The second text of a pair task, nil when the task has one text.
    public let pair: String?
    /// nil only where labels were not required.
    public let label: RawLabel?
    /// Where the row starts in its file, counted from 1.
    public let line: Int

    public init(text: String, pair: String? = nil, label: RawLabel?, line: Int) {
        self.text = text
        self.pair = pair
        self.label = label
        self.line = line
    }
}
