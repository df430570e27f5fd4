/// Some rows of a sequence of `length` rows, the last ones.
struct SequencePart {
    let length: Int
    let count: Int

    /// Where the rows stand in the sequence
    var positions: Range<Int> { length - count..<length }
}
