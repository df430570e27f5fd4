/// What SigLIP's tokenizer makes of a text before SentencePiece sees it (`canonicalize_text` of big_vision, in Python's
/// terms): small letters, no ASCII punctuation, single spaces, none at the ends; and a mark before the first.
struct CanonicalText: TextNormalizer {
    private static let mark: Unicode.Scalar = "▁"
    let lowercases: Bool

    func normalize(_ text: [LocatedScalar]) -> [LocatedScalar] {
        guard let first = text.first else { return [] }
        var whole = text.map { located in
            var located = located
            if located.scalar == Self.mark { located.scalar = " " }
            return located
        }
        if first.start == 0 { whole.insert(LocatedScalar(scalar: Self.mark, start: 0, end: 0), at: 0) }
        if lowercases { whole = Lowercase().normalize(Self.withFinalSigmas(whole)) }
        var result: [LocatedScalar] = []
        result.reserveCapacity(whole.count)
        for var located in whole where !Self.isPunctuation(located.scalar) {
            if Self.isSpace(located.scalar) {
                guard let last = result.last, last.scalar != " " else { continue }
                located.scalar = " "
            }
            result.append(located)
        }
        if result.last?.scalar == " " { result.removeLast() }
        return result
    }

    /// Python's `string.punctuation`
    private static func isPunctuation(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value < 0x80 && UnicodeClasses.isPunctuation(scalar)
    }

    /// Python's `\s`, which has four separators more than Unicode.
    private static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
        (0x1C...0x1F).contains(scalar.value) || UnicodeClasses.isWhitespace(scalar)
    }

    /// A capital sigma at the end of a word becomes another letter than elsewhere.
    private static func withFinalSigmas(_ text: [LocatedScalar]) -> [LocatedScalar] {
        var result = text
        for index in text.indices where text[index].scalar == "Σ" {
            func isCased(_ located: LocatedScalar?) -> Bool { located?.scalar.properties.isCased ?? false }
            let before = text[..<index].last { !$0.scalar.properties.isCaseIgnorable }
            let after = text[(index + 1)...].first { !$0.scalar.properties.isCaseIgnorable }
            result[index].scalar = isCased(before) && !isCased(after) ? "ς" : "σ"
        }
        return result
    }
}
