import Foundation

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

    /// The words of `text`: slices of its normalized scalars.
    package func words(_ text: Substring) -> [ArraySlice<Unicode.Scalar>] {
        let scalars = normalize(text)
        var words: [ArraySlice<Unicode.Scalar>] = []
        var start = 0
        for (index, scalar) in scalars.enumerated() {
            let isSpace = UnicodeClasses.isWhitespace(scalar)
            guard isSpace || UnicodeClasses.isPunctuation(scalar) else { continue }
            if start < index { words.append(scalars[start..<index]) }
            if !isSpace { words.append(scalars[index...index]) }
            start = index + 1
        }
        if start < scalars.count { words.append(scalars[start...]) }
        return words
    }

    package func normalize(_ text: Substring) -> [Unicode.Scalar] {
        var scalars: [Unicode.Scalar] = []
        scalars.reserveCapacity(text.utf8.count)
        // Below U+00C0 nothing decomposes into a base and a mark.
        var mayDecompose = false
        for scalar in text.unicodeScalars {
            if cleanText {
                if scalar.value == 0xFFFD || UnicodeClasses.isControl(scalar) { continue }
                if UnicodeClasses.isWhitespace(scalar) {
                    scalars.append(" ")
                    continue
                }
            }
            if handleChineseCharacters && UnicodeClasses.isChinese(scalar) {
                scalars += [" ", scalar, " "]
            } else {
                scalars.append(scalar)
            }
            mayDecompose = mayDecompose || scalar.value >= 0xC0
        }
        if stripAccents && mayDecompose { scalars = withoutAccents(scalars) }
        if lowercase { scalars = lowercased(scalars) }
        return scalars
    }

    /// NFD without its nonspacing marks.
    private func withoutAccents(_ scalars: [Unicode.Scalar]) -> [Unicode.Scalar] {
        var result: [Unicode.Scalar] = []
        result.reserveCapacity(scalars.count)
        var known = String.UnicodeScalarView()
        func flush() {
            let decomposed = String(known).decomposedStringWithCanonicalMapping.unicodeScalars
            result.append(contentsOf: decomposed.lazy.filter { !UnicodeClasses.isNonspacingMark($0) })
            known = String.UnicodeScalarView()
        }
        // To the library a scalar that its NFD does not know stays, and no mark is reordered across it.
        for scalar in scalars {
            if UnicodeClasses.isUnknownToNormalization(scalar) {
                flush()
                if !UnicodeClasses.isNonspacingMark(scalar) { result.append(scalar) }
            } else {
                known.append(scalar)
            }
        }
        flush()
        return result
    }

    /// Scalar by scalar, without the context rules (final sigma) of lowercasing a string.
    private func lowercased(_ scalars: [Unicode.Scalar]) -> [Unicode.Scalar] {
        var result: [Unicode.Scalar] = []
        result.reserveCapacity(scalars.count)
        for scalar in scalars {
            if scalar.value < 0x80 {
                let upper = scalar.value >= 0x41 && scalar.value <= 0x5A
                result.append(upper ? Unicode.Scalar(UInt8(scalar.value + 32)) : scalar)
            } else if scalar.properties.changesWhenLowercased {
                result += scalar.properties.lowercaseMapping.unicodeScalars
            } else {
                result.append(scalar)
            }
        }
        return result
    }
}
