import Foundation
import ModelFiles

/// What is wrong with a tokenizer file, in one line.
public struct TokenizerError: Error, CustomStringConvertible, Sendable, Equatable {
    public let file: String
    public let problem: String
    public let advice: String

    /// Whether there is no file at all, rather than a bad one.
    public let isMissing: Bool

    init(
        file: String, problem: String, advice: String = "use the tokenizer files that came with the model",
        isMissing: Bool = false
    ) {
        self.isMissing = isMissing
        self.file = file
        self.problem = problem
        self.advice = advice
    }

    public var description: String { "\(oneLine(file, limit: 2_000)): \(oneLine(problem)); \(advice)" }
}

/// A text from a file in a message.
func inQuotes(_ text: String) -> String { "\"\(oneLine(text, limit: 80))\"" }

/// One or two texts as token ids, special tokens included.
public struct Encoding: Sendable, Equatable {
    public let ids: [Int32]
    /// 0 or 1, as the model's template says: BERT's has 1 for the second text and its last special token,
    /// RoBERTa's has 0 throughout.
    public let typeIDs: [Int32]
    /// The UTF-8 bytes of its own text that each token stands for; empty for the special tokens around the
    /// texts.
    public let offsets: [Range<Int>]
    /// Tokens that did not fit; 0 when nothing was cut.
    public let truncatedTokens: Int
}

/// A WordPiece, byte-level BPE or Unigram tokenizer, with the ids of Hugging Face's `tokenizers` library.
public struct Tokenizer: Sendable {
    /// Largest id + 1.
    public let vocabularySize: Int
    /// The id of the padding token, nil when the vocabulary has none; `encode` never pads.
    public let paddingID: Int32?
    /// The id of the token for unknown text, nil when the vocabulary has none.
    public let unknownID: Int32?

    let pipeline: TextPipeline
    private let template: Template
    private let trimming: ByteLevelTrimming?
    private let originalTokens: AddedTokens
    private let normalizedTokens: AddedTokens
    private let names: [Int32: String]

    /// Reads `tokenizer.json`, or else `vocab.txt` with `tokenizer_config.json`. Throws `TokenizerError`, or
    /// `ModelFileError` for a file that cannot be read or is not JSON.
    public init(folder: URL) throws {
        let json = folder.appendingPathComponent("tokenizer.json")
        let list = folder.appendingPathComponent("vocab.txt")
        let files = FileManager.default
        if files.fileExists(atPath: json.path) {
            try self.init(TokenizerFile(json: json))
        } else if files.fileExists(atPath: list.path) {
            let config = folder.appendingPathComponent("tokenizer_config.json")
            try self.init(
                TokenizerFile(
                    vocabulary: list, configuration: files.fileExists(atPath: config.path) ? config : nil))
        } else {
            throw Self.missing(folder)
        }
    }

    private static func missing(_ folder: URL) -> TokenizerError {
        let problem = "there is neither tokenizer.json nor vocab.txt"
        // DeBERTa-v3 and others were published with SentencePiece's own file alone.
        let pieces = ["spm.model", "spiece.model", "sentencepiece.bpe.model"].first {
            FileManager.default.fileExists(atPath: folder.appendingPathComponent($0).path)
        }
        guard let pieces else { return TokenizerError(file: folder.path, problem: problem, isMissing: true) }
        return TokenizerError(
            file: folder.path, problem: "\(problem), only \(pieces)",
            advice:
                "AutoTokenizer.from_pretrained(\"…\").save_pretrained(\"…\") of transformers writes tokenizer.json",
            isMissing: true)
    }

    init(_ file: TokenizerFile) throws {
        pipeline = file.pipeline
        template = file.template
        trimming = file.trimming
        unknownID = file.unknownID
        paddingID = file.paddingID
        originalTokens = AddedTokens(
            file.addedTokens.filter { !$0.isNormalized }.map { (Array($0.text.unicodeScalars), $0) })
        normalizedTokens = AddedTokens(try Self.normalized(file))
        var names: [Int32: String] = [:]
        for (token, id) in file.vocabulary { names[id] = token }
        for token in file.addedTokens { names[token.id] = token.text }
        self.names = names
        vocabularySize = Int(names.keys.max() ?? -1) + 1
    }

    /// The added tokens that are looked for in normalized text, each with its own normalized scalars.
    private static func normalized(
        _ file: TokenizerFile
    ) throws -> [(scalars: [Unicode.Scalar], token: AddedToken)] {
        var seen: [[Unicode.Scalar]: String] = [:]
        return try file.addedTokens.filter(\.isNormalized).map { token in
            let located = file.pipeline.normalize(LocatedScalar.scalars(of: token.text)[...])
            let scalars = located.map(\.scalar)
            guard !scalars.isEmpty else {
                throw TokenizerError(
                    file: file.path,
                    problem: "nothing is left of added token \(inQuotes(token.text)) once it is normalized")
            }
            // Which of the two the library finds changes from run to run.
            if let twin = seen.updateValue(token.text, forKey: scalars) {
                throw TokenizerError(
                    file: file.path,
                    problem:
                        "added tokens \(inQuotes(twin)) and \(inQuotes(token.text)) are the same once normalized"
                )
            }
            return (scalars, token)
        }
    }

