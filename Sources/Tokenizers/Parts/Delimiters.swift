/// Splits at scalars of one kind.
struct Delimiters: PreTokenizer {
    enum Kind: Sendable {
        case whitespace, punctuation, digit

        func contains(_ scalar: Unicode.Scalar) -> Bool {
            switch self {
            case .whitespace: UnicodeClasses.isWhitespace(scalar)
            case .punctuation: UnicodeClasses.isPunctuation(scalar)
            case .digit: UnicodeClasses.isNumber(scalar)
            }
        }
    }

    /// What becomes of a delimiter, by the names of `tokenizer.json`.
    enum Behavior: String {
        case removed = "Removed"
        case isolated = "Isolated"
        case mergedWithPrevious = "MergedWithPrevious"
        case mergedWithNext = "MergedWithNext"
        case contiguous = "Contiguous"
    }

    let kind: Kind
    let behavior: Behavior

    func split(_ text: ArraySlice<LocatedScalar>) -> [ArraySlice<LocatedScalar>] {
        var pieces: [ArraySlice<LocatedScalar>] = []
        var start = text.startIndex
        var wasDelimiter = false
        for index in text.indices {
            let isDelimiter = kind.contains(text[index].scalar)
            if index > start && isBoundary(after: wasDelimiter, before: isDelimiter) {
                if !(wasDelimiter && behavior == .removed) { pieces.append(text[start..<index]) }
                start = index
            }
            wasDelimiter = isDelimiter
        }
        if start < text.endIndex && !(wasDelimiter && behavior == .removed) { pieces.append(text[start...]) }
        return pieces
    }

    private func isBoundary(after wasDelimiter: Bool, before isDelimiter: Bool) -> Bool {
        switch behavior {
        case .removed, .isolated: wasDelimiter || isDelimiter
        case .contiguous: wasDelimiter != isDelimiter
        case .mergedWithPrevious: wasDelimiter
        case .mergedWithNext: isDelimiter
        }
    }
}
