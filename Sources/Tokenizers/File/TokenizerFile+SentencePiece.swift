import Foundation
import ModelFiles

/// SentencePiece's own model of SigLIP, as `ClassSections` writes it down.
extension TokenizerFile {
    init(sentencePieces root: JSONValue, _ path: String) throws {
        let section = root["model"]
        let scored = try Self.scores(section, path)
        let unknownID = try readSetting(section, "unk_id", -1, \.int, path)
        let controls = Set((section?["control_ids"]?.array ?? []).compactMap(\.int) + [unknownID])
        let unigram = Unigram(
            vocabulary: scored, unknownID: Int32(unknownID), fallsBackToBytes: false, apart: controls,
            isSingle: true)
        let table = Data(base64Encoded: section?["precompiled_charsmap"]?.string ?? "") ?? Data()
        let characters = CharacterMap(Array(table))
        guard table.isEmpty || characters != nil else {
            throw TokenizerError(file: path, problem: "its table of characters cannot be read")
        }
        let normalizer = SentencePieceText(
            characters: characters,
            addsPrefix: try readSetting(section, "add_dummy_prefix", true, \.bool, path))
        let model = SentencePieces(
            normalizer: normalizer, model: unigram,
            ahead: try readSetting(section, "unk_token", "<unk>", \.string, path))
        let canonical = CanonicalText(
            lowercases: try readSetting(root["normalizer"], "lowercase", true, \.bool, path))
        let vocabulary = scored.enumerated().map { (token: $0.element.token, id: Int32($0.offset)) }
        let index = Index(vocabulary)
        let added = try Self.addedTokens(
            root["added_tokens"]?.array ?? [], index, vocabularyCount: vocabulary.count, path)
        let processor = try PostProcessor(root["post_processor"], idOf: index.id, path)
        let padding = try readSetting(root["padding"], "pad_token", "", \.string, path)
        self.init(
            path: path, vocabulary: vocabulary, addedTokens: added,
            pipeline: .subword([canonical], [], .sentencePieces(model)),
            processor: (processor.template, nil), unknownID: Int32(unknownID),
            paddingID: index.id(of: padding),
            decoding: try DecodingList.read(root["decoder"], path))
    }

    private static func scores(_ section: JSONValue?, _ path: String) throws -> [(
        token: String, score: Double
    )] {
        let entries = (section?["vocab"]?.array ?? []).compactMap { entry in
            entry.array.flatMap { pair in pair.first?.string.map { ($0, pair.last?.double ?? 0) } }
        }
        try checkCount(entries.count, path)
        return entries
    }
}
