/// Drops all marks (categories Mn, Mc and Me), not only the nonspacing ones that BERT drops.
struct StripAccents: TextNormalizer {
    func normalize(_ text: [LocatedScalar]) -> [LocatedScalar] {
        text.filter { !UnicodeClasses.isMark($0.scalar) }
    }
}
