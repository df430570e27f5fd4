import Foundation
import Testing
import Tokenizers

/// Vocabularies of GGUF files against llama.cpp (scripts/goldens/gguf_vocabularies.py).
@Suite struct GGUFVocabularyTests {
    static let pres = [
        "llama-bpe", "dbrx", "qwen2", "qwen35", "minicpm5", "gpt-2", "smollm", "tekken", "gpt-4o",
        "deepseek-v3", "deepseek-coder", "falcon", "bailingmoe", "seed-coder", "default",
    ]
    private static let folder = "Tests/Goldens/tokenizer/gguf"

    private static var decoder: JSONDecoder {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return decoder
    }

    private struct Content: Decodable {
        let tokens: [String]
        let tokenTypes: [Int32]
        let merges: [String]?
        let scores: [Float]?
    }

    private static func content(_ name: String) throws -> Content {
        let text = try Provided.lines("\(folder)/\(name).json").joined(separator: "\n")
        return try decoder.decode(Content.self, from: Data(text.utf8))
    }

    static func vocabulary(_ name: String) throws -> GGUFVocabulary {
        let isScored = name.hasPrefix("scored")
        let content = try content(isScored ? "scored" : "bytes")
        var vocabulary = GGUFVocabulary(
            model: isScored ? "llama" : "gpt2", pre: isScored ? nil : name, tokens: content.tokens)
        vocabulary.tokenTypes = content.tokenTypes
        vocabulary.merges = content.merges ?? []
        vocabulary.scores = content.scores ?? []
        if isScored {
            vocabulary.addSpacePrefix = name == "scored"
            vocabulary.unknownID = 0
        } else {
            vocabulary.bosID = content.tokens.firstIndex(of: "<s>").map(Int32.init)
            vocabulary.eosID = content.tokens.firstIndex(of: "</s>").map(Int32.init)
        }
        return vocabulary
    }

    private static func plain(_ tokenizer: Tokenizer, _ text: String) -> [Int32] {
        tokenizer.encode(rendered: text, data: [0..<text.utf8.count]).encoding.ids
    }

