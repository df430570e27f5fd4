/// A step of `pre_tokenizer` in `tokenizer.json`.
protocol PreTokenizer: Sendable {
    /// Parts of a text, in order; empty ones count for nothing.
    func split(_ text: ArraySlice<LocatedScalar>) -> [ArraySlice<LocatedScalar>]
}
