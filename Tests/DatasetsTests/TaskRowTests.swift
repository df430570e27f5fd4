import Datasets
import Testing

private func read(
    _ content: String, _ format: DataFormat, _ form: RowForm, columns: ColumnNames = ColumnNames(),
    requireLabels: Bool = true
) throws -> Dataset {
    try Dataset.parse(
        Array(content.utf8), name: "f", format: format, form: form, columns: columns,
        requireLabels: requireLabels)
}

/// Rows with several labels, tagged sentences, and questions.
@Suite struct TaskRowTests {
    private static let sets = RowForm.labelSets(separator: "|")

    @Test func labelSets() throws {
        let lines = try read(
            #"{"text":"a","labels":["x","y"]}"# + "\n" + #"{"text":"b","labels":[]}"# + "\n"
                + #"{"text":"c","labels":[3,true]}"#, .jsonl, Self.sets)
        #expect(lines.examples.map(\.label) == [.list(["x", "y"]), .list([]), .list(["3", "true"])])
        let table = try read("text,label\na,x | y\nb,\nc,y\n", .csv, Self.sets)
        #expect(table.examples.map(\.label) == [.list(["x", "y"]), .list([]), .list(["y"])])
        let other = try read("text\tlabels\na\tx||y\n", .tsv, .labelSets(separator: "||"))
        #expect(other.examples.map(\.label) == [.list(["x", "y"])])
        let labels = try LabelSet(from: lines)
        #expect(labels.names == ["3", "true", "x", "y"])
        #expect(try Targets.labelSets(of: lines, labels: labels) == [[2, 3], [], [0, 1]])
    }

    @Test func sentences() throws {
        let lines = try read(
            #"{"tokens":["a","b"],"ner_tags":["O","B-X"]}"# + "\n" + #"{"tokens":["c"],"ner_tags":[0]}"#,
            .jsonl, .sentences)
        #expect(lines.examples.map(\.words) == [["a", "b"], ["c"]])
        #expect(lines.examples.map(\.label) == [.list(["O", "B-X"]), .list(["0"])])
        #expect(lines.examples[0].text == "a b")
        let conll = try read(
            "-DOCSTART- -X- O\n\na NN O\nb NN B-X\n\n\r\nc NN I-X\n", .conll, .sentences)
        #expect(conll.examples.map(\.words) == [["a", "b"], ["c"]])
        #expect(conll.examples.map(\.label) == [.list(["O", "B-X"]), .list(["I-X"])])
        #expect(conll.examples.map(\.line) == [3, 7])
        let tabs = try read("a b\tO\nc\tB-X\n", .conll, .sentences)
        #expect(tabs.examples.map(\.words) == [["a b", "c"]])
        let bare = try read("a\nb\n", .conll, .sentences, requireLabels: false)
        #expect(bare.examples.map(\.words) == [["a", "b"]] && bare.examples[0].label == nil)
    }

    @Test func questions() throws {
        // "é" is one character and two bytes.
        let context = "é The sea is blue."
        let forms = [
            #""answers":{"text":["sea"],"answer_start":[6]}"#,
            #""answers":[{"text":"sea","answer_start":6}]"#, #""answer":"sea","answer_start":6"#,
        ]
        for form in forms {
            let line = #"{"id":"q","question":"What?","context":"\#(context)",\#(form)}"#
            let data = try read(line, .jsonl, .questions)
            #expect(data.examples[0].text == "What?" && data.examples[0].pair == context)
            #expect(data.examples[0].label == .answers([Answer(text: "sea", start: 7)]))
            #expect(data.examples[0].name == "q")
        }
        let none = #"{"question":"W?","context":"c","answers":{"text":[],"answer_start":[]}}"#
        #expect(try read(none, .jsonl, .questions).examples[0].label == .answers([]))
        let open = #"{"question":"W?","context":"c"}"#
        #expect(try read(open, .jsonl, .questions, requireLabels: false).examples[0].label == nil)
        let squad = #"""
            {"version": "v2.0", "data": [{"title": "t", "paragraphs": [{"context": "The sea.", "qas": [
              {"id": "1", "question": "W?", "answers": [{"text": "sea", "answer_start": 4}], "is_impossible": false},
              {"id": "2", "question": "V?", "answers": [], "is_impossible": true}]}]}]}
            """#
        let document = try read(squad, .squad, .questions)
        #expect(document.examples.map(\.name) == ["1", "2"] && document.examples.map(\.line) == [1, 2])
        #expect(document.examples.map(\.label) == [.answers([Answer(text: "sea", start: 4)]), .answers([])])
        #expect(DataFormat(fileName: "a.json", form: .questions) == .squad)
        #expect(DataFormat(fileName: "a.conll") == .conll)
    }

    struct Refusal: Sendable, CustomTestStringConvertible {
        let content: String
        let format: DataFormat
        let form: RowForm
        let message: String
        var testDescription: String { message }

        init(_ content: String, _ format: DataFormat, _ form: RowForm, _ message: String) {
            self.content = content
            self.format = format
            self.form = form
            self.message = message
        }
    }

    static let refusals: [Refusal] = [
        Refusal(
            #"{"text":"a","labels":"x"}"#, .jsonl, sets,
            "f:1: label column 'labels' is a string, not an array; write the row's labels as [\"a\", \"b\"]"),
        Refusal(
            #"{"text":"a","labels":[["x"]]}"#, .jsonl, sets,
            "f:1: 'labels' holds an object or an array; each label is a string, a number, true or false"),
        Refusal(
            #"{"text":"a","labels":["x","x"]}"#, .jsonl, sets,
            "f:1: label 'x' occurs twice in the row; name it once"),
        Refusal(
            #"{"text":"a","labels":null}"#, .jsonl, sets,
            "f:1: the label is missing; add it or remove the row"),
        Refusal(
            "text,label\na,x||y\n", .csv, sets,
            "f:2: an empty label among 'x||y'; write labels with one '|' between them, or give --label-separator"
        ),
        Refusal(
            #"{"tokens":["a","b"],"labels":["O"]}"#, .jsonl, .sentences,
            "f:1: 2 words with 1 labels; give each word one label, \"O\" where there is none"),
        Refusal(
            #"{"tokens":"a b","labels":["O","O"]}"#, .jsonl, .sentences,
            "f:1: 'tokens' is a string, not an array of words; write the row's words as [\"a\", \"b\"]"),
        Refusal(
            #"{"tokens":["a",2],"labels":["O","O"]}"#, .jsonl, .sentences,
            "f:1: 'tokens' holds a number; each word is a string in quotes"),
        Refusal(
            #"{"tokens":[],"labels":[]}"#, .jsonl, .sentences, "f:1: the row has no words; remove it"),
        Refusal(
            #"{"tokens":["a"],"labels":[" "]}"#, .jsonl, .sentences,
            "f:1: word 1 has an empty label; write \"O\" for none"),
        Refusal(
            #"{"text":"a","labels":["O"]}"#, .jsonl, .sentences,
            "f:1: no column of words (such as 'tokens'); the columns are 'labels', 'text': "
                + "name one with --text-column"),
        Refusal(
            #"{"tokens":["a"],"labels":["O"],"ner_tags":["O"]}"#, .jsonl, .sentences,
            "f:1: 'labels', 'ner_tags' could each be the label; choose one with --label-column"),
        Refusal(
            "a O\nb\n", .conll, .sentences,
            "f:2: 1 column where other lines have 2; write a word and its tag on each line"),
        Refusal(
            "a\n", .conll, .sentences, "f:1: a word without a tag; write a word and its tag on each line"),
        Refusal(
            "text,label\na,x\n", .csv, .sentences,
            "f: csv does not hold what this task reads; give .jsonl or .conll, or check the task"),
        Refusal(
            #"{"question":"q","context":"the sea","answers":{"text":["sea"],"answer_start":[3]}}"#, .jsonl,
            .questions,
            "f:1: answer 'sea' does not stand at character 3 of the context; "
                + "count answer_start in characters from 0"),
        Refusal(
            #"{"question":"q","context":"the sea","answers":{"text":["sea"],"answer_start":[99]}}"#, .jsonl,
            .questions,
            "f:1: answer 'sea' does not stand at character 99 of the context; "
                + "count answer_start in characters from 0"),
        Refusal(
            #"{"question":"q","context":"the sea","answers":{"text":["sea"],"answer_start":[-1]}}"#, .jsonl,
            .questions,
            "f:1: answer 'sea' does not stand at character -1 of the context; "
                + "count answer_start in characters from 0"),
        Refusal(
            #"{"question":"q","context":"the sea","answers":{"text":["sea"],"answer_start":[]}}"#, .jsonl,
            .questions,
            "f:1: \"answers\" lacks text and answer_start of one length; "
                + "write {\"text\": [\"…\"], \"answer_start\": [0]}, with empty arrays for no answer"),
        Refusal(
            #"{"question":"q","context":"the sea","answers":[3]}"#, .jsonl, .questions,
            "f:1: \"answers\" holds a number; "
                + "write {\"text\": [\"…\"], \"answer_start\": [0]}, with empty arrays for no answer"),
        Refusal(
            #"{"question":"q","context":"the sea","answers":3}"#, .jsonl, .questions,
            "f:1: \"answers\" is a number; "
                + "write {\"text\": [\"…\"], \"answer_start\": [0]}, with empty arrays for no answer"),
        Refusal(
            #"{"question":"q","context":"c","answers":{"text":[" "],"answer_start":[0]}}"#, .jsonl,
            .questions,
            "f:1: an empty answer; leave the answers empty where there is none"),
        Refusal(
            #"{"question":"q","context":"c"}"#, .jsonl, .questions,
            "f:1: no answers; add them, empty ones for a question without an answer"),
        Refusal(
            #"{"question":" ","context":"c","answers":[]}"#, .jsonl, .questions,
            "f:1: the question is empty; remove the row"),
        Refusal(
            #"{"question":"q","answers":[]}"#, .jsonl, .questions,
            "f:1: 'context' is missing, not a string; each line needs a question and a context"),
        Refusal(
            #"{"data":[{"paragraphs":[{"context":"c","qas":[{"id":"1"}]}]}]}"#, .squad, .questions,
            "f: question '1': 'question' is missing, not a string; each entry needs a question and a context"),
        Refusal(
            #"{"data":[{"paragraphs":[{"context":"c","qas":[{"id":"7","question":"q","#
                + #""answers":[{"text":"d","answer_start":0}]}]}]}]}"#, .squad, .questions,
            "f: question '7': answer 'd' does not stand at character 0 of the context; "
                + "count answer_start in characters from 0"),
        Refusal(
            #"{"data":[{"paragraphs":[{"context":"c","qas":[{"id":"7\n","question":"q","#
                + #""answers":[{"text":"d","answer_start":-5}]}]}]}]}"#, .squad, .questions,
            "f: question '7\\n': answer 'd' does not stand at character -5 of the context; "
                + "count answer_start in characters from 0"),
        Refusal(
            #"{"data":["# + String(repeating: "0,", count: 400_000) + "0]}", .squad, .questions,
            "f: not a SQuAD document: the text has more than 250000 values; "
                + "it is {\"data\": [{\"paragraphs\": [{\"context\": …, \"qas\": […]}]}]}; "
                + "name a file of one question a line .jsonl"),
        Refusal(
            #"{"data":"# + String(repeating: "[", count: 100_000), .squad, .questions,
            "f: not a SQuAD document: nested deeper than 64 levels; "
                + "it is {\"data\": [{\"paragraphs\": [{\"context\": …, \"qas\": […]}]}]}; "
                + "name a file of one question a line .jsonl"),
        Refusal(
            String(repeating: "a ", count: 4097) + "O\n", .conll, .sentences,
            "f:1: more than 4096 columns; check the file's format"),
        Refusal(
            "text,label\na,\"" + String(repeating: "x|", count: 10_001) + "\"\n", .csv, sets,
            "f:2: more than 10000 labels in the row; check the label column"),
    ]

    @Test(arguments: refusals) func refuses(_ row: Refusal) throws {
        let error = try #require(throws: DataError.self) {
            try read(row.content, row.format, row.form)
        }
        #expect(error.description == row.message)
    }

    @Test func unknownTags() throws {
        let train = try read(#"{"tokens":["a","b"],"labels":["O","B-PER"]}"#, .jsonl, .sentences)
        let labels = try LabelSet(from: train)
        let other = try read(#"{"tokens":["a"],"labels":["B-PRE"]}"#, .jsonl, .sentences)
        let error = try #require(throws: DataError.self) { try Targets.lists(of: other, labels: labels) }
        #expect(error.description == "f:1: unknown label 'B-PRE'; the known labels are 'B-PER', 'O'")
        let none = try read(#"{"tokens":["a"]}"#, .jsonl, .sentences, requireLabels: false)
        let missing = try #require(throws: DataError.self) { try Targets.lists(of: none, labels: labels) }
        #expect(missing.description == "f:1: the labels are missing; add them or remove the row")
    }
}
