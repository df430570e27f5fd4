import Foundation
import ModelFiles
import Testing
import Tokenizers

/// Tokenizers of folders written as the vocabulary of a GGUF, and read again as llama.cpp reads it.
@Suite struct GGUFWritingTests {
    private static func written(_ name: String) throws -> (folder: Tokenizer, vocabulary: GGUFVocabulary) {
        let temporary = try TemporaryFolder()
        let json = try Provided.lines("\(DecoderParityTests.folder)/\(name).json").joined(separator: "\n")
        try temporary.write(json, as: "tokenizer.json")
        let tokenizer = try Tokenizer(folder: temporary.url)
        return (
            tokenizer,
            try GGUFVocabulary(folder: temporary.url, tokenizer, size: tokenizer.vocabularySize + 3)
        )
    }

    /// The way to split that llama.cpp has for the family, and the library's tokens of hundreds of texts.
    @Test(arguments: [
        ("llama3", "llama3"), ("qwen2", "qwen2"), ("qwen35", "qwen35"), ("smollm2", "starcoder"),
        ("gpt2", "gpt-2"), ("tekken", "tekken"), ("gpt-4o", "gpt-4o"),
    ])
    func readsAsTheFolderDoes(_ name: String, pre: String) throws {
        let (folder, vocabulary) = try Self.written(name)
        #expect(vocabulary.pre == pre && vocabulary.model == "gpt2")
        #expect(vocabulary.tokens.suffix(3) == vocabulary.tokens.indices.suffix(3).map { "[PAD\($0)]" })
        try Self.expectSameTokens(folder, vocabulary)
    }

    @Test(arguments: ["llama2", "mistral", "gemma"]) func readsScoredTokensAsTheFolderDoes(_ name: String)
        throws
    {
        let (folder, vocabulary) = try Self.written(name)
        #expect(vocabulary.model == "llama" && vocabulary.scores.count == vocabulary.tokens.count)
        try Self.expectSameTokens(folder, vocabulary)
    }

    private static func expectSameTokens(_ folder: Tokenizer, _ vocabulary: GGUFVocabulary) throws {
        let written = try Tokenizer(gguf: vocabulary, name: "written")
        let texts = try DecoderParityTests.texts()
        let added = ["<", "▁", "["]
        // Beside control tokens, and where letters and accents are made one, llama.cpp has its own ways, which are told.
        let plain = texts.filter { text in
            text.precomposedStringWithCanonicalMapping.unicodeScalars.elementsEqual(text.unicodeScalars)
                && !added.contains { text.contains($0) }
        }
        #expect(plain.count > 300)
        for text in plain {
            let (own, again) = (
                folder.encode(text, maxLength: .max).ids, written.encode(text, maxLength: .max).ids
            )
            #expect(own == again, "\(text.debugDescription)")
        }
    }

    /// None of llama.cpp's ways splits as it does.
    @Test func unknownSplittingIsRefused() throws {
        let temporary = try TemporaryFolder()
        let json = try Provided.lines("\(DecoderParityTests.folder)/gpt2.json").joined(separator: "\n")
        var root = try #require(try JSONValue.parse(json).object)
        root["pre_tokenizer"] = try JSONValue.parse(
            #"""
            {"type": "Sequence", "pretokenizers": [
                {"type": "Split", "pattern": {"Regex": "[aeiou]"}, "behavior": "Isolated", "invert": false},
                {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false}]}
            """#)
        try temporary.write(
            String(decoding: JSONValue.object(root).bytes(), as: UTF8.self), as: "tokenizer.json")
        let tokenizer = try Tokenizer(folder: temporary.url)
        let error = #expect(throws: TokenizerError.self) {
            try GGUFVocabulary(folder: temporary.url, tokenizer, size: tokenizer.vocabularySize)
        }
        #expect(
            error?.problem.contains("llama.cpp has no way to split texts") == true,
            "\(error.map { "\($0)" } ?? "")")
    }
}
