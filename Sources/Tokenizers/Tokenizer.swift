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
    /// Tokens that did not fit; 0 when nothing was cut.
    public let truncatedTokens: Int
}

/// A BERT WordPiece tokenizer, with the ids of Hugging Face's `tokenizers` library.
public struct Tokenizer: Sendable {
    /// Largest id + 1.
    public let vocabularySize: Int
    public var unknownID: Int32? { model.unknownID }

    private let normalizer: BertNormalizer
    private let model: WordPiece
    private let specialTokens: [(text: String, id: Int32)]
    private let specialOpeners: Set<Unicode.Scalar>
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
            guard let id = file.vocabulary.first(where: { $0.token == token })?.id else {
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
        // Longest first, so that the leftmost-longest one is found.
        specialTokens = file.specialTokens.sorted {
            ($1.text.utf8.count, $0.text) < ($0.text.utf8.count, $1.text)
        }
        specialOpeners = Set(specialTokens.compactMap { $0.text.unicodeScalars.first })
        let largest = max(file.vocabulary.map(\.id).max() ?? 0, specialTokens.map(\.id).max() ?? 0)
        vocabularySize = Int(largest) + 1
    }

    /// `[CLS] text [SEP]`, or `[CLS] text [SEP] pair [SEP]`, of at most `maxLength` tokens. What does not fit
    /// is cut at the end, of a pair the longer text first, and counted.
    public func encode(_ text: String, pair: String? = nil, maxLength: Int) -> Encoding {
        precondition(maxLength >= 3, "a limit of \(maxLength) tokens leaves no room for text")
        var first = tokens(of: text)
        var second = pair.map { tokens(of: $0) }
        let limit = maxLength - (second == nil ? 2 : 3)
        let total = first.count + (second?.count ?? 0)
        if let other = second {
            let (keptFirst, keptSecond) = Self.longestFirst(first.count, other.count, limit: limit)
            first.removeLast(first.count - keptFirst)
            second?.removeLast(other.count - keptSecond)
        } else if first.count > limit {
            first.removeLast(first.count - limit)
        }
        var ids = [classID] + first + [separatorID]
        var types = [Int32](repeating: 0, count: ids.count)
        if let second {
            ids += second + [separatorID]
            types += [Int32](repeating: 1, count: second.count + 1)
        }
        return Encoding(
            ids: ids, typeIDs: types, truncatedTokens: total - first.count - (second?.count ?? 0))
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

    /// Ids without special tokens of the template; special tokens that stand in the text are recognized.
    private func tokens(of text: String) -> [Int32] {
        var output: [Int32] = []
        var rest = text[...]
        while let (range, id) = firstSpecialToken(in: rest) {
            encodeSegment(rest[..<range.lowerBound], into: &output)
            output.append(id)
            rest = rest[range.upperBound...]
        }
        encodeSegment(rest, into: &output)
        return output
    }

    private func encodeSegment(_ segment: Substring, into output: inout [Int32]) {
        for word in normalizer.words(segment) { model.encode(word, into: &output) }
    }

    /// The leftmost special token, the longest of those that start there. Compared by scalars: "[MASK]"
    /// followed by a combining mark still is one.
    private func firstSpecialToken(in text: Substring) -> (Range<String.Index>, Int32)? {
        let scalars = text.unicodeScalars
        var index = scalars.startIndex
        while index < scalars.endIndex {
            if specialOpeners.contains(scalars[index]) {
                for token in specialTokens {
                    if let end = Self.match(token.text, in: scalars, at: index) {
                        return (index..<end, token.id)
                    }
                }
            }
            index = scalars.index(after: index)
        }
        return nil
    }

    private static func match(
        _ token: String, in scalars: Substring.UnicodeScalarView, at start: String.Index
    ) -> String.Index? {
        var index = start
        for scalar in token.unicodeScalars {
            guard index < scalars.endIndex, scalars[index] == scalar else { return nil }
            index = scalars.index(after: index)
        }
        return index
    }
}
