/// The normalizer and pre-tokenizer of BERT tokenizers, scalar for scalar like the `tokenizers` library:
/// clean text, space out CJK, strip accents, lowercase; then split at white space and around punctuation.
package struct BertNormalizer: Sendable {
    let cleanText: Bool
    let handleChineseCharacters: Bool
    let stripAccents: Bool
    let lowercase: Bool

    package init(cleanText: Bool, handleChineseCharacters: Bool, stripAccents: Bool, lowercase: Bool) {
        self.cleanText = cleanText
        self.handleChineseCharacters = handleChineseCharacters
        self.stripAccents = stripAccents
        self.lowercase = lowercase
    }

    /// Calls `body` with each word of a normalized text: a run without white space and punctuation, or one
    /// punctuation mark.
    package static func forEachWord(
        _ scalars: ArraySlice<LocatedScalar>, _ body: (ArraySlice<LocatedScalar>) -> Void
    ) {
        var start = scalars.startIndex
        for index in scalars.indices {
            let scalar = scalars[index].scalar
            let isSpace = UnicodeClasses.isWhitespace(scalar)
            guard isSpace || UnicodeClasses.isPunctuation(scalar) else { continue }
            if start < index { body(scalars[start..<index]) }
            if !isSpace { body(scalars[index...index]) }
            start = index + 1
        }
        if start < scalars.endIndex { body(scalars[start...]) }
    }

    package func normalize(_ text: ArraySlice<LocatedScalar>) -> [LocatedScalar] {
        var result: [LocatedScalar] = []
        result.reserveCapacity(text.count)
        // Below U+00C0 nothing decomposes into a base and a mark.
        var mayDecompose = false
        for var located in text {
            let scalar = located.scalar
            if cleanText {
                if scalar.value == 0xFFFD || UnicodeClasses.isControl(scalar) { continue }
                if UnicodeClasses.isWhitespace(scalar) { located.scalar = " " }
            }
            if handleChineseCharacters && UnicodeClasses.isChinese(scalar) {
                var space = located
                space.scalar = " "
                result += [space, located, space]
            } else {
                result.append(located)
            }
            mayDecompose = mayDecompose || scalar.value >= 0xC0
        }
        if stripAccents && mayDecompose { result = Self.withoutAccents(result) }
        return lowercase ? Lowercase().normalize(result) : result
    }

    /// NFD without its nonspacing marks.
    private static func withoutAccents(_ scalars: [LocatedScalar]) -> [LocatedScalar] {
        let decomposed = Decomposition.decompose(scalars.map(\.scalar))
        var result: [LocatedScalar] = []
        result.reserveCapacity(decomposed.count)
        // As in the library a scalar takes the place at its position in the text, also where marks were
        // reordered; the further scalars of one decomposition share the place of what stands before them.
        var position = -1
        for part in decomposed {
            if !part.continues { position += 1 }
            guard !UnicodeClasses.isNonspacingMark(part.scalar) else { continue }
            var located = scalars[max(position, 0)]
            located.scalar = part.scalar
            result.append(located)
        }
        return result
    }
}
