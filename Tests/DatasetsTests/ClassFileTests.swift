import Datasets
import Foundation
import Testing

/// Files that name labels or weigh them.
@Suite struct ClassFileTests {
    private static func file(_ text: String) throws -> URL {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent(
            "classes-\(UUID().uuidString)")
        try Data(text.utf8).write(to: url)
        return url
    }

    /// What goes wrong, without the file's name.
    private static func message(_ url: URL, _ body: () throws -> Void) -> String {
        do {
            try body()
            return "nothing"
        } catch {
            return "\(error)".replacingOccurrences(of: url.relativePath, with: "f")
        }
    }

    @Test func balancedAsInScikitLearn() {
        // compute_class_weight("balanced", classes=[0, 1, 2], y=[0, 0, 0, 1, 2, 2])
        #expect(ClassWeights.balanced([[0, 0, 0, 1, 2, 2]], classCount: 3) == [6.0 / 9, 2, 1])
        // One that no row has counts as none.
        #expect(ClassWeights.balanced([[0, 0, 0, 2]], classCount: 3) == [4.0 / 6, 1, 2])
        // Of tokens some have no class.
        #expect(ClassWeights.balanced([[-1, 0, 0, -1], [1, 0]], classCount: 2) == [4.0 / 6, 2])
    }

    @Test(arguments: [
        #"{"a b": 0.5, "c": 2}"#, "a b\t0.5\nc\t2\n", "a b 0.5\n\nc  2\r\n", "c,2\na b 0.5\n",
        "\u{feff}c 2e0\na b .5",
    ]) func weightsAreRead(_ text: String) throws {
        let labels = try LabelSet(names: ["a b", "c"], source: "rows")
        #expect(try ClassWeights.read(Self.file(text), labels: labels) == [0.5, 2])
    }

    @Test(arguments: [
        (#"{"a": 1}"#, "f: no weight for 'b'; give each label one, 1 for no change"),
        (
            #"{"a": 1, "b": 0}"#,
            "f: the weight of 'b' is not a number above 0 and at most 1000000; write {\"label\": 1.5, …}, or a label and its weight on each line"
        ),
        (
            "a 1\nb -2\n",
            "f:2: the weight of 'b' is not a number above 0 and at most 1000000; write {\"label\": 1.5, …}, or a label and its weight on each line"
        ),
        (
            "a 1\nb nan\n",
            "f:2: the weight of 'b' is not a number above 0 and at most 1000000; write {\"label\": 1.5, …}, or a label and its weight on each line"
        ),
        ("a 1\nb 1\nB 2\n", "f:3: no row has the label 'B', did you mean 'b'?; the labels are 'a', 'b'"),
        ("a 1\na 1\nb 2\n", "f:2: the label 'a' has two weights; give it one"),
        (
            "[1, 2]",
            "f: not an object of labels and weights; write {\"label\": 1.5, …}, or a label and its weight on each line"
        ),
        ("{\"a\": 1", "f:1: broken JSON"),
        ("\n", "f: the file is empty; check the path"),
    ]) func weightsAreRefused(_ text: String, _ message: String) throws {
        let url = try Self.file(text)
        let labels = try LabelSet(names: ["a", "b"], source: "rows")
        let found = Self.message(url) { _ = try ClassWeights.read(url, labels: labels) }
        #expect(found.hasPrefix(message), "\(found)")
    }

    private static func rows(_ text: String, _ form: RowForm) throws -> Dataset {
        try Dataset.parse(Array(text.utf8), name: "d", format: .jsonl, form: form, requireLabels: true)
    }

    @Test(arguments: [
        "O\nB-PER\nI-PER\n", #"["O", "B-PER", "I-PER"]"#, #"{"0": "O", "2": "I-PER", "1": "B-PER"}"#,
        #"{"id2label": {"0": "O", "1": "B-PER", "2": "I-PER"}, "hidden_size": 32}"#,
        "O\r\nB-PER \r\nI-PER\r\n\r\n",
    ]) func namesTakeTheirNumbersPlace(_ text: String) throws {
        let names = try LabelNames(Self.file(text))
        let tagged = try names.named(
            Self.rows(
                #"{"tokens":["a","b","c"],"ner_tags":[1,2,0]}"# + "\n"
                    + #"{"tokens":["a"],"ner_tags":["O"]}"#, .sentences))
        #expect(tagged.examples.map(\.label) == [.list(["B-PER", "I-PER", "O"]), .list(["O"])])
        #expect(tagged.examples[0].words == ["a", "b", "c"] && tagged.numberedTags == nil)
        let classes = try names.named(
            Self.rows(#"{"text":"a","label":2}"# + "\n" + #"{"text":"b","label":"0"}"#, .texts))
        #expect(classes.examples.map(\.label) == [.text("I-PER"), .text("O")])
    }

    @Test(arguments: [
        ("O\nO\n", "f: the name 'O' occurs twice; name each label once"),
        ("O\n\nB-X\n", "f: label 1 has an empty name; name it"),
        (
            "[1]",
            "f: not an array of names; write one name a line, [\"O\", \"B-PER\"], or {\"0\": \"O\", \"1\": \"B-PER\"}"
        ),
        (
            #"{"a": "O"}"#,
            "f: 'a' is not the number of a label with its name; write one name a line, [\"O\", \"B-PER\"], or {\"0\": \"O\", \"1\": \"B-PER\"}"
        ),
        ("{}", "f: no names; write one name a line, [\"O\", \"B-PER\"], or {\"0\": \"O\", \"1\": \"B-PER\"}"),
        (
            "O\nB-X\n",
            "d:1: label '2' has no name in f; it names 2 labels, the last of them 1: add the name, or correct the label"
        ),
    ]) func namesAreRefused(_ text: String, _ message: String) throws {
        let url = try Self.file(text)
        let rows = try Self.rows(#"{"tokens":["a","b"],"ner_tags":[1,2]}"#, .sentences)
        #expect(Self.message(url) { _ = try LabelNames(url).named(rows) } == message)
    }

    @Test func numbersWithoutNamesAreSeen() throws {
        let rows = try Self.rows(#"{"tokens":["a","b"],"ner_tags":[0,12]}"#, .sentences)
        #expect(
            rows.numberedTags?.text.hasPrefix("d: the tags are numbers from 0 to 12, so that nobody knows")
                == true)
        #expect(try Self.rows(#"{"tokens":["a","b"],"ner_tags":[0,"B-X"]}"#, .sentences).numberedTags == nil)
    }

    @Test func aMissingFileIsNamed() {
        let url = URL(fileURLWithPath: "/nowhere/names.txt")
        let error = #expect(throws: DataError.self) { try LabelNames(url) }
        #expect(error?.kind == .missing)
    }
}
