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

    public var description: String { "\(file): \(problem); \(advice)" }
}

/// One or two texts as token ids, special tokens included.
public struct Encoding: Sendable, Equatable {
    public let ids: [Int32]
    /// 0 for the first text and its special tokens, 1 for the second.
    public let typeIDs: [Int32]
    /// The UTF-8 bytes of its own text that each token stands for; empty for the special tokens around the
    /// texts.
    public let offsets: [Range<Int>]
    /// Tokens that did not fit; 0 when nothing was cut.
    public let truncatedTokens: Int
}

/// A BERT WordPiece tokenizer, with the ids of Hugging Face's `tokenizers` library.
public struct Tokenizer: Sendable {
    /// Largest id + 1.
    public let vocabularySize: Int
    /// The id of the padding token, nil when the vocabulary has none; `encode` never pads.
    public let paddingID: Int32?
    public var unknownID: Int32? { model.unknownID }

    private let normalizer: BertNormalizer
    private let model: WordPiece
    private let originalTokens: AddedTokens
    private let normalizedTokens: AddedTokens
    private let names: [Int32: String]
    private let classID: Int32
    private let separatorID: Int32

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
            throw TokenizerError(
                file: folder.path, problem: "there is neither tokenizer.json nor vocab.txt", isMissing: true)
        }
    }

    init(_ file: TokenizerFile) throws {
        func id(_ token: String) throws -> Int32 {
            guard let id = file.id(of: token) else {
                throw TokenizerError(file: file.path, problem: "the vocabulary has no \"\(token)\" token")
            }
            return id
        }
        normalizer = file.normalizer
        model = try WordPiece(
            vocabulary: file.vocabulary, unknownID: try id(file.unknownToken),
            continuingPrefix: file.continuingPrefix, longestWord: file.longestWord, file: file.path)
        classID = try id(file.classToken)
        separatorID = try id(file.separatorToken)
        paddingID = file.id(of: file.paddingToken)
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
            let located = file.normalizer.normalize(LocatedScalar.scalars(of: token.text)[...])
            let scalars = located.map(\.scalar)
            guard !scalars.isEmpty else {
                throw TokenizerError(
                    file: file.path,
                    problem: "nothing is left of added token \"\(token.text)\" once it is normalized")
            }
            // Which of the two the library finds changes from run to run.
            if let twin = seen.updateValue(token.text, forKey: scalars) {
                throw TokenizerError(
                    file: file.path,
                    problem: "added tokens \"\(twin)\" and \"\(token.text)\" are the same once normalized")
            }
            return (scalars, token)
        }
    }

    /// The token of an id as the vocabulary spells it ("##ing"); nil for an id that it does not have.
    public func token(for id: Int32) -> String? { names[id] }

    /// `[CLS] text [SEP]`, or `[CLS] text [SEP] pair [SEP]`, of at most `maxLength` tokens. What does not fit
    /// is cut at the end, of a pair the longer text first, and counted. `maxLength` is at least 2, or 3 with a
    /// pair.
    public func encode(_ text: String, pair: String? = nil, maxLength: Int) -> Encoding {
        let limit = maxLength - (pair == nil ? 2 : 3)
        precondition(limit >= 0, "\(maxLength) tokens cannot hold \(maxLength - limit) special tokens")
        var first = tokens(of: text)
        var second = pair.map { tokens(of: $0) }
        let total = first.count + (second?.count ?? 0)
        if let other = second {
            let (keptFirst, keptSecond) = Self.longestFirst(first.count, other.count, limit: limit)
            first.cut(to: keptFirst)
            second?.cut(to: keptSecond)
        } else if first.count > limit {
            first.cut(to: limit)
        }
        var ids = [classID] + first.ids + [separatorID]
        var types = [Int32](repeating: 0, count: ids.count)
        var offsets = [0..<0] + first.offsets + [0..<0]
        if let second {
            ids += second.ids + [separatorID]
            types += [Int32](repeating: 1, count: second.count + 1)
            offsets += second.offsets + [0..<0]
        }
        return Encoding(
            ids: ids, typeIDs: types, offsets: offsets,
            truncatedTokens: total - first.count - (second?.count ?? 0))
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
    private func tokens(of text: String) -> TokenList {
        var output = TokenList()
        for piece in originalTokens.split(LocatedScalar.scalars(of: text)[...]) {
            switch piece {
            case .token(let id, let place): output.append(id, place)
            case .text(let segment): encode(normalizer.normalize(segment), into: &output)
            }
        }
        return output
    }

    private func encode(_ normalized: [LocatedScalar], into output: inout TokenList) {
        for piece in normalizedTokens.split(normalized[...]) {
            switch piece {
            case .token(let id, let place): output.append(id, place)
            case .text(let text): BertNormalizer.forEachWord(text) { model.encode($0, into: &output) }
            }
        }
    }
}
