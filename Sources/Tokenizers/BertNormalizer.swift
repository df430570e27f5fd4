import Foundation

/// The normalizer and pre-tokenizer of BERT tokenizers, scalar for scalar as the `tokenizers` library does it:
/// clean text, space out CJK, strip accents, lowercase; then split at white space and around punctuation.
struct BertNormalizer: Sendable {
    let cleanText: Bool
    let handleChineseCharacters: Bool
    let stripAccents: Bool
    let lowercase: Bool

    /// The words of `text`, each a list of scalars.
    func words(_ text: Substring) -> [[Unicode.Scalar]] {
        var words: [[Unicode.Scalar]] = []
        var word: [Unicode.Scalar] = []
        func close() {
            if !word.isEmpty {
                words.append(word)
                word.removeAll(keepingCapacity: true)
            }
        }
        for scalar in normalize(text) {
            if UnicodeClasses.isWhitespace(scalar) {
                close()
            } else if UnicodeClasses.isPunctuation(scalar) {
                close()
                words.append([scalar])
            } else {
                word.append(scalar)
            }
        }
        close()
        return words
    }

    func normalize(_ text: Substring) -> [Unicode.Scalar] {
        var scalars: [Unicode.Scalar] = []
        scalars.reserveCapacity(text.utf8.count)
        // Below U+00C0 nothing decomposes into a base and a mark.
        var mayDecompose = false
        for scalar in text.unicodeScalars {
            if scalar.value < 0x80 {
                if cleanText && UnicodeClasses.isControl(scalar) { continue }
                scalars.append(cleanText && UnicodeClasses.isWhitespace(scalar) ? " " : scalar)
                continue
            }
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
        if lowercase { scalars = lowercased(scalars, ascii: !mayDecompose) }
        return scalars
    }

    /// NFD without its nonspacing marks.
    private func withoutAccents(_ scalars: [Unicode.Scalar]) -> [Unicode.Scalar] {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars)
        return String(view).decomposedStringWithCanonicalMapping.unicodeScalars.filter {
            !UnicodeClasses.isNonspacingMark($0)
        }
    }

    /// Scalar by scalar, without the context rules (final sigma) of lowercasing a string.
    private func lowercased(_ scalars: [Unicode.Scalar], ascii: Bool) -> [Unicode.Scalar] {
        var result: [Unicode.Scalar] = []
        result.reserveCapacity(scalars.count)
        for scalar in scalars {
            if scalar.value < 0x80 {
                let upper = scalar.value >= 0x41 && scalar.value <= 0x5A
                result.append(upper ? Unicode.Scalar(UInt8(scalar.value + 32)) : scalar)
            } else if scalar.properties.changesWhenLowercased && !UnicodeClasses.keepsCase(scalar) {
                result += scalar.properties.lowercaseMapping.unicodeScalars
            } else {
                result.append(scalar)
            }
        }
        return result
    }
}
