import Datasets
import Foundation
import Testing

/// One question told by a document, by an array and by lines: all three take and refuse the same.
@Suite struct QuestionReaderTests {
    private static let context = "é The 𝒜 sea is blue."

    /// Members of a question beside its context.
    private static let entries: [(members: String, answers: [String]?, problem: String?)] = [
        (#""id":"a","question":"Q?","answers":[{"text":"sea","answer_start":8}]"#, ["sea"], nil),
        (
            #""id":7,"question":"Q?","answers":{"text":["sea","The"],"answer_start":[8,2]}"#, ["sea", "The"],
            nil
        ),
        (
            #""id":12345678901234567890,"question":"Q?","answers":{"text":"sea","answer_start":8}"#, ["sea"],
            nil
        ),
        (#""question":"Q?","answers":{"text":[],"answer_start":[]}"#, [], nil),
        (#""question":"Q?","answer":"sea","answer_start":8.0"#, ["sea"], nil),
        (
            #""id":null,"question":"Q?","is_impossible":true,"answers":[],"plausible_answers":[{"text":"sea","answer_start":8}]"#,
            [], nil
        ),
        (#""question":"Q?","is_impossible":true"#, [], nil),
        (
            #""question":"Q?","answers":[{"text":"sea","answer_start":9}]"#, nil,
            "answer 'sea' does not stand at character 9 of the context; count answer_start in characters from 0 (Unicode's "
                + "code points), not in units of UTF-16"
        ),
        (
            #""question":"Q?","answers":[{"text":"sea","answer_start":12}]"#, nil,
            "answer 'sea' does not stand at character 12 of the context; count answer_start in characters from 0, not in "
                + "bytes of UTF-8"
        ),
        (
            #""question":"Q?","answers":[{"text":"sea","answer_start":0}]"#, nil,
            "answer 'sea' does not stand at character 0 of the context; count answer_start in characters from 0"
        ),
        (
            #""id":["a"],"question":"Q?","answers":[]"#, nil,
            "'id' is an object or an array; write a string or a number"
        ),
        (
            #""question":"Q?","is_impossible":"no","answers":[]"#, nil,
            "'is_impossible' is a string; write true or false"
        ),
        (#""question":"Q?""#, nil, "no answers; add them, empty ones for a question without an answer"),
        (#""question":" ","answers":[]"#, nil, "the question is empty; remove the row"),
    ]

    private static func flat(_ members: String) -> String { "{\"context\":\"\(context)\",\(members)}" }

    private static let forms: [(name: String, format: DataFormat, text: @Sendable ([String]) -> String)] = [
        (
            "document", .squad,
            {
                "{\"data\":[{\"paragraphs\":[{\"context\":\"\(context)\",\"qas\":[\($0.map { "{\($0)}" }.joined(separator: ","))]}]}]}"
            }
        ),
        ("array", .squad, { "[" + $0.map(flat).joined(separator: ",\n ") + "]" }),
        ("data", .squad, { "{\"version\":1,\"data\":[" + $0.map(flat).joined(separator: ",") + "]}" }),
        ("lines in .json", .squad, { $0.map(flat).joined(separator: "\n") }),
        ("lines", .jsonl, { $0.map(flat).joined(separator: "\n") }),
    ]

    @Test func readersAgree() throws {
        for form in Self.forms {
            let (dataset, rejected) = try Dataset.parseLeavingOut(
                Array(form.text(Self.entries.map(\.members)).utf8), name: "f", format: form.format,
                form: .questions, columns: ColumnNames())
            let answers = dataset.examples.map { example -> [String] in
                if case .answers(let answers)? = example.label { answers.map(\.text) } else { ["none"] }
            }
            #expect(answers == Self.entries.compactMap(\.answers), "\(form.name)")
            #expect(
                dataset.examples.map(\.name) == ["a", "7", "12345678901234567890", nil, nil, nil, nil],
                "\(form.name)")
            #expect(dataset.examples.map(\.line) == [1, 2, 3, 4, 5, 6, 7], "\(form.name)")
            #expect(rejected.count == 7, "\(form.name)")
            for (error, problem) in zip(rejected, Self.entries.compactMap(\.problem)) {
                #expect(error.description.hasSuffix(": \(problem)"), "\(form.name): \(error)")
            }
        }
    }

    @Test func eachIsNamed() throws {
        let bad = [0, 1, 3].map { index in
            "\(index == 3 ? "" : "\"id\":\(index),")\"question\":\"Q?\",\"answers\":[{\"text\":\"x\",\"answer_start\":0}]"
        }
        let good = Self.entries[0].members
        let (_, rejected) = try Dataset.parseLeavingOut(
            Array(Self.forms[0].text([bad[0], good] + bad[1...]).utf8), name: "f", format: .squad,
            form: .questions,
            columns: ColumnNames())
        #expect(
            rejected.map { $0.problem.prefix { $0 != ":" } } == [
                "question '0'", "question '1'", "question 4 of the document",
            ])
        #expect(rejected.allSatisfy { $0.line == nil })
        // Where none is left they are told all the same.
        let none = try #require(throws: NoRowLeft.self) {
            try Dataset.parseLeavingOut(
                Array(Self.forms[0].text(bad).utf8), name: "f", format: .squad, form: .questions,
                columns: ColumnNames())
        }
        #expect(none.rejected.count == 3)
        let many = try #require(throws: DataError.self) {
            try Dataset.parseLeavingOut(
                Array(Self.forms[0].text([String](repeating: bad[0], count: 21)).utf8), name: "f",
                format: .squad,
                form: .questions, columns: ColumnNames())
        }
        #expect(
            many.description.hasPrefix(
                "f: more than 20 rows cannot be read; of the first: question '0': answer"))
    }

