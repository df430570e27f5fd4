/// SentencePiece's unigram model with its own treatment of the text, as transformers' classes without the `tokenizers`
/// library ask it: each text stands behind the name of the unknown token, whose pieces are dropped, so that no space is
/// added before the text.
struct SentencePieces: Sendable {
    /// Its name as the type of a model
    static let kind = "SentencePiece"

    private let normalizer: SentencePieceText
    private let model: Unigram
    private let ahead: [Unicode.Scalar]
    private let dropped: Int

    /// - Parameter ahead: the name of the unknown token
    init(normalizer: SentencePieceText, model: Unigram, ahead: String) {
        self.normalizer = normalizer
        self.model = model
        self.ahead = Array(ahead.unicodeScalars)
        var pieces = TokenList()
        model.encode(normalizer.normalize(LocatedScalar.scalars(of: ahead))[...], into: &pieces)
        dropped = pieces.count
    }

    /// Appends the ids of a text between added tokens.
    func encode(_ text: ArraySlice<LocatedScalar>, into output: inout TokenList) {
        let start = text.first?.start ?? 0
        let before = ahead.map { LocatedScalar(scalar: $0, start: start, end: start) }
        var pieces = TokenList()
        model.encode(normalizer.normalize(before + text)[...], into: &pieces)
        // Fewer than those of the name alone are all kept.
        let first = pieces.count >= dropped ? dropped : 0
        output.ids += pieces.ids[first...]
        output.offsets += pieces.offsets[first...]
    }
}