    /// The token of an id as the vocabulary spells it ("##ing"); nil for an id that it does not have.
    public func token(for id: Int32) -> String? { names[id] }

    /// How many tokens `encode` adds to those of the text or texts: the least that `maxLength` may be.
    public func specialTokenCount(isPair: Bool) -> Int { template.specialTokenCount(isPair: isPair) }

    /// The tokens of one text or two with the special tokens of the model around them, `[CLS] text [SEP]` or
    /// `<s> text </s></s> pair </s>` for instance, at most `maxLength` in all. What does not fit is cut at the
    /// end, of a pair the longer text first, and counted. `maxLength` is at least `specialTokenCount`.
    public func encode(_ text: String, pair: String? = nil, maxLength: Int) -> Encoding {
        let special = specialTokenCount(isPair: pair != nil)
        let limit = maxLength - special
        precondition(limit >= 0, "\(maxLength) tokens cannot hold \(special) special tokens")
        var first = tokens(of: text, by: pipeline)
        var second = pair.map { tokens(of: $0, by: pipeline) } ?? TokenList()
        let total = first.count + second.count
        if pair != nil {
            let (keptFirst, keptSecond) = Self.longestFirst(first.count, second.count, limit: limit)
            first.cut(to: keptFirst)
            second.cut(to: keptSecond)
        } else if first.count > limit {
            first.cut(to: limit)
        }
        return encoding(
            first, pair == nil ? nil : second, truncatedTokens: total - first.count - second.count)
    }

    /// With the special tokens of the template around it.
    func encoding(_ first: TokenList, _ second: TokenList?, truncatedTokens: Int) -> Encoding {
        var ids: [Int32] = []
        var types: [Int32] = []
        var offsets: [Range<Int>] = []
        func add(_ tokens: TokenList, _ type: Int32) {
            ids += tokens.ids
            types += [Int32](repeating: type, count: tokens.count)
            offsets += tokens.offsets
        }
        for part in template.parts(isPair: second != nil) {
            switch part {
            case .special(let special, let type): add(TokenList(special: special), type)
            case .first(let type): add(first, type)
            case .second(let type): add(second ?? TokenList(), type)
            }
        }
        return Encoding(ids: ids, typeIDs: types, offsets: offsets, truncatedTokens: truncatedTokens)
    }

    /// How many tokens the template puts before the first text, or before the second.
    func specialTokens(beforeSecond: Bool) -> Int {
        var count = 0
        for part in template.parts(isPair: beforeSecond) {
            switch part {
            case .special(let ids, _): count += ids.count
            case .first: if !beforeSecond { return count }
            case .second: return count
            }
        }
        return count
    }

    /// How many tokens of each text stay: the longer one gives way, then both, as `longest_first` does.
    static func longestFirst(_ first: Int, _ second: Int, limit: Int) -> (Int, Int) {
        if first + second <= limit { return (first, second) }
        let short = min(first, second)
        var keptShort = short
        var keptLong = short > limit ? short : max(short, limit - short)
        if keptShort + keptLong > limit {
            keptShort = limit / 2
            keptLong = keptShort + limit % 2
        }
        return first > second ? (keptLong, keptShort) : (keptShort, keptLong)
    }

    /// Without the special tokens of the template. Added tokens are looked for in the original text, then in
    /// the normalized pieces between them.
    func tokens(of text: String, by pipeline: TextPipeline) -> TokenList {
        var output = TokenList()
        for piece in originalTokens.split(LocatedScalar.scalars(of: text)[...]) {
            switch piece {
            case .token(let id, let place): append(id, place, to: &output)
            case .text(let segment): encode(pipeline.normalize(segment), by: pipeline, into: &output)
            }
        }
        trimming?.trim(&output, of: text, names: names)
        return output
    }

    /// A text without added tokens, normalized and pre-tokenized: what the model gets.
    package func words(of text: String) -> [[Unicode.Scalar]] {
        let normalized = pipeline.normalize(LocatedScalar.scalars(of: text)[...])
        return pipeline.words(normalized[...]).map { $0.map(\.scalar) }
    }

    private func encode(
        _ normalized: [LocatedScalar], by pipeline: TextPipeline, into output: inout TokenList
    ) {
        for piece in normalizedTokens.split(normalized[...]) {
            switch piece {
            case .token(let id, let place): append(id, place, to: &output)
            case .text(let text): pipeline.encode(text, into: &output)
            }
        }
    }

    private func append(_ id: Int32, _ place: ArraySlice<LocatedScalar>, to output: inout TokenList) {
        if trimming != nil {
            output.addedEdges[output.count] = ByteLevelTrimming.Edges(place.map(\.scalar))
        }
        output.append(id, place)
    }
}