    @Test(arguments: pres + ["scored", "scored-bare"])
    func textsHaveTheIDsOfLlamaCpp(name: String) throws {
        let tokenizer = try Tokenizer(gguf: try Self.vocabulary(name), name: "model.gguf")
        let texts = try DecoderParityTests.texts()
        let hashes = try Provided.lines("\(Self.folder)/\(name).hashes.txt")
        try #require(hashes.count == texts.count)
        for (text, hash) in zip(texts, hashes) {
            let ids = tokenizer.encode(rendered: text, data: []).encoding.ids
            let plain = Self.plain(tokenizer, text)
            let wanted = hash.split(separator: " ").map(String.init)
            #expect(
                DecoderParityTests.hash(ids.map(Int.init)) == wanted[0], "\(text.debugDescription): \(ids)")
            #expect(
                DecoderParityTests.hash(plain.map(Int.init)) == wanted[1],
                "\(text.debugDescription): \(plain)")
        }
    }

    /// llama.cpp's pieces one behind the other are what is decoded, but for the space before a text.
    @Test(arguments: pres + ["scored-bare"])
    func tokensAreReadBack(name: String) throws {
        let tokenizer = try Tokenizer(gguf: try Self.vocabulary(name), name: "model.gguf")
        let hashes = try Provided.lines("\(Self.folder)/\(name).hashes.txt")
        for (text, hash) in zip(try DecoderParityTests.texts(), hashes) {
            let ids = tokenizer.encode(rendered: text, data: []).encoding.ids
            let decoded = tokenizer.decode(ids, skippingSpecial: false)
            let wanted = hash.split(separator: " ").map(String.init)
            #expect(
                DecoderParityTests.hash(decoded.utf8.map(Int.init)) == wanted[2],
                "\(text.debugDescription): \(decoded.debugDescription)")
        }
    }

    @Test func theSpaceBeforeATextIsTakenAway() throws {
        let tokenizer = try Tokenizer(gguf: try Self.vocabulary("scored"), name: "model.gguf")
        for text in ["Hello world", " Hello", "  two", "\n x", "中文 👍🏽", "é"] {
            let ids = tokenizer.encode(rendered: text, data: []).encoding.ids
            #expect(tokenizer.decode(ids, skippingSpecial: true) == text)
        }
    }

    @Test(arguments: ["llama-bpe", "tekken", "deepseek-v3", "falcon", "qwen35"])
    func everyScalarHasTheIDsOfLlamaCpp(name: String) throws {
        let tokenizer = try Tokenizer(gguf: try Self.vocabulary(name), name: "model.gguf")
        let hashes = try Provided.lines("\(Self.folder)/\(name).classes.txt")
        let blocks = DecoderParityTests.scalarBlocks
        try #require(hashes.count == blocks.count)
        for (block, hash) in zip(blocks, hashes) {
            var got = FNV()
            for scalar in block.compactMap(Unicode.Scalar.init) {
                let text = "a\(scalar) ª\(scalar)\u{301}b9\(scalar)é"
                for id in tokenizer.encode(rendered: text, data: []).encoding.ids + [-1] {
                    got.add(UInt32(bitPattern: id))
                }
            }
            #expect(got.text == hash, "scalars from U+\(String(block.first ?? 0, radix: 16))")
        }
    }

    private struct Default: Decodable {
        let adds: Bool
        let ids: [Int32]
    }

    @Test func whatBeginsATextIsLlamaCpps() throws {
        let text = try Provided.lines("\(Self.folder)/defaults.json").joined(separator: "\n")
        let defaults = try JSONDecoder().decode([String: Default].self, from: Data(text.utf8))
        try #require(defaults.count == Self.pres.count + 2)
        for (name, expected) in defaults {
            let tokenizer = try Tokenizer(gguf: try Self.vocabulary(name), name: "model.gguf")
            #expect(tokenizer.addsBOS == expected.adds, "\(name)")
            #expect(tokenizer.encode("a", maxLength: 100).ids == expected.ids, "\(name)")
        }
    }

    @Test func rolesAndNames() throws {
        var vocabulary = try Self.vocabulary("qwen2")
        vocabulary.eotID = vocabulary.tokens.firstIndex(of: "<|im_end|>").map(Int32.init)
        vocabulary.addBOS = true
        vocabulary.addEOS = true
        let tokenizer = try Tokenizer(gguf: vocabulary, name: "model.gguf")
        let (start, end) = try (#require(vocabulary.bosID), #require(vocabulary.eosID))
        #expect(tokenizer.bosID == start && tokenizer.eosID == end)
        #expect(tokenizer.eotID == tokenizer.id(of: "<|im_end|>") && tokenizer.eotID != nil)
        #expect(tokenizer.isSpecial(start))
        let tool = try #require(tokenizer.id(of: "<tool_call>"))
        #expect(!tokenizer.isSpecial(tool))
        #expect(tokenizer.addsBOS)
        let ids = tokenizer.encode("<s>a", maxLength: 100).ids
        #expect(ids.first == start && ids.last == end && tokenizer.beginsWithTwoBOS(ids))
        #expect(!tokenizer.beginsWithTwoBOS(tokenizer.encode("a", maxLength: 100).ids))
        #expect(tokenizer.id(of: "nothing of the kind") == nil)
    }

    @Test func aMissingPreIsTold() throws {
        var vocabulary = try Self.vocabulary("default")
        vocabulary.pre = nil
        let notes = try Tokenizer(gguf: vocabulary, name: "model.gguf").notes
        #expect(notes.count == 1 && notes[0].contains("model.gguf: there is no tokenizer.ggml.pre"))
        vocabulary = try Self.vocabulary("gpt-2")
        let place = try #require(vocabulary.tokens.firstIndex(of: "~"))
        vocabulary.tokens[place] = "a tilde"
        vocabulary.merges = ["a b"].filter { _ in vocabulary.tokens.contains("ab") }
        if vocabulary.merges.isEmpty { vocabulary.merges = ["t h"] }
        let lost = try Tokenizer(gguf: vocabulary, name: "model.gguf").notes
        #expect(lost.count == 1 && lost[0].contains("no token for 1 of the bytes"))
    }

    // MARK: A real file, see scripts/goldens/gguf_vocabularies.py

    private struct RealVocabulary: Decodable {
        let model: String
        let pre: String?
        let tokens: [String]
        let tokenTypes: [Int32]?
        let scores: [Float]?
        let merges: [String]?
        let bos, eos, eot: Int32?
        let addBos, addSpace: Bool?
        let texts: [Entry]
    }

    private struct Entry: Decodable {
        let text: String
        let special, plain, whole: [Int32]

        init(from decoder: any Decoder) throws {
            var list = try decoder.unkeyedContainer()
            text = try list.decode(String.self)
            special = try list.decode([Int32].self)
            plain = try list.decode([Int32].self)
            whole = try list.decode([Int32].self)
        }
    }

    private static let real = ProcessInfo.processInfo.environment["ADALORA_GGUF_VOCABULARY"]

    @Test(.enabled(if: real != nil)) func aRealFileHasTheIDsOfLlamaCpp() throws {
        let folder = URL(fileURLWithPath: try #require(Self.real))
        let data = try Data(contentsOf: folder.appendingPathComponent("vocabulary.json"))
        let real = try Self.decoder.decode(RealVocabulary.self, from: data)
        var vocabulary = GGUFVocabulary(model: real.model, pre: real.pre, tokens: real.tokens)
        vocabulary.tokenTypes = real.tokenTypes ?? []
        vocabulary.scores = real.scores ?? []
        vocabulary.merges = real.merges ?? []
        (vocabulary.bosID, vocabulary.eosID, vocabulary.eotID) = (real.bos, real.eos, real.eot)
        (vocabulary.addBOS, vocabulary.addSpacePrefix) = (real.addBos, real.addSpace)
        let tokenizer = try Tokenizer(gguf: vocabulary, name: "model.gguf")
        try #require(real.texts.count > 500)
        for entry in real.texts {
            #expect(tokenizer.encode(rendered: entry.text, data: []).encoding.ids == entry.special)
            #expect(Self.plain(tokenizer, entry.text) == entry.plain)
            #expect(tokenizer.encode(entry.text, maxLength: 1 << 20).ids == entry.whole)
        }
    }

    private struct Wrong: Sendable {
        let problem: String
        let name: String
        let change: @Sendable (inout GGUFVocabulary) -> Void
    }

    private static let wrong: [Wrong] = [
        Wrong(problem: "tokenizer.ggml.model \"rwkv\" is not supported", name: "gpt-2") { $0.model = "rwkv" },
        Wrong(problem: "this version knows a.x-4.0, bailingmoe", name: "gpt-2") { $0.pre = "kimi-k2" },
        Wrong(problem: "the vocabulary is empty", name: "gpt-2") { $0.tokens = [] },
        Wrong(problem: "token \"a\" stands twice", name: "gpt-2") { $0.tokens[0] = "a" },
        Wrong(problem: "has 1001 bytes", name: "gpt-2") {
            $0.tokens[0] = String(repeating: "x", count: 1001)
        },
        Wrong(problem: "tokenizer.ggml.token_type has 1 entries", name: "gpt-2") { $0.tokenTypes = [1] },
        Wrong(problem: "tokenizer.ggml.scores has 2 entries", name: "scored") { $0.scores = [1, 2] },
        Wrong(problem: "there is no tokenizer.ggml.scores", name: "scored") { $0.scores = [] },
        Wrong(problem: "is not a number", name: "scored") { $0.scores[3] = .nan },
        Wrong(problem: "has no \"<0x41>\" token", name: "scored") { vocabulary in
            vocabulary.tokens = vocabulary.tokens.map { $0 == "<0x41>" ? "other" : $0 }
        },
        Wrong(problem: "there is no tokenizer.ggml.merges", name: "gpt-2") { $0.merges = [] },
        Wrong(problem: "merge 1 is not a pair", name: "gpt-2") { $0.merges[0] = "ab" },
        Wrong(problem: "has no \"qqq\" token", name: "gpt-2") { $0.merges[0] = "a qqq" },
        Wrong(problem: "tokenizer.ggml.bos_token_id is 99999", name: "gpt-2") { $0.bosID = 99_999 },
        Wrong(problem: "tokenizer.ggml.unknown_token_id is -1", name: "scored") { $0.unknownID = -1 },
        Wrong(problem: "add_bos_token is set, but there is no bos_token_id", name: "gpt-2") {
            ($0.bosID, $0.addBOS) = (nil, true)
        },
    ]

    @Test(arguments: wrong.indices)
    func wrongVocabulariesAreRefused(index: Int) throws {
        let wrong = Self.wrong[index]
        var vocabulary = try Self.vocabulary(wrong.name)
        wrong.change(&vocabulary)
        let error = #expect(throws: TokenizerError.self) {
            try Tokenizer(gguf: vocabulary, name: "model.gguf")
        }
        let text = error?.description ?? ""
        #expect(text.hasPrefix("model.gguf: ") && text.contains(wrong.problem), "\(text)")
    }
}
