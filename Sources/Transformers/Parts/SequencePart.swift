/// Some rows of a sequence of `length` rows, the last ones.
struct SequencePart {
    let length: Int
    let count: Int

    /// The same rows of a sequence that is behind others.
    func behind(_ rows: Int) -> SequencePart { SequencePart(length: length + rows, count: count) }

    /// Where the rows stand in the sequence
    var positions: Range<Int> { length - count..<length }
}
