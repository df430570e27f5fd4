/// Vocabularies of encoders.
extension GGUFParts {
    /// Marks the beginning of a word.
    static let mark: Unicode.Scalar = "\u{2581}"

    /// WordPiece. Where llama.cpp looks a word's first piece up with a mark before it, and the others as they stand, this
    /// library has `##` before these: the same pieces. It knows no words too long to be looked at.
    init(wordPieces vocabulary: GGUFVocabulary, _ tokens: GGUFTokens) throws {
        let mark = Array(String(Self.mark).utf8)
        let names = tokens.names.enumerated().map { id, name in
            let isWhole = tokens.kinds[id] == .control || tokens.kinds[id] == .userDefined
            if isWhole { return name }
            return name.utf8.starts(with: mark)
                ? String(decoding: name.utf8.dropFirst(mark.count), as: UTF8.self) : "##" + name
        }
        let lowercase = vocabulary.lowercases ?? true
        let unknown: Int32 = 100
        guard let id = try tokens.checked(vocabulary.unknownID ?? unknown, "unknown_token_id") else {
            preconditionFailure("an id that is there")
        }
        pipeline = .bert(
            BertNormalizer(
                cleanText: true, handleChineseCharacters: true,
                stripAccents: vocabulary.stripsAccents ?? lowercase, lowercase: lowercase),
            try WordPiece(
                vocabulary: names.enumerated().map { ($0.element, Int32($0.offset)) }, unknownID: id,
                continuingPrefix: "##", longestWord: .max, file: tokens.path))
        decoding = [.wordPiece(WordPieceDecoding(prefix: "##", cleansUp: true))]
        addsBOS = true
        isFramed = true
        usual = TokenizerHabits.Roles(bos: 101, eos: nil)
        (usualSeparator, usualUnknown) = (102, unknown)
        self.names = names
    }

    /// SentencePiece's Unigram.
    init(unigram vocabulary: GGUFVocabulary, _ tokens: GGUFTokens) throws {
        guard !vocabulary.scores.isEmpty, vocabulary.scores.allSatisfy(\.isFinite) else {
            throw TokenizerError(
                file: tokens.path, problem: "there is no tokenizer.ggml.scores, or one that is not a number",
                advice: GGUFTokens.advice)
        }
        let unknown: Int32 = 2
        guard let id = try tokens.checked(vocabulary.unknownID ?? unknown, "unknown_token_id") else {
            preconditionFailure("an id that is there")
        }
        var normalizers: [any TextNormalizer] = []
        if !vocabulary.characterMap.isEmpty {
            guard let map = CharacterMap(vocabulary.characterMap) else {
                throw TokenizerError(
                    file: tokens.path, problem: "tokenizer.ggml.precompiled_charsmap cannot be read",
                    advice: GGUFTokens.advice)
            }
            normalizers.append(map)
        }
        if vocabulary.removesExtraSpaces ?? false {
            normalizers += [
                Replacement(pattern: .spaces(atLeast: 2), content: [" "]), Strip(left: true, right: true),
            ]
        }
        let addsSpace = vocabulary.addSpacePrefix ?? false
        pipeline = .subword(
            normalizers,
            [Metaspace(mark: Self.mark, prefix: addsSpace ? .always : .never, splitsWords: true)],
            .unigram(
                Unigram(
                    vocabulary: zip(tokens.names, vocabulary.scores).map { ($0, Double($1)) }, unknownID: id,
                    fallsBackToBytes: tokens.kinds.contains(.byte))))
        decoding = [
            .metaspace(
                MetaspaceDecoding(mark: Self.mark, dropsFirst: addsSpace, plain: tokens.plain()))
        ]
        addsBOS = false
        addsEOS = true
        usual = TokenizerHabits.Roles(bos: nil, eos: 1)
        usualUnknown = unknown
    }
}
