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
        ("gpt2", "gpt-2"), ("cl100k", "dbrx"),
    ])
    func readsAsTheFolderDoes(_ name: String, pre: String) throws {
        let (folder, vocabulary) = try Self.written(name)
        #expect(vocabulary.pre == pre && vocabulary.model == "gpt2")
        #expect(vocabulary.tokens.suffix(3) == vocabulary.tokens.indices.suffix(3).map { "[PAD\($0)]" })
        try Self.expectSameTokens(folder, vocabulary)
    }

    /// llama.cpp's own expressions know classes of letters beyond ASCII otherwise than those of these tokenizers: it is told.
    @Test(arguments: [
        ("tekken", "tekken"), ("gpt-4o", "gpt-4o"),
        ("deepseek-coder", "deepseek-coder"), ("deepseek", "deepseek-v3"),
    ])
    func whatLlamaCppSplitsOtherwiseIsTold(_ name: String, pre: String) throws {
        let (folder, vocabulary) = try Self.written(name)
        #expect(vocabulary.pre == pre)
        let written = try Tokenizer(gguf: vocabulary, name: "written")
        for text in try DecoderParityTests.texts() where text.utf8.allSatisfy({ $0 < 0x80 && $0 != 0x3C }) {
            let (own, again) = (
                folder.encode(text, maxLength: .max).ids, written.encode(text, maxLength: .max).ids
            )
            #expect(own == again, "\(text.debugDescription)")
        }
        let told = try folder.differences(from: written, in: URL(fileURLWithPath: "/"))
        #expect(
            told.contains { $0.contains("into other tokens") } == ["tekken", "gpt-4o"].contains(name),
            "\(told)")
    }

    /// A vocabulary of SentencePiece as transformers' converter makes a tokenizer.json of it: each way to make a token is a
    /// merge, the best tokens first.
    @Test func readsScoredTokensAsTheFolderDoes() throws {
        let scored = try GGUFVocabularyTests.vocabulary("scored")
        let ids = Dictionary(uniqueKeysWithValues: scored.tokens.enumerated().map { ($0.element, $0.offset) })
        var merges: [(left: String, right: String, score: Float)] = []
        for (id, token) in scored.tokens.enumerated() where scored.tokenTypes[id] == 1 {
            for cut in token.unicodeScalars.indices.dropFirst() {
                let (left, right) = (
                    String(token.unicodeScalars[..<cut]), String(token.unicodeScalars[cut...])
                )
                if ids[left] != nil, ids[right] != nil { merges.append((left, right, scored.scores[id])) }
            }
        }
        let sorted = merges.enumerated().sorted {
            ($1.element.score, $0.offset) < ($0.element.score, $1.offset)
        }
        var vocabulary = JSONObject()
        for (id, token) in scored.tokens.enumerated() { vocabulary[token] = JSONValue(id) }
        let added = scored.tokens.indices.filter { (2...4).contains(scored.tokenTypes[$0]) }.map { id in
            JSONValue.object([
                "id": JSONValue(id), "content": .string(scored.tokens[id]),
                "special": .bool(scored.tokenTypes[id] != 4), "normalized": .bool(false),
                "single_word": .bool(false), "lstrip": .bool(false), "rstrip": .bool(false),
            ])
        }
        var root = try #require(
            try JSONValue.parse(
                #"""
                {"normalizer": {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"},
                    {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]},
                 "pre_tokenizer": null, "decoder": null, "post_processor": {"type": "TemplateProcessing",
                    "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
                    "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
                    "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}}}
                """#
            ).object)
        root["added_tokens"] = .array(added)
        root["model"] = .object([
            "type": .string("BPE"), "unk_token": .string("<unk>"), "fuse_unk": .bool(true),
            "byte_fallback": .bool(true), "vocab": .object(vocabulary),
            "merges": .array(sorted.map { .array([.string($0.element.left), .string($0.element.right)]) }),
        ])
        let temporary = try TemporaryFolder()
        try temporary.write(
            String(decoding: JSONValue.object(root).bytes(), as: UTF8.self), as: "tokenizer.json")
        let tokenizer = try Tokenizer(folder: temporary.url)
        let written = try GGUFVocabulary(folder: temporary.url, tokenizer, size: scored.tokens.count)
        #expect(written.model == "llama" && written.addSpacePrefix == true && written.addBOS == true)
        #expect(written.tokenTypes == scored.tokenTypes)
        try Self.expectSameTokens(tokenizer, written, isScored: true)
    }

    /// Merges that no scores of tokens give.
    @Test func mergesWithoutScoresAreRefused() throws {
        #expect(throws: TokenizerError.self) { try Self.written("gemma") }
    }

    private static func expectSameTokens(
        _ folder: Tokenizer, _ vocabulary: GGUFVocabulary, isScored: Bool = false
    ) throws {
        let written = try Tokenizer(gguf: vocabulary, name: "written")
        let texts = try DecoderParityTests.texts()
        let added = ["<", "▁", "["]
        // Beside control tokens, and where letters and accents are made one, llama.cpp has its own ways, which are told.
        let plain = texts.filter { text in
            text.precomposedStringWithCanonicalMapping.unicodeScalars.elementsEqual(text.unicodeScalars)
                && !text.unicodeScalars.contains { (0x1100...0x11FF).contains($0.value) }
                && !added.contains { text.contains($0) } && !(isScored && text.hasPrefix(" "))
        }
        #expect(plain.count > 200)
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
