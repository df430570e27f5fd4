import Datasets
import Testing

/// Questions with choices, as the usual data sets have them.
@Suite struct ChoicesTests {
    private static func read(
        _ json: String, columns: ColumnNames = ColumnNames(), requireLabels: Bool = true
    ) throws -> Example {
        let dataset = try Dataset.parse(
            Array(json.utf8), name: "f", format: .jsonl, form: .choices, columns: columns,
            requireLabels: requireLabels)
        return try #require(dataset.examples.first)
    }

    private static let rows: [(name: String, json: String, expected: Choices)] = [
        (
            "ARC",
            #"{"id": "x", "question": "q?", "choices": {"text": ["a", "b", "c"], "label": ["A", "B", "C"]}, "answerKey": "C"}"#,
            Choices(question: "q?", choices: ["a", "b", "c"], names: ["A", "B", "C"], answer: 2)
        ),
        (
            "ARC by numbers",
            #"{"question": "q?", "choices": {"text": ["a", "b"], "label": ["1", "2"]}, "answerKey": "1"}"#,
            Choices(question: "q?", choices: ["a", "b"], names: ["1", "2"], answer: 0)
        ),
        (
            "OpenBookQA",
            #"{"question_stem": "q?", "choices": [{"text": "a", "label": "A"}, {"text": "b", "label": "B"}], "answerKey": "B"}"#,
            Choices(question: "q?", choices: ["a", "b"], names: ["A", "B"], answer: 1)
        ),
        (
            "MMLU", #"{"question": "q?", "subject": "s", "choices": ["3", "0"], "answer": 0}"#,
            Choices(question: "q?", choices: ["3", "0"], answer: 0)
        ),
        (
            "HellaSwag", #"{"ctx": "q", "endings": ["a", "b"], "label": "1"}"#,
            Choices(question: "q", choices: ["a", "b"], answer: 1)
        ),
        (
            "RACE", #"{"article": "z", "question": "q?", "options": ["a", "b"], "answer": "B"}"#,
            Choices(context: "z", question: "q?", choices: ["a", "b"], answer: 1)
        ),
        (
            "the text of a choice", #"{"query": "q?", "choices": ["yes", "no"], "answer": "no"}"#,
            Choices(question: "q?", choices: ["yes", "no"], answer: 1)
        ),
        (
            "truth", #"{"context": "c", "question": "q?", "choices": ["true", "false"], "answer": false}"#,
            Choices(context: "c", question: "q?", choices: ["true", "false"], answer: 1)
        ),
    ]

    @Test func reads() throws {
        for row in Self.rows {
            let example = try Self.read(row.json)
            #expect(example.choices == row.expected, "\(row.name)")
            #expect(example.label == row.expected.answer.map { .number(Double($0)) }, "\(row.name)")
            #expect(example.text == row.expected.text && example.pair == nil, "\(row.name)")
            let array = try Dataset.parse(
                Array("[\(row.json)]".utf8), name: "f", format: .json, form: .choices, requireLabels: true)
            #expect(array.examples.map(\.choices) == [row.expected], "\(row.name)")
        }
        #expect(try Self.read(Self.rows[0].json).name == "x")
        #expect(Self.rows[5].expected.text == "z\nq?\na\nb")
    }

