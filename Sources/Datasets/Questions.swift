import Foundation
import ModelFiles

/// A question as a file has it, with answers counted in Unicode scalars (Python's string indices).
struct QuestionRow {
    let name: String?
    let question: String
    let context: String
    /// nil where there are none to learn from or to judge by; empty for a question without an answer.
    let answers: [(text: String, start: Int)]?

    /// A flat line: `question`, `context`, and `answers` as `{"text": […], "answer_start": […]}` (Hugging Face) or
    /// `[{"text": …, "answer_start": …}]` (SQuAD), or one `answer` with `answer_start`.
    init(_ values: [String: JSONValue], file: String, line: Int) throws {
        func problem(_ what: String, _ advice: String) -> DataError {
            DataError(file: file, line: line, problem: what, advice: advice)
        }
        func text(_ key: String) throws -> String {
            guard case .string(let text)? = values[key] else {
                throw problem(
                    "\(quoted(key)) is \(values[key]?.kind ?? "missing"), not a string",
                    "each line needs a question and a context")
            }
            return text
        }
        let form = "write {\"text\": [\"…\"], \"answer_start\": [0]}, with empty arrays for no answer"
        func pair(_ text: JSONValue?, _ start: JSONValue?) throws -> (text: String, start: Int) {
            guard case .string(let text)? = text, let start = start?.position else {
                throw problem("an answer without its text and answer_start", form)
            }
            return (text, start)
        }
        name = values["id"]?.className
        question = try text("question")
        context = try text("context")
        switch values["answers"] {
        case .object(let members)?:
            guard case .array(let texts)? = members["text"],
                case .array(let starts)? = members["answer_start"],
                texts.count == starts.count
            else { throw problem("\"answers\" lacks text and answer_start of one length", form) }
            answers = try zip(texts, starts).map { try pair($0, $1) }
        case .array(let list)?:
            answers = try list.map { entry in
                guard case .object(let members) = entry else {
                    throw problem("\"answers\" holds \(entry.kind)", form)
                }
                return try pair(members["text"], members["answer_start"])
            }
        case nil, .null:
            let answer = values["answer"] ?? .null
            answers = answer == .null ? nil : [try pair(answer, values["answer_start"])]
        case let other?: throw problem("\"answers\" is \(other.kind)", form)
        }
    }

    fileprivate init(_ entry: SquadDocument.Entry, context: String) {
        name = entry.id
        question = entry.question
        self.context = context
        answers = entry.is_impossible == true ? [] : entry.answers?.map { ($0.text, $0.answer_start) }
    }
}

extension DatasetBuilder {
    /// - Parameter place: names the question where a line does not.
    mutating func add(question row: QuestionRow, line: Int, place: String? = nil) throws {
        func problem(_ what: String, _ advice: String) -> DataError {
            DataError(
                file: file, line: place == nil ? line : nil, problem: (place.map { "\($0): " } ?? "") + what,
                advice: advice)
        }
        for (what, text) in [("question", row.question), ("context", row.context)]
        where text.allSatisfy(\.isWhitespace) {
            throw problem("the \(what) is empty", "remove the row")
        }
        guard row.answers != nil || !requireLabels else {
            throw problem("no answers", "add them, empty ones for a question without an answer")
        }
        let answers = try row.answers?.map { answer in
            if answer.text.allSatisfy(\.isWhitespace) {
                throw problem("an empty answer", "leave the answers empty where there is none")
            }
            guard let start = Self.bytes(before: answer.start, of: row.context),
                row.context.utf8.dropFirst(start).starts(with: answer.text.utf8)
            else {
                throw problem(
                    "answer \(quoted(answer.text)) does not stand at character \(answer.start) of the context",
                    "count answer_start in characters from 0")
            }
            return Answer(text: answer.text, start: start)
        }
        try add(
            text: row.question, pair: row.context, label: answers.map { .answers($0) }, line: line,
            name: row.name)
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

    mutating func readArticles(_ source: SourceText) throws {
        let document: SquadDocument
        do {
            // The decoder's map of the text takes more memory than the text where values are short.
            let limits = JSONLimits(
                byteCount: .max, values: JSONLimits().values + source.bytes.count / 16, textBytes: .max)
            try source.bytes.withUnsafeBufferPointer { try JSONValue.checkSize($0, limits) }
            document = try JSONDecoder().decode(SquadDocument.self, from: Data(source.bytes))
        } catch {
            throw DataError(
                file: file, problem: "not a SQuAD document" + Self.place(of: error),
                advice: "it is {\"data\": [{\"paragraphs\": [{\"context\": …, \"qas\": […]}]}]}; "
                    + "name a file of one question a line .jsonl")
        }
        var number = 0
        for paragraph in document.data.flatMap(\.paragraphs) {
            for entry in paragraph.qas {
                number += 1
                try add(
                    question: QuestionRow(entry, context: paragraph.context), line: number,
                    place: "question \(quoted(entry.id))")
            }
        }
    }

    /// `: 'id' is missing in data[0].paragraphs[2]`
    private static func place(of error: any Error) -> String {
        func path(_ keys: [any CodingKey]) -> String {
            keys.reduce("") { path, key in
                path + (key.intValue.map { "[\($0)]" } ?? (path.isEmpty ? "" : ".") + key.stringValue)
            }
        }
        switch error {
        case let error as JSONError: return ": \(error.problem)"
        case DecodingError.keyNotFound(let key, let context):
            let place = path(context.codingPath)
            return ": '\(key.stringValue)' is missing" + (place.isEmpty ? "" : " in \(place)")
        case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context):
            return context.codingPath.isEmpty
                ? "" : ": \(path(context.codingPath)) has the wrong kind of value"
        default: return ": broken JSON"
        }
    }
}

/// SQuAD 1.1 (Rajpurkar et al. 2016), and 2.0 (2018) with `is_impossible`.
private struct SquadDocument: Decodable {
    let data: [Article]

    struct Article: Decodable { let paragraphs: [Paragraph] }
    struct Paragraph: Decodable {
        let context: String
        let qas: [Entry]
    }
    struct Entry: Decodable {
        let id: String
        let question: String
        let answers: [Answer]?
        let is_impossible: Bool?
    }
    struct Answer: Decodable {
        let text: String
        let answer_start: Int
    }
}
