/// The way of a text to tokens: a normalizer, a pre-tokenizer and a model that belong together.
enum TextPipeline: Sendable {
    /// BERT's, which does all in one pass.
    case bert(BertNormalizer, WordPiece)
    case subword([any TextNormalizer], [any PreTokenizer], SubwordModel)

    func normalize(_ text: ArraySlice<LocatedScalar>) -> [LocatedScalar] {
        switch self {
        case .bert(let normalizer, _): return normalizer.normalize(text)
        case .subword(let normalizers, _, _):
            var scalars = Array(text)
            for normalizer in normalizers { scalars = normalizer.normalize(scalars) }
            return scalars
        }
    }

    /// For texts that are single words: a byte-level vocabulary spells a word with the space before it.
    var ofSingleWords: TextPipeline {
        guard case .subword(let normalizers, let preTokenizers, let model) = self else { return self }
        let spaced = preTokenizers.map { step -> any PreTokenizer in
            guard let bytes = step as? ByteLevel else { return step }
            return ByteLevel(addsPrefixSpace: true, splitsWords: bytes.splitsWords)
        }
        return .subword(normalizers, spaced, model)
    }

    /// Appends the tokens of a normalized text.
    func encode(_ text: ArraySlice<LocatedScalar>, into output: inout TokenList) {
        switch self {
        case .bert(_, let model):
            BertNormalizer.forEachWord(text) { model.encode($0, into: &output) }
        case .subword(_, _, let model):
            for word in words(text) { model.encode(word, into: &output) }
        }
    }

    /// Appends the tokens of one word as the model gets it.
    func encodeWord(_ word: ArraySlice<LocatedScalar>, into output: inout TokenList) {
        switch self {
        case .bert(_, let model): model.encode(word, into: &output)
        case .subword(_, _, let model): model.encode(word, into: &output)
        }
    }

    /// The words of a normalized text.
    func words(_ text: ArraySlice<LocatedScalar>) -> [ArraySlice<LocatedScalar>] {
        var words = [text]
        switch self {
        case .bert:
            words = []
            BertNormalizer.forEachWord(text) { words.append($0) }
        case .subword(_, let preTokenizers, _):
            for preTokenizer in preTokenizers { words = words.flatMap(preTokenizer.split) }
        }
        return words.filter { !$0.isEmpty }
    }
}

enum SubwordModel: Sendable {
    case bytePair(BytePairEncoding)
    case unigram(Unigram)
    case scoredPairs(ScoredPairs)
    case wordLevel(WordLevel)
    case sentencePieces(SentencePieces)

    func encode(_ piece: ArraySlice<LocatedScalar>, into output: inout TokenList) {
        switch self {
        case .bytePair(let model): model.encode(piece, into: &output)
        case .unigram(let model): model.encode(piece, into: &output)
        case .scoredPairs(let model): model.encode(piece, into: &output)
        case .wordLevel(let model): model.encode(piece, into: &output)
        case .sentencePieces(let model): model.encode(piece, into: &output)
        }
    }
}
