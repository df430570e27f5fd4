import Foundation

/// How the examples of a file are written.
package enum DataFormat: String, Sendable, CaseIterable {
    /// One JSON object per line.
    case jsonl
    /// Tab-separated with a header; quotes are ordinary text (IANA text/tab-separated-values, as in GLUE).
    case tsv
    /// Comma-separated with a header (RFC 4180).
    case csv
    /// A word and its tag a line, a blank line between sentences (CoNLL-2003).
    case conll
    /// One JSON document of articles, paragraphs and questions (SQuAD 1.1 and 2.0).
    case squad
    /// One JSON document that is an array of rows, or as JSONL.
    case json

    /// The format that a file name's extension stands for, `.gz` behind it aside; nil if it is none of ours.
    package init?(fileName: String, form: RowForm = .texts) {
        var fileName = fileName
        if fileName.lowercased().hasSuffix(".gz") { fileName.removeLast(3) }
        guard let dot = fileName.lastIndex(of: ".") else { return nil }
        switch fileName[fileName.index(after: dot)...].lowercased() {
        case "json" where form == .questions: self = .squad
        case "json" where form.isOfObjects: self = .json
        case "conll", "conllu", "conllup", "bio", "iob", "iob2", "bioes", "iobes", "bmes", "bilou":
            self = .conll
        case "txt" where form == .sentences, "tsv" where form == .sentences: self = .conll
        case "jsonl", "ndjson", "json": self = .jsonl
        case "tsv": self = .tsv
        case "csv": self = .csv
        default: return nil
        }
    }
}

/// What a row of a file holds.
package enum RowForm: Sendable, Equatable {
    /// One text or two, and a label.
    case texts
    /// One text, and no label.
    case bareTexts
    /// One text or two, and any number of labels: an array in JSON, else one field cut at `separator`, which nil
    /// leaves to the file.
    case labelSets(separator: String?)
    /// Words, and a tag for each.
    case sentences
    /// A question, the context that may answer it, and the answers.
    case questions
    /// Messages, a prompt and its completion, or a text: what a language model learns from.
    case conversations
    /// A question, what may answer it, and which of these does.
    case choices
    /// An image and a label; also a folder with one subfolder of images for each label.
    case images
    /// An image and a text that describes it, and no label.
    case captionedImages

    var labelSeparator: String? {
        if case .labelSets(let separator) = self { separator } else { nil }
    }

    /// Whether rows may have a label at all.
    var hasLabels: Bool { self != .bareTexts && self != .conversations && self != .captionedImages }

    /// Whether a row has one label, of whatever form.
    var hasSingleLabels: Bool { self == .texts || self == .images }

    /// Whether a row names an image file.
    package var isOfImages: Bool { self == .images || self == .captionedImages }

    /// Whether a row is a JSON object of a form of its own, which columns alone do not tell.
    var isOfObjects: Bool { self == .conversations || self == .choices }

    /// What a file of this form may be, for messages.
    var formats: [DataFormat] {
        switch self {
        case .texts, .bareTexts, .labelSets, .images, .captionedImages: [.jsonl, .tsv, .csv]
        case .sentences: [.jsonl, .conll]
        case .questions: [.jsonl, .squad]
        case .conversations: [.jsonl, .json, .tsv, .csv]
        case .choices: [.jsonl, .json]
        }
    }
}

/// A label as the file has it, before a task gives it a meaning.
package enum RawLabel: Sendable, Hashable {
    case text(String)
    case number(Double)
    /// The labels of a row or the tags of its words, as class names.
    case list([String])
    /// What answers a question; none for one that its context does not answer.
    case answers([Answer])

    /// The class that the label names: JSON's `3` and CSV's `3` are both class "3".
    package var className: String {
        switch self {
        case .text(let text): return text
        case .number(let value):
            guard let integer = Int64(exactly: value) else { return "\(value)" }
            return "\(integer)"
        case .list(let names): return names.joined(separator: ", ")
        case .answers(let answers): return answers.map(\.text).joined(separator: ", ")
        }
    }

    /// The label as a finite decimal number, nil if it is none.
    package var score: Float? {
        let value: Double?
        switch self {
        case .number(let number): value = number
        case .text(let text): value = Self.decimal(text)
        case .list, .answers: value = nil
        }
        guard let score = value.map({ Float($0) }), score.isFinite else { return nil }
        return score
    }

    /// A decimal number, white space around it aside: Double's parser also takes "nan", "inf" and hexadecimal, which no data
    /// set means as a score.
    static func decimal(_ text: String) -> Double? {
        let text = trimmed(text)
        return text.utf8.allSatisfy { "0123456789+-.eE".utf8.contains($0) } ? Double(text) : nil
    }
}

/// A passage of a context.
package struct Answer: Sendable, Hashable {
    package let text: String
    /// Where it stands in the context, in UTF-8 bytes.
    package let start: Int
    package var range: Range<Int> { start..<(start + text.utf8.count) }

    package init(text: String, start: Int) {
        self.text = text
        self.start = start
    }
}

/// One row of a data file.
package struct Example: Sendable, Equatable {
    /// A sentence's words joined by spaces; a question; the path of an image.
    package let text: String
    /// The second text of a pair task, nil when the task has one text; a question's context; what describes an image.
    package let pair: String?
    /// nil only where labels were not required.
    package let label: RawLabel?
    /// Where the row starts in its file, counted from 1; in a SQuAD document, which question it is, in an array of several rows a
    /// line, which row, in a folder of images, which image.
    package let line: Int
    /// The words of a sentence; nil for texts, which are not cut yet.
    package let words: [String]?
    /// What the file calls the row (SQuAD's `id`).
    package let name: String?
    /// What a language model learns from the row; `text` is then what a person reads of it.
    package let conversation: Conversation?
    /// What may answer a question; `text` is then the question with all of it, the label the position of the right one.
    package let choices: Choices?
    /// The file of the image that `text` names.
    package let image: URL?

    package init(
        text: String, pair: String? = nil, label: RawLabel?, line: Int, words: [String]? = nil,
        name: String? = nil, conversation: Conversation? = nil, choices: Choices? = nil,
        image: URL? = nil
    ) {
        self.text = text
        self.pair = pair
        self.label = label
        self.line = line
        self.words = words
        self.name = name
        self.conversation = conversation
        self.choices = choices
        self.image = image
    }

    func labelled(_ label: RawLabel?) -> Example {
        Example(
            text: text, pair: pair, label: label, line: line, words: words, name: name,
            conversation: conversation, choices: choices, image: image)
    }
}
