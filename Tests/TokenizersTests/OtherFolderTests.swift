import Foundation
import ModelFiles
import Testing
import Tokenizers

/// Tokenizer files in other folders than the model's own.
@Suite struct OtherFolderTests {
    private static func goldens() throws -> FolderGoldens {
        try FolderGoldens(Provided.root.appendingPathComponent("Tests/Goldens/tokenizer/folders.json"))
    }

    private static func folder(_ name: String) throws -> TemporaryFolder {
        let goldens = try goldens()
        let temporary = try TemporaryFolder()
        let golden = try #require(goldens.folders.first { $0.name == name }, "\(name)")
        try goldens.write(golden, into: temporary.url)
        return temporary
    }

    /// The files saved beside an adapter, against those of its base.
    @Test(
        arguments: [
            ("bert: no setting", "bert: saved by transformers", []),
            ("bert: no setting", "bert: tokenizer.json alone", []),
            (
                "bert: no setting", "bert: do_lower_case False",
                ["strip_accents false instead of true", "lowercase false instead of true"]
            ),
            ("bert: no setting", "bert: extra tokens", ["1 more added token (\"<x>\")"]),
            ("bert: no setting", "bert: additional tokens", ["1 more added token (\"<x>\")"]),
            ("roberta: no setting", "roberta: additional tokens", ["2 more added tokens (\"<x>\", …)"]),
            ("bert: no setting", "bert: truncation_side left", ["another truncation_side"]),
            ("bert: no setting", "vocab.txt: {}", []),
            (
                "mpnet: no setting", "mpnet vocab.txt: {'do_lower_case': False}",
                [
                    "strip_accents false instead of true", "lowercase false instead of true",
                    "another lstrip, rstrip, single_word or normalized for \"<mask>\"",
                ]
            ),
        ] as [(String, String, [String])])
    func filesBesideAnAdapter(base: String, other: String, differences: [String]) throws {
        let (base, other) = (try Self.folder(base), try Self.folder(other))
        // PEFT's folders have no config.json.
        try FileManager.default.removeItem(at: other.url.appendingPathComponent("config.json"))
        #expect(try Tokenizer.differences(of: other.url, from: base.url) == differences)
    }

    @Test func anotherVocabularyAndNone() throws {
        let (base, other) = (try Self.folder("bert: no setting"), try TemporaryFolder())
        #expect(try Tokenizer.differences(of: other.url, from: base.url) == [])
        try other.write(TinyTokenizer.tokens.joined(separator: "\n"), as: "vocab.txt")
        #expect(try Tokenizer.differences(of: other.url, from: base.url) == ["another vocabulary"])
    }

    /// With the files of a merged model, texts and words get the same space before them.
    @Test(arguments: [
        "roberta: no setting", "roberta: tokenizer.json alone", "roberta: TokenizersBackend",
        "vocab.json and merges.txt",
    ])
    func wordsGetTheirSpaceElsewhereToo(name: String) throws {
        let folder = try Self.folder(name)
        let before = try Tokenizer(folder: folder.url)
        let words = ["The", "good", "movie"]
        let spelled = before.encode(words: words, maxLength: 64).encoding.ids
        let files = try before.filesSpacingWords(in: folder.url)
        #expect(files.contains { $0.name == "tokenizer_config.json" })
        for (file, content) in files { try folder.write(content.text(), as: file) }
        let after = try Tokenizer(folder: folder.url)
        #expect(after.encode(words: words, maxLength: 64).encoding.ids == spelled)
        #expect(after.encode("The good movie", maxLength: 64).ids == spelled)
        #expect(before.encode("The good movie", maxLength: 64).ids != spelled)
        #expect(after.notes == before.notes)
        #expect(try after.filesSpacingWords(in: folder.url).isEmpty)
    }

    @Test(arguments: ["bert: no setting", "xlm-roberta: no setting", "roberta: add_prefix_space True"])
    func nothingIsChangedElsewhere(name: String) throws {
        let folder = try Self.folder(name)
        #expect(try Tokenizer(folder: folder.url).filesSpacingWords(in: folder.url).isEmpty)
    }
}
