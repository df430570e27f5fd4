import Foundation
import Messages
import ModelFiles

/// Vocabularies of encoders, as llama.cpp's converter writes them.
extension GGUFVocabulary {
    /// WordPiece: a mark before tokens that begin a word, `##` away from the others.
    init(wordPieces opened: TokenizerFolder, _ normalizer: BertNormalizer, size: Int) throws {
        let file = opened.file
        let prefix = opened.made["model"]?["continuing_subword_prefix"]?.string ?? "##"
        var (tokens, types) = try Self.names(file, size: size)
        // One that is not added is text as any other.
        if let unknown = file.unknownID {
            types[Int(unknown)] = file.addedTokens.contains { $0.id == unknown } ? 3 : 1
        }
        for (id, token) in tokens.enumerated() where types[id] != 3 && types[id] != 4 {
            tokens[id] =
                token.utf8.starts(with: prefix.utf8)
                ? String(decoding: token.utf8.dropFirst(prefix.utf8.count), as: UTF8.self)
                : String(GGUFParts.mark) + token
        }
        self.init(model: "bert", pre: "default", tokens: tokens)
        tokenTypes = types
        unknownID = file.unknownID
        lowercases = normalizer.lowercase
        if normalizer.stripAccents != normalizer.lowercase { stripsAccents = normalizer.stripAccents }
    }

    /// Unigram: SentencePiece's scores, and its table of characters.
    init(unigram opened: TokenizerFolder, size: Int) throws {
        let file = opened.file
        let names = try Self.names(file, size: size)
        self.init(model: "t5", pre: "default", tokens: names.tokens)
        tokenTypes = names.types
        // What nobody wrote stands for nothing.
        scores = [Float](repeating: -10_000, count: size)
        for (id, entry) in (opened.made["model"]?["vocab"]?.array ?? []).enumerated() where id < size {
            guard let score = entry.array?.last?.double else {
                throw TokenizerError(file: file.path, problem: "entry \(id) of the vocabulary has no score")
            }
            scores[id] = Float(score)
        }
        unknownID = file.unknownID
        characterMap = try Self.characterMap(opened.made["normalizer"], file.path)
    }

    private static func characterMap(_ section: JSONValue?, _ path: String) throws -> [UInt8] {
        for step in section?["normalizers"]?.array ?? [section].compactMap(\.self)
        where step["type"]?.string == "Precompiled" {
            guard let text = step["precompiled_charsmap"]?.string, let data = Data(base64Encoded: text) else {
                throw TokenizerError(
                    file: path,
                    problem: "the precompiled_charsmap of normalizer \"Precompiled\" cannot be read")
            }
            return Array(data)
        }
        return []
    }

    /// The tokens around a text and between two.
    mutating func takeFrame(_ opened: TokenizerFolder) throws {
        let file = opened.file
        func refusal(_ problem: String) -> TokenizerError {
            TokenizerError(
                file: file.path, problem: problem,
                advice: "llama.cpp reads encoders whose texts stand between one token and another")
        }
        guard file.template.single.count == 3, case .special(let start, _) = file.template.single[0],
            case .first = file.template.single[1], case .special(let end, _) = file.template.single[2],
            start.count == 1, end.count == 1
        else { throw refusal("a text does not stand between two tokens") }
        (bosID, eosID, separatorID) = (start[0], end[0], end[0])
        (addBOS, addEOS) = (true, true)
        let between = file.template.pair.dropLast(2).reduce(into: [Int32]()) { ids, part in
            if case .special(let more, _) = part { ids += more }
        }
        switch between.dropFirst() {
        case end[...]: addSEP = false
        case (end + end)[...]: addSEP = true
        default: throw refusal("other tokens stand between two texts than those that end one")
        }
        paddingID = file.paddingID
        maskID = file.addedTokens.first { ["[MASK]", "<mask>"].contains($0.text) }?.id
    }
}