    @Test func contradictionsAreCounted() throws {
        let entries = [
            #""id":1,"question":"Q?","is_impossible":false,"answers":[]"#,
            #""id":2,"question":"Q?","is_impossible":true,"answers":[{"text":"sea","answer_start":8}]"#,
        ]
        for (form, place) in zip([Self.forms[0], Self.forms[4]], ["question '1'", "line 1"]) {
            let data = try Dataset.parse(
                Array(form.text(entries).utf8), name: "f", format: form.format, form: .questions,
                requireLabels: true)
            #expect(data.examples.map(\.label) == [.answers([]), .answers([])])
            #expect(
                data.warnings == [
                    "f: 2 questions whose is_impossible and answers say different things, first \(place); they count as "
                        + "questions without an answer"
                ])
        }
    }

    @Test(arguments: [
        (#"{"rows":[]}"#, "'data' is missing"), (#"{"data":[]}"#, "no questions"),
        (#"[1]"#, "[0] has the wrong kind of value"),
        (#"{"data":{}}"#, "data has the wrong kind of value"),
        (#"{"data":[{"t":1}]}"#, "'paragraphs' is missing in data[0]"),
        (#"{"data":[{"paragraphs":[{"qas":[]}]}]}"#, "'context' is missing in data[0].paragraphs[0]"),
        (#"{"data":[{"paragraphs":[{"context":"c"}]}]}"#, "'qas' is missing in data[0].paragraphs[0]"),
        (
            #"{"data":[{"paragraphs":[{"context":"c","qas":[3]}]}]}"#,
            "data[0].paragraphs[0].qas[0] has the wrong kind of value"
        ),
        ("3", "the whole has the wrong kind of value"),
    ]) func otherDocumentsAreRefused(_ text: String, _ why: String) throws {
        let error = try #require(throws: DataError.self) {
            try Dataset.parse(
                Array(text.utf8), name: "f", format: .squad, form: .questions, requireLabels: true)
        }
        #expect(
            error.description
                == "f: not a SQuAD document: \(why); it is {\"data\": [{\"paragraphs\": [{\"context\": …, "
                + "\"qas\": […]}]}]}; name a file of one question a line .jsonl")
    }

    @Test func aDocumentNamedAsLines() throws {
        let error = try #require(throws: DataError.self) {
            try Dataset.parse(
                Array(Self.forms[0].text([Self.entries[0].members]).utf8), name: "f", format: .jsonl,
                form: .questions,
                requireLabels: true)
        }
        #expect(error.description == "f:1: 'question' is missing, not a string; name a SQuAD document .json")
    }
}