    @Test func columns() throws {
        let json = #"{"q": "a?", "Given": ["x", "y"], "right": 1, "label": 0, "id": 3}"#
        let example = try Self.read(json, columns: ColumnNames(text: ["q", "given"], label: "right"))
        #expect(example.choices == Choices(question: "a?", choices: ["x", "y"], answer: 1))
        let dataset = try Dataset.parse(
            Array(json.utf8), name: "f", format: .jsonl, form: .choices,
            columns: ColumnNames(text: ["q", "given"], label: "right"), requireLabels: true)
        #expect(dataset.columns?.text == ["q", "Given"] && dataset.columns?.label == "right")
        #expect(dataset.columns?.unused == ["label"])
        // What a test set leaves out.
        let hidden = try Self.read(#"{"ctx": "q", "endings": ["a", "b"], "label": ""}"#, requireLabels: false)
        #expect(hidden.choices?.answer == nil && hidden.label == nil)
    }

    private static func problem(_ members: String) -> String { #"{"question": "q?", \#(members)}"# }

    private static let form = "write [\"…\", \"…\"], or {\"text\": [\"…\", \"…\"], \"label\": [\"A\", \"B\"]}"

    static let errors: [(String, String)] = [
        (
            #"{"text": "a"}"#,
            "no question (such as 'question'); the columns are 'text': name two with --text-column question,choices"
        ),
        (
            #"{"question": "q?"}"#,
            "no choices (such as 'choices'); the columns are 'question': name two with --text-column question,choices"
        ),
        (
            #"{"question": "q?", "query": "q?", "choices": ["a", "b"], "answer": 0}"#,
            "'question', 'query' could each be meant; choose with --text-column question,choices"
        ),
        (
            problem(#""choices": ["a", "b"], "answer": 0, "label": 1"#),
            "'answer', 'label' could each be meant; choose with --label-column"
        ),
        (
            problem(#""choices": ["a", "b"], "context": "c", "passage": "d", "answer": 0"#),
            "'context', 'passage' could each be meant; remove all but one"
        ),
        (
            #"{"question": 1, "choices": ["a", "b"]}"#,
            "column 'question' is a number, not a string; put the text in quotes"
        ),
        (
            #"{"question": " ", "choices": ["a", "b"]}"#,
            "column 'question' is empty; write a text, or remove the row"
        ),
        (problem(#""choices": "a""#), "'choices' is a string, not an array of choices; \(form)"),
        (problem(#""choices": {"label": ["A"]}"#), "'choices' has no texts; \(form)"),
        (
            problem(#""choices": {"text": ["a", "b"], "label": ["A"]}"#),
            "'choices' has texts and labels of different number; \(form)"
        ),
        (
            problem(#""choices": []"#),
            "'choices' has nothing to choose from; give two at least, or remove the row"
        ),
        (
            problem(#""choices": ["a"]"#),
            "'choices' has one to choose from; give two at least, or remove the row"
        ),
        (problem(#""choices": ["a", 2]"#), "choice 2 of 'choices' is a number, not a string; \(form)"),
        (problem(#""choices": ["a", " "]"#), "choice 2 of 'choices' is empty; write it, or remove the row"),
        (
            problem(#""choices": {"text": ["a", "b"], "label": ["A", "A"]}"#),
            "two choices of 'choices' have one label; give each a label of its own"
        ),
        (
            problem(#""choices": [{"text": "a", "label": "A"}, {"text": "b"}]"#),
            "a label of 'choices' is null; \(form)"
        ),
        (
            problem(#""choices": ["a", "b"]"#),
            "the answer is missing; add it as 'answer', 'answerKey' or 'label', or remove the row"
        ),
        (
            problem(#""choices": ["a", "b"], "answer": 2"#),
            "the answer '2' is none of the 2 choices; count them from 0"
        ),
        (
            problem(#""choices": ["a", "b"], "answer": "C""#),
            "the answer 'C' is none of the 2 choices; write a choice's position from 0, its letter or its text"
        ),
        (
            problem(#""choices": ["a", "b"], "answer": 0.5"#),
            "the answer '0.5' is none of the 2 choices; write a choice's position from 0, its letter or its text"
        ),
        (
            problem(#""choices": ["a", "b"], "answer": [0]"#),
            "the answer 'answer' is an object or an array; write a choice's position from 0, its letter or its text"
        ),
        (
            problem(#""choices": {"text": ["a", "b"], "label": ["1", "2"]}, "answerKey": "0""#),
            "the answer '0' is none of the labels '1', '2'; write one of them"
        ),
        (
            problem(#""choices": ["B", "A"], "answer": "A""#),
            "the answer 'A' could mean several of the choices; write their labels too"
        ),
        (
            problem(#""choices": ["1", "0"], "answer": "1""#),
            "the answer '1' could mean several of the choices; write their labels too"
        ),
        (problem(#""choices": ["a", "b\u0000"], "answer": 0"#), "NUL character in the row; remove it"),
    ]

    @Test func errors() throws {
        for (json, message) in Self.errors {
            let error = try #require(throws: DataError.self, "\(json)") { try Self.read(json) }
            #expect(error.description == "f:1: " + message)
        }
        let one = try #require(throws: DataError.self) {
            try Self.read(Self.rows[3].json, columns: ColumnNames(text: ["question"]))
        }
        #expect(one.problem == "1 text columns were asked for")
        let other = try #require(throws: DataError.self) {
            try Self.read(Self.rows[3].json, columns: ColumnNames(label: "right"))
        }
        #expect(other.description == "f:1: the answer is missing; add it as 'right', or remove the row")
        let table = try #require(throws: DataError.self) {
            try Dataset.parse(
                Array("question,choices\n".utf8), name: "f", format: .csv, form: .choices,
                requireLabels: true)
        }
        #expect(
            table.description
                == "f: csv does not hold what this task reads; give .jsonl or .json, or check the task")
    }

    @Test func repeatedChoices() throws {
        let rows = [
            #"{"question": "q?", "choices": ["a", "b"], "answer": 0}"#,
            #"{"question": "r?", "choices": ["a", "b", "a"], "answer": 0}"#,
        ]
        let dataset = try Dataset.parse(
            Array(rows.joined(separator: "\n").utf8), name: "f", format: .jsonl, form: .choices,
            requireLabels: true)
        #expect(
            dataset.choiceFindings().map(\.text) == [
                "f: 1 question of which two choices are the same (line 2); where one is right, so is the other"
            ])
    }
}
