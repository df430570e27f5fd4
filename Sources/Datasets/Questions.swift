import ModelFiles

/// A question as a file has it, with answers counted in Unicode scalars (Python's string indices).
struct QuestionRow {
    let name: String?
    let question: String
    let context: String
    /// nil where there are none to learn from or to judge by; empty for a question without an answer.
    let answers: [(text: String, start: Int)]?
    /// `is_impossible` and the answers say different things; the first of the two holds where it is true.
    let isContradictory: Bool

    /// Of a document's entry or of a flat line, by the same rules: `question`, `context`, and `answers` as
    /// `[{"text": …, "answer_start": …}]` (SQuAD 1.1, Rajpurkar et al. 2016) or `{"text": […], "answer_start": […]}`
    /// (Hugging Face), or one `answer` with `answer_start`; none where `is_impossible` is true (SQuAD 2.0, 2018), whose
    /// `plausible_answers` are no answers.
    init(_ values: [String: JSONValue], _ place: RowPlace) throws {
        func text(_ key: String) throws -> String {
            guard case .string(let text)? = values[key] else {
                let isDocument = values["data"] != nil || values["paragraphs"] != nil
                throw place.problem(
                    "\(quoted(key)) is \(values[key]?.kind ?? "missing"), not a string",
                    isDocument && !place.isDocument
                        ? "name a SQuAD document .json"
                        : "each \(place.isDocument ? "entry" : "line") needs a question and a context")
            }
            return text
        }
        switch values["id"] {
        case nil, .null: name = nil
        case let id?:
            guard let text = id.className else {
                throw place.problem("'id' is \(id.kind)", "write a string or a number")
            }
            name = text
        }
        question = try text("question")
        context = try text("context")
        let found = try Self.answers(values, place)
        switch values["is_impossible"] {
        case nil, .null:
            answers = found
            isContradictory = false
        case .bool(let isImpossible)?:
            answers = isImpossible ? [] : found
            isContradictory = found.map { $0.isEmpty != isImpossible } ?? false
        case let other?:
            throw place.problem("'is_impossible' is \(other.kind)", "write true or false")
        }
    }

    private static func answers(_ values: [String: JSONValue], _ place: RowPlace) throws
        -> [(text: String, start: Int)]?
    {
        let form = "write {\"text\": [\"…\"], \"answer_start\": [0]}, with empty arrays for no answer"
        func pair(_ text: JSONValue?, _ start: JSONValue?) throws -> (text: String, start: Int) {
            guard case .string(let text)? = text, let start = start?.int else {
                throw place.problem("an answer without its text and answer_start", form)
            }
            return (text, start)
        }
        switch values["answers"] {
        case .object(let members)?:
            if case .string? = members["text"] { return [try pair(members["text"], members["answer_start"])] }
            guard case .array(let texts)? = members["text"],
                case .array(let starts)? = members["answer_start"],
                texts.count == starts.count
            else { throw place.problem("\"answers\" lacks text and answer_start of one length", form) }
            return try zip(texts, starts).map { try pair($0, $1) }
        case .array(let list)?:
            return try list.map { entry in
                guard case .object(let members) = entry else {
                    throw place.problem("\"answers\" holds \(entry.kind)", form)
                }
                return try pair(members["text"], members["answer_start"])
            }
        case nil, .null:
            let answer = values["answer"] ?? .null
            return answer == .null ? nil : [try pair(answer, values["answer_start"])]
        case let other?: throw place.problem("\"answers\" is \(other.kind)", form)
        }
    }
}

/// What is odd in questions but no reason to refuse them.
struct QuestionNotes {
    private var contradictions: (count: Int, first: String) = (0, "")

    mutating func add(_ row: QuestionRow, _ place: RowPlace) {
        guard row.isContradictory else { return }
        contradictions = (
            contradictions.count + 1, contradictions.count == 0 ? place.shown : contradictions.first
        )
    }

    var lines: [String] {
        contradictions.count == 0
            ? []
            : [
                "\(DataFinding.counted(contradictions.count, "question")) whose is_impossible and answers say different "
                    + "things, first \(contradictions.first); they count as questions without an answer"
            ]
    }
}

extension DatasetBuilder {
    mutating func add(question row: QuestionRow, _ place: RowPlace) throws {
        for (what, text) in [("question", row.question), ("context", row.context)]
        where text.allSatisfy(\.isWhitespace) {
            throw place.problem("the \(what) is empty", "remove the row")
        }
        guard row.answers != nil || !requireLabels else {
            throw place.problem("no answers", "add them, empty ones for a question without an answer")
        }
        let answers = try row.answers?.map { answer in
            if answer.text.allSatisfy(\.isWhitespace) {
                throw place.problem("an empty answer", "leave the answers empty where there is none")
            }
            guard let start = Self.bytes(before: answer.start, of: row.context),
                row.context.utf8.dropFirst(start).starts(with: answer.text.utf8)
            else {
                throw place.problem(
                    "answer \(quoted(answer.text)) does not stand at character \(answer.start) of the context",
                    Self.advice(answer.text, at: answer.start, of: row.context))
            }
            return Answer(text: answer.text, start: start)
        }
        try add(
            text: row.question, pair: row.context, label: answers.map { .answers($0) }, line: place.number,
            name: row.name)
        questionNotes.add(row, place)
    }

    /// UTF-8 bytes of the first scalars of a text; nil when there are not as many.
    private static func bytes(before scalars: Int, of text: String) -> Int? {
        let all = text.unicodeScalars
        guard scalars >= 0, let index = all.index(all.startIndex, offsetBy: scalars, limitedBy: all.endIndex)
        else {
            return nil
        }
        return text.utf8.distance(from: text.startIndex, to: index)
    }

