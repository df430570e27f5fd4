/// The blocks of attention: for each sequence b, Lq query rows from queries[b] and L key and value rows from keys[b].
struct AttentionShape {
    let queries: [Int]
    let keys: [Int]
    let heads: Int
    /// Columns of a head, D.
    let width: Int

    var columns: Int { heads * width }
    var sequences: Int { keys.count - 1 }

    func queryRows(_ sequence: Int) -> Int { queries[sequence + 1] - queries[sequence] }
    func keyRows(_ sequence: Int) -> Int { keys[sequence + 1] - keys[sequence] }
    /// Elements of all [Lq, L] blocks.
    var probabilities: Int {
        (0..<sequences).reduce(0) { $0 + queryRows($1) * keyRows($1) } * heads
    }
    var largestBlock: Int { (0..<sequences).reduce(0) { max($0, queryRows($1) * keyRows($1)) } }
    var longestSequence: Int { (0..<sequences).reduce(0) { max($0, keyRows($1)) } }
    var mostQueries: Int { (0..<sequences).reduce(0) { max($0, queryRows($1)) } }

    /// One head of one sequence, as offsets of first elements.
    struct Block {
        /// Of its probabilities [Lq, L].
        let probabilities: Int
        /// Of its part of q and out [Tq, C], and of k and v [T, C].
        let query: Int
        let key: Int
        let queryRows: Int
        let keyRows: Int
        let head: Int
    }

    func forEachHead(_ body: (Block) -> Void) {
        var probabilities = 0
        for sequence in 0..<sequences {
            let (rows, length) = (queryRows(sequence), keyRows(sequence))
            for head in 0..<heads {
                body(
                    Block(
                        probabilities: probabilities, query: queries[sequence] * columns + head * width,
                        key: keys[sequence] * columns + head * width, queryRows: rows, keyRows: length,
                        head: head))
                probabilities += rows * length
            }
        }
    }
}
