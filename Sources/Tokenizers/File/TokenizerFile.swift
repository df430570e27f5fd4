import Foundation
import ModelFiles

/// What a tokenizer folder says, checked.
struct TokenizerFile {
    let path: String
    let vocabulary: [(token: String, id: Int32)]
    let addedTokens: [AddedToken]
    let pipeline: TextPipeline
    let template: Template
    let trimming: ByteLevelTrimming?
    let unknownID: Int32?
    let paddingID: Int32?
    let decoding: [DecodingStep]

    static let families =
        "this version reads the tokenizers of BERT, RoBERTa, XLM-R, ALBERT, DeBERTa, Llama, Mistral, Qwen, Gemma, Phi, "
        + "SmolLM, OLMo, GPT-2, GPT-NeoX, CLIP and SigLIP"

    /// More than any vocabulary in use (XLM-V has 901,629); an id beyond it is an attack or damage.
    private static let largestID = 10_000_000
    static let mostTokens = 1_000_000
    /// In UTF-8 bytes; a text is compared with tokens from each of its places on.
    private static let longestToken = 1_000
    /// Scored vocabularies take three values for each token, merges three for each as well.
    static let limits = JSONLimits(byteCount: 128 << 20, values: 4_000_000, textBytes: 64 << 20)

    /// The content of a `tokenizer.json`. Its truncation and padding sections are settings of whoever saved it and are
    /// not used.
    ///
    /// - Parameter words: of a `vocab.txt`, in place of `model.vocab`.
    init(root: JSONValue, words: [(token: String, id: Int32)]?, _ path: String) throws {
        let type = try readSetting(root["model"], "type", Self.modelType(root), \.string, path)
        switch type {
        case "WordPiece": try self.init(wordPiece: root, words, path)
        case "BPE": try self.init(bytePairs: root, path)
        case "Unigram": try self.init(unigram: root, path)
        case "WordLevel": try self.init(wordLevel: root, path)
        case SentencePieces.kind: try self.init(sentencePieces: root, path)
        default:
            throw TokenizerError(
                file: path, problem: "model type \(inQuotes(type)) is not supported",
                advice: "this version reads WordPiece, BPE, Unigram and WordLevel tokenizers")
        }
    }

    /// Older files do not name their model; the library tries one after the other.
    static func modelType(_ root: JSONValue) -> String {
        let model = root["model"]
        let implied =
            model?["merges"] != nil ? "BPE" : model?["vocab"]?.array != nil ? "Unigram" : "WordPiece"
        return model?["type"]?.string ?? implied
    }

    init(
        path: String, vocabulary: [(token: String, id: Int32)], addedTokens: [AddedToken],
        pipeline: TextPipeline, processor: (template: Template, trimming: ByteLevelTrimming?),
        unknownID: Int32?, paddingID: Int32?, decoding: [DecodingStep]
    ) {
        self.path = path
        self.vocabulary = vocabulary
        self.addedTokens = addedTokens
        self.pipeline = pipeline
        template = processor.template
        trimming = processor.trimming
        self.unknownID = unknownID
        self.paddingID = paddingID
        self.decoding = decoding
    }

    /// The ids of tokens by UTF-8 bytes: Swift's `==` on `String` would take "é" and "e" + accent for one.
    struct Index {
        private var idOfToken: [[UInt8]: Int32]

        init(_ entries: [(token: String, id: Int32)]) {
            idOfToken = Dictionary(entries.map { (Array($0.token.utf8), $0.id) }) { $1 }
        }

        mutating func add(_ tokens: [AddedToken]) {
            for token in tokens { idOfToken[Array(token.text.utf8), default: token.id] = token.id }
        }

        func id(of token: String) -> Int32? { idOfToken[Array(token.utf8)] }

        func requiredID(of token: String, _ path: String) throws -> Int32 {
            guard let id = id(of: token) else {
                throw TokenizerError(file: path, problem: "the vocabulary has no \(inQuotes(token)) token")
            }
            return id
        }

        var byBytes: [[UInt8]: Int32] { idOfToken }
        var ids: Set<Int32> { Set(idOfToken.values) }
    }

    static func checkCount(_ tokens: Int, _ path: String) throws {
        if tokens == 0 { throw TokenizerError(file: path, problem: "the vocabulary is empty") }
        guard tokens <= mostTokens else {
            throw TokenizerError(
                file: path, problem: "the vocabulary has \(tokens) tokens, the limit is \(mostTokens)")
        }
    }

    static func checkLength(_ token: String, _ path: String) throws {
        guard token.utf8.count <= longestToken else {
            throw TokenizerError(
                file: path,
                problem:
                    "token \(inQuotes(token)) has \(token.utf8.count) bytes, the limit is \(longestToken)")
        }
    }

    static func checked(_ entries: [(String, Int?)], _ path: String) throws -> [(
        token: String, id: Int32
    )] {
        try checkCount(entries.count, path)
        var seen = Set<Int>()
        return try entries.map { token, id in
            try checkLength(token, path)
            guard let id, id >= 0, id <= largestID else {
                throw TokenizerError(
                    file: path,
                    problem: "token \(inQuotes(token)) has an id that is not a number from 0 to \(largestID)")
            }
            guard seen.insert(id).inserted else {
                throw TokenizerError(
                    file: path, problem: "id \(id) of token \(inQuotes(token)) belongs to another token too")
            }
            return (token, Int32(id))
        }
    }

    /// The library numbers tokens beyond the vocabulary itself, one after another. A file that says otherwise
    /// would give other ids here than there.
    static func addedTokens(
        _ entries: [JSONValue], _ known: Index, vocabularyCount: Int, _ path: String
    ) throws -> [AddedToken] {
        let taken = known.ids
        var seen = Set<[UInt8]>()
        var next = vocabularyCount
        return try entries.map { entry in
            guard let text = entry["content"]?.string, !text.isEmpty, let id = entry["id"]?.int, id >= 0,
                id <= largestID
            else {
                throw TokenizerError(file: path, problem: "an entry of added_tokens has no content or id")
            }
            try checkLength(text, path)
            let name = "added token \(inQuotes(text))"
            guard seen.insert(Array(text.utf8)).inserted else {
                throw TokenizerError(file: path, problem: "\(name) stands twice")
            }
            if let other = known.id(of: text) {
                guard Int(other) == id else {
                    throw TokenizerError(
                        file: path, problem: "\(name) has the id \(id), in the vocabulary it has \(other)")
                }
            } else {
                guard id == next, !taken.contains(Int32(id)) else {
                    throw TokenizerError(
                        file: path,
                        problem: "\(name) has the id \(id), but the tokenizers library would "
                            + "number it \(next)")
                }
                next += 1
            }
            return AddedToken(
                text: text, id: Int32(id), stripsLeft: try readSetting(entry, "lstrip", false, \.bool, path),
                stripsRight: try readSetting(entry, "rstrip", false, \.bool, path),
                isSingleWord: try readSetting(entry, "single_word", false, \.bool, path),
                isNormalized: try readSetting(entry, "normalized", false, \.bool, path),
                isSpecial: try readSetting(entry, "special", false, \.bool, path))
        }
    }
}