    /// Other programs count in units of their own, which agree with characters up to the first that takes several.
    private static func advice(_ answer: String, at start: Int, of context: String) -> String {
        let usual = "count answer_start in characters from 0"
        if start >= 0, context.utf8.dropFirst(start).starts(with: answer.utf8) {
            return usual + ", not in bytes of UTF-8"
        }
        if start >= 0, context.utf16.dropFirst(start).starts(with: answer.utf16) {
            return usual + " (Unicode's code points), not in units of UTF-16"
        }
        return usual
    }

    /// Questions of a SQuAD document, or of an array of flat ones.
    ///
    /// - Parameter rejected: takes what is wrong with single questions, which are then left out; nil to throw the first.
    mutating func readArticles(_ source: SourceText, rejected: inout [DataError]?) throws {
        let document: JSONValue
        do {
            // Where values are short they take more memory than the text.
            let limits = JSONLimits(
                byteCount: .max, values: JSONLimits().values + source.bytes.count / 16, textBytes: .max)
            document = try JSONValue.parse(source.bytes, limits: limits)
        } catch let error as JSONError {
            throw notADocument(": \(error.problem)")
        }
        var number = 0
        try forEachQuestion(of: document) { values in
            number += 1
            let place = RowPlace(file: file, number: number, id: values["id"])
            do {
                try add(question: QuestionRow(values, place), place)
            } catch let error as DataError where rejected != nil {
                rejected?.append(error)
            }
        }
        guard number > 0 else { throw notADocument(": no questions") }
    }

    /// - Throws: `DataError` where the document has another form.
    private func forEachQuestion(of document: JSONValue, _ body: ([String: JSONValue]) throws -> Void) throws
    {
        func members(_ value: JSONValue, _ path: String) throws -> [String: JSONValue] {
            guard let object = value.object else {
                throw notADocument(": \(path) has the wrong kind of value")
            }
            return Dictionary(object.members.map { ($0.key, $0.value) }) { first, _ in first }
        }
        func array(_ values: [String: JSONValue], _ key: String, _ path: String) throws -> [JSONValue] {
            guard let value = values[key] else {
                throw notADocument(": '\(key)' is missing" + (path.isEmpty ? "" : " in \(path)"))
            }
            guard let list = value.array else {
                throw notADocument(": \(path.isEmpty ? "" : path + ".")\(key) has the wrong kind of value")
            }
            return list
        }
        let list = try document.array ?? array(members(document, "the whole"), "data", "")
        let root = document.array == nil ? "data" : ""
        for (index, value) in list.enumerated() {
            let path = "\(root)[\(index)]"
            let article = try members(value, path)
            if article["question"] != nil {
                try body(article)
                continue
            }
            for (index, value) in try array(article, "paragraphs", path).enumerated() {
                let path = "\(path).paragraphs[\(index)]"
                let paragraph = try members(value, path)
                guard let context = paragraph["context"] else {
                    throw notADocument(": 'context' is missing in \(path)")
                }
                for (index, value) in try array(paragraph, "qas", path).enumerated() {
                    var entry = try members(value, "\(path).qas[\(index)]")
                    entry["context"] = context
                    try body(entry)
                }
            }
        }
    }

    private func notADocument(_ why: String) -> DataError {
        DataError(
            file: file, problem: "not a SQuAD document" + why,
            advice: "it is {\"data\": [{\"paragraphs\": [{\"context\": …, \"qas\": […]}]}]}; "
                + "name a file of one question a line .jsonl")
    }
}

extension SourceText {
    /// A line longer than this is a document.
    private static let longestFlatQuestion = 1 << 20

    /// Whether the file named as a SQuAD document has one question a line instead, as Hugging Face's `to_json` writes.
    var hasFlatQuestions: Bool {
        var position = 0
        while let range = line(from: position),
            bytes[range].allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0D })
        {
            position = range.upperBound + 1
        }
        guard let range = line(from: position), range.count <= Self.longestFlatQuestion,
            let first = try? JSONValue.parse(Array(bytes[range]))
        else { return false }
        return first["question"] != nil
    }
}

/// Rows were left out until none was there to read.
package struct NoRowLeft: Error, CustomStringConvertible {
    package let rejected: [DataError]

    package var description: String { rejected.first.map { "\($0)" } ?? "no row can be read" }
}

extension Dataset {
    /// As `parseLeavingOut`, of a SQuAD document: its questions have no lines to leave out.
    static func documentLeavingOut(_ bytes: [UInt8], name: String, columns: ColumnNames) throws -> (
        dataset: Dataset, rejected: [DataError]
    ) {
        let source = try SourceText(bytes, name: name, longestLine: .max)
        if source.hasFlatQuestions {
            return try parseLeavingOut(
                bytes, name: name, format: .jsonl, form: .questions, columns: columns)
        }
        var builder = DatasetBuilder(file: name, form: .questions, requireLabels: true)
        var found: [DataError]? = []
        try builder.readArticles(source, rejected: &found)
        let rejected = found ?? []
        if rejected.count > mostRejected {
            throw DataError(
                file: name,
                problem:
                    "more than \(mostRejected) rows cannot be read; of the first: \(rejected[0].problem)",
                advice: rejected[0].advice)
        }
        if builder.isEmpty { throw NoRowLeft(rejected: rejected) }
        return (try builder.finish(), rejected)
    }
}
