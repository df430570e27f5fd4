/// Puts a text before every text but the empty one, at the place of its first scalar.
struct Prepend: TextNormalizer {
    let prefix: [Unicode.Scalar]

    func normalize(_ text: [LocatedScalar]) -> [LocatedScalar] {
        guard let first = text.first else { return text }
        return prefix.map { LocatedScalar(scalar: $0, start: first.start, end: first.end) } + text
    }
}
