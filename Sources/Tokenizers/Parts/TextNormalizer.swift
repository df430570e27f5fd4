/// A step of `normalizer` in `tokenizer.json`.
protocol TextNormalizer: Sendable {
    func normalize(_ text: [LocatedScalar]) -> [LocatedScalar]
}
