import Foundation
import Testing
import Tokenizers

/// Every hostile file is refused with one line that names the file and the problem.
@Suite struct TokenizerErrorTests {
    struct Case: CustomTestStringConvertible {
        let json: String
        let problem: String

        init(_ json: String, _ problem: String) {
            self.json = json
            self.problem = problem
        }

        var testDescription: String { problem }
    }

    private static let tiny = TinyTokenizer.self

    private static func vocabulary(_ old: String, _ new: String) -> String {
        TinyTokenizer.json(vocabulary: TinyTokenizer.vocabulary.replacingOccurrences(of: old, with: new))
    }

    private static func template(_ old: String, _ new: String) -> String {
        TinyTokenizer.json(template: TinyTokenizer.template.replacingOccurrences(of: old, with: new))
    }

    static let table: [Case] = [
        Case("", "empty"),
        Case("[PAD]\n[UNK]", "line 1"),
        Case("[]", "normalizer \"none\" is not supported"),
        Case(tiny.json().replacingOccurrences(of: "\"vocab\"", with: "\"other\""), "there is no model.vocab"),
        Case(tiny.json(model: "Words"), "model type \"Words\" is not supported"),
        Case(tiny.json(normalizer: #"{"type":"NFC"}"#), "normalizer \"NFC\" is not supported"),
        Case(tiny.json(normalizer: #"{"type":7}"#), "the setting type is not a String"),
        Case(tiny.json(normalizer: "null"), "normalizer \"none\" is not supported"),
        Case(
            tiny.json(normalizer: #"{"type":"BertNormalizer","lowercase":"no"}"#),
            "the setting lowercase is not a Bool"),
        Case(
            tiny.json(preTokenizer: #"{"type":"Whitespace"}"#),
            "pre-tokenizer \"Whitespace\" is not supported"),
        Case(tiny.json(template: "null"), "post-processor \"none\" is not supported"),
        Case(tiny.json(longestWord: "-1"), "max_input_chars_per_word is -1"),
        Case(tiny.json(longestWord: "1.5"), "the setting max_input_chars_per_word is not a Int"),
        Case(tiny.json(vocabulary: "{}"), "the vocabulary is empty"),
        Case(vocabulary("\"a\":9", "\"a\":10"), "id 10 of token \"cat\" belongs to another token too"),
        Case(
            vocabulary("\"a\":9", "\"a\":-9"), "token \"a\" has an id that is not a number from 0 to 10000000"
        ),
        Case(vocabulary("\"a\":9", "\"a\":10000001"), "token \"a\" has an id that is not a number"),
        Case(vocabulary("\"a\":9", "\"a\":\"9\""), "token \"a\" has an id that is not a number"),
        Case(vocabulary("\"a\":9", "\"cat\":9"), "cat"),
        Case(vocabulary("[UNK]", "[unk]"), "the vocabulary has no \"[UNK]\" token"),
        Case(vocabulary("[SEP]", "[sep]"), "the vocabulary has no \"[SEP]\" token"),
        Case(
            tiny.json(added: #"[{"id":4,"content":"[MASK]","lstrip":1}]"#),
            "the setting lstrip is not a Bool"),
        Case(
            tiny.json(added: #"[{"id":25,"content":"x"}]"#),
            "\"x\" has the id 25, but the tokenizers library would number it 20"),
        Case(
            tiny.json(added: #"[{"id":20,"content":"x"},{"id":21,"content":"x"}]"#),
            "added token \"x\" stands twice"),
        Case(
            tiny.json(added: #"[{"id":20,"content":"\u0301","normalized":true}]"#), "once it is normalized"),
        Case(
            tiny.json(
                added: #"""
                    [{"id":20,"content":"X","normalized":true},{"id":21,"content":"x","normalized":true}]
                    """#),
            "\"X\" and \"x\" are the same once normalized"),
        Case(String(repeating: "[", count: 100_000), "nested deeper than 64 levels"),
        Case(vocabulary("\"a\":9", "\"a\":1e300"), "token \"a\" has an id that is not a number"),
        Case(vocabulary("\"a\":9", "\"a\":9,\"a\":20"), "duplicate key"),
        Case(tiny.json(added: #"[{"id":4}]"#), "an entry of added_tokens has no content or id"),
        Case(tiny.json(added: #"[{"id":4,"content":""}]"#), "an entry of added_tokens has no content or id"),
        Case(
            tiny.json(added: #"[{"id":-4,"content":"x"}]"#), "an entry of added_tokens has no content or id"),
        Case(
            tiny.json(added: #"[{"id":5,"content":"[MASK]"}]"#),
            "\"[MASK]\" has the id 5, in the vocabulary it has 4"),
        Case(template("\"ids\":[2]", "\"ids\":[9]"), "\"[CLS]\" has the id 9 in one place and 2"),
        Case(template("\"B\",\"type_id\":1", "\"B\",\"type_id\":0"), "the template is not [CLS] A [SEP]"),
        Case(
            template("\"single\":[{\"SpecialToken\":{\"id\":\"[CLS]\",\"type_id\":0}},", "\"single\":["),
            "the template is not"),
        Case(template("\"id\":\"B\"", "\"id\":\"A\""), "the template is not [CLS] A [SEP]"),
        Case(tiny.json(template: #"{"type":"TemplateProcessing"}"#), "the template is not [CLS] A [SEP]"),
        Case(
            tiny.json(template: #"{"type":"BertProcessing","sep":[],"cls":["[CLS]",2]}"#), "lacks cls"),
        Case(
            tiny.json(template: #"{"type":"RobertaProcessing","sep":["[SEP]",2],"cls":["[CLS]",2]}"#),
            "token \"[SEP]\" has the id 2 in one place and 3 in the vocabulary"),
        Case(
            vocabulary("\"cat\":10", "\"\(String(repeating: "c", count: 1001))\":10"),
            "cccc…\" has 1001 bytes, the limit is 1000"),
        Case(
            tiny.json(added: "[{\"id\":20,\"content\":\"\(String(repeating: "é", count: 501))\"}]"),
            "éé…\" has 1002 bytes, the limit is 1000"),
        Case(vocabulary("\"a\":9", #""a\nb\u2028":"9""#), #"token "a\u{a}b\u{2028}" has an id that is not"#),
        Case(
            tiny.json(vocabulary: "[" + String(repeating: "0,", count: 5_000_000) + "0]"),
            "the text has more than 4000000 values"),
        Case(
            tiny.json(
                vocabulary: "{" + (0...1_000_000).map { "\"\($0)\":\($0)" }.joined(separator: ",") + "}"),
            "the vocabulary has 1000001 tokens, the limit is 1000000"),
        Case(tiny.json(vocabulary: "7"), "there is no model.vocab"),
        Case(tiny.json(added: "[7]"), "an entry of added_tokens has no content or id"),
    ]

    @Test(arguments: table)
    func hostileJSONIsRefused(hostile: Case) throws {
        let folder = try TemporaryFolder()
        try folder.write(hostile.json, as: "tokenizer.json")
        expectError(folder, hostile.problem)
    }

    @Test func hostileVocabularyListIsRefused() throws {
        let folder = try TemporaryFolder()
        expectError(folder, "there is neither tokenizer.json nor vocab.txt; use the tokenizer files")
        try folder.write("", as: "spm.model")
        expectError(folder, "nor vocab.txt, only spm.model; AutoTokenizer.from_pretrained")
        try folder.write("", as: "vocab.txt")
        expectError(folder, "the vocabulary is empty")
        try folder.write("[CLS]\n[SEP]\na", as: "vocab.txt")
        expectError(folder, "the vocabulary has no \"[UNK]\" token")
        try folder.write("[CLS]\n[SEP]\n[UNK]\na\na", as: "vocab.txt")
        expectError(folder, "token \"a\" stands twice in the vocabulary")
        try folder.write(String(repeating: "a\n", count: 1_000_001), as: "vocab.txt")
        expectError(folder, "the vocabulary has 1000001 tokens, the limit is 1000000")
        try folder.write("[CLS]\n[SEP]\n[UNK]\n" + String(repeating: "a", count: 1001), as: "vocab.txt")
        expectError(folder, "aaaa…\" has 1001 bytes, the limit is 1000")
        try Data([0xFF, 0xFE, 0x0A]).write(to: folder.url.appendingPathComponent("vocab.txt"))
        expectError(folder, "cannot be read as UTF-8 text")
        try folder.write("[CLS]\n[SEP]\n[UNK]\na", as: "vocab.txt")
        try folder.write(#"{"do_lower_case":1}"#, as: "tokenizer_config.json")
        expectError(folder, "tokenizer_config.json: the setting do_lower_case is not a Bool")
    }

    @Test(arguments: ["tokenizer.json", "vocab.txt"])
    func hugeFileAndFolderAreRefused(name: String) throws {
        let folder = try TemporaryFolder()
        try folder.write("", as: name)
        // A hole in the file: 1 GiB that takes no disk.
        let handle = try FileHandle(forWritingTo: folder.url.appendingPathComponent(name))
        try handle.truncate(atOffset: 1 << 30)
        try handle.close()
        expectError(folder, name)
        let other = try TemporaryFolder()
        try FileManager.default.createDirectory(
            at: other.url.appendingPathComponent(name), withIntermediateDirectories: true)
        expectError(other, name)
    }

    private func expectError(_ folder: TemporaryFolder, _ problem: String) {
        do {
            _ = try Tokenizer(folder: folder.url)
            Issue.record("no error, expected: \(problem)")
        } catch {
            let text = "\(error)"
            #expect(text.contains(problem))
            #expect(text.contains(folder.url.path))
            #expect(!text.contains("\n"))
        }
    }
}
