/// Drops white space at the ends of a text.
struct Strip: TextNormalizer {
    let left: Bool
    let right: Bool

    func normalize(_ text: [LocatedScalar]) -> [LocatedScalar] {
        var rest = text[...]
        while left, let first = rest.first, UnicodeClasses.isWhitespace(first.scalar) { rest.removeFirst() }
        while right, let last = rest.last, UnicodeClasses.isWhitespace(last.scalar) { rest.removeLast() }
        return rest.count == text.count ? text : Array(rest)
    }
}
