import Foundation
import ModelFiles
import Testing
import Tokenizers

/// Tokenizers of encoders written as the vocabulary of a GGUF, and read again as llama.cpp reads it.
@Suite struct GGUFEncoderVocabularyTests {
    private static func written(_ json: String, types: Int) throws -> (folder: Tokenizer, GGUFVocabulary) {
        let temporary = try TemporaryFolder()
        try temporary.write(json, as: "tokenizer.json")
        let tokenizer = try Tokenizer(folder: temporary.url)
        return (
            tokenizer,
            try GGUFVocabulary(
                folder: temporary.url, tokenizer, size: tokenizer.vocabularySize + 2, types: types)
        )
    }

    private static func subword(_ name: String) throws -> String {
        let folder = "Tests/Goldens/tokenizer/subword"
        let map = try #require(try Provided.lines("\(folder)/charsmap.txt").first)
        return try Provided.lines("\(folder)/\(name).json").joined(separator: "\n").replacing(
            "@charsmap", with: map)
    }

    private static func expectSame(
        _ folder: Tokenizer, _ vocabulary: GGUFVocabulary, _ texts: [String], isPaired: Bool = true
    ) throws {
        let written = try Tokenizer(gguf: vocabulary, name: "written")
        for text in texts {
            let (own, again) = (
                folder.encode(text, maxLength: 1 << 20), written.encode(text, maxLength: 1 << 20)
            )
            #expect(own.ids == again.ids, "\(text.debugDescription)")
            guard isPaired else { continue }
            let (two, other) = (
                folder.encode(text, pair: "b a", maxLength: 1 << 20),
                written.encode(text, pair: "b a", maxLength: 1 << 20)
            )
            #expect(two.ids == other.ids, "\(text.debugDescription) and another")
        }
    }

    /// The keys that llama.cpp's converter writes for a WordPiece, and the tokens as it spells them.
    @Test func wordPieces() throws {
        let (folder, vocabulary) = try Self.written(TinyTokenizer.json(longestWord: "100"), types: 2)
        #expect(vocabulary.model == "bert" && vocabulary.typeCount == 2)
        let mark = "\u{2581}"
        let tokens: [String] = [
            mark + "[PAD]", mark + "[UNK]", mark + "[CLS]", mark + "[SEP]", "[MASK]", mark + "un", "aff",
            "able",
            "a",
        ]
        #expect(Array(vocabulary.tokens.prefix(9)) == tokens)
        #expect(Array(vocabulary.tokenTypes.prefix(6)) == [1, 1, 1, 1, 3, 1])
        let spare: [String] = [mark + "[PAD20]", mark + "[PAD21]"]
        #expect(Array(vocabulary.tokens.suffix(2)) == spare)
        let frame: [Int32?] = [vocabulary.bosID, vocabulary.eosID, vocabulary.separatorID]
        #expect(frame == [2, 3, 3])
        let others: [Int32?] = [vocabulary.unknownID, vocabulary.paddingID, vocabulary.maskID]
        #expect(others == [1, 0, 4])
        let adds: [Bool?] = [vocabulary.addBOS, vocabulary.addEOS, vocabulary.addSEP]
        #expect(adds == [true, true, false])
        #expect(vocabulary.lowercases == true && vocabulary.stripsAccents == nil)
        try Self.expectSame(
            folder, vocabulary,
            [
                "unaffable cats", "Unaffable, CAT", "ässs", "cat,cats", "", "  e  e ", "xyz cat",
                "cat [MASK] a",
            ])
        let keys = Set(vocabulary.keys.map(\.key))
        #expect(
            keys.isSuperset(of: ["tokenizer.ggml.seperator_token_id", "tokenizer.ggml.token_type_count"]))
    }

    /// What of BERT's words llama.cpp does otherwise is told.
    @Test func longWordsAreTold() throws {
        let letters = (UInt8(ascii: "a")...UInt8(ascii: "z")).map { String(UnicodeScalar($0)) }
        let tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + letters + letters.map { "##" + $0 }
        let vocabulary =
            "{" + tokens.enumerated().map { "\"\($0.element)\":\($0.offset)" }.joined(separator: ",") + "}"
        let (folder, made) = try Self.written(
            TinyTokenizer.json(vocabulary: vocabulary, longestWord: "100"), types: 2)
        let written = try Tokenizer(gguf: made, name: "written")
        let told = try folder.differences(from: written, in: URL(fileURLWithPath: "/"))
        #expect(told.contains { $0.contains("more than 100 letters") }, "\(told)")
    }

    /// Cased, and with accents.
    @Test func normalizersAreKept() throws {
        let (_, vocabulary) = try Self.written(
            TinyTokenizer.json(
                longestWord: "100",
                normalizer: #"{"type":"BertNormalizer","lowercase":false,"strip_accents":true}"#), types: 2)
        #expect(vocabulary.lowercases == false && vocabulary.stripsAccents == true)
    }

    /// RoBERTa's BPE with two separators between texts, and XLM-R's Unigram with its table of characters.
    @Test(arguments: [("roberta", "gpt2", "roberta-bpe"), ("xlm-r", "t5", "default")])
    func subwords(_ name: String, model: String, pre: String) throws {
        let (folder, vocabulary) = try Self.written(try Self.subword(name), types: 1)
        #expect(vocabulary.model == model && vocabulary.pre == pre && vocabulary.typeCount == 1)
        #expect(vocabulary.addSEP == true && vocabulary.characterMap.isEmpty == (model == "gpt2"))
        #expect(vocabulary.scores.isEmpty == (model == "gpt2"))
        try Self.expectSame(
            folder, vocabulary,
            [
                "Hello, world!", "the cat's  sat. 12345 I'LL", "naïve café", "a surgical instrument", "x",
                "\u{FB01}ne",
            ])
    }

    /// Vocabularies that llama.cpp could do nothing with.
    @Test(arguments: ["unknown", "scores", "map"]) func brokenOnesAreErrors(_ what: String) throws {
        var vocabulary = GGUFVocabulary(
            model: what == "unknown" ? "bert" : "t5", pre: nil, tokens: ["a", "b"])
        if what == "map" {
            (vocabulary.scores, vocabulary.unknownID, vocabulary.characterMap) = ([0, 1], 0, [1, 2, 3])
        }
        #expect(throws: TokenizerError.self) { try Tokenizer(gguf: vocabulary, name: "x") }
    }
}
