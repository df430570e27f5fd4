/// The blocks of attention: for each sequence b, Lq query rows from queries[b] and L key and value rows from keys[b].
struct AttentionShape {
    let queries: [Int]
    let keys: [Int]
    let heads: Int
    /// Heads of keys and values, each of which heads / keyValueHeads query heads share, side by side.
    let keyValueHeads: Int
    /// Columns of a head, D.
    let width: Int
    /// The query rows of a sequence are its last ones, and see no key rows behind them. Otherwise they see all.
    let isCausal: Bool
    /// Of causal attention, how many key rows up to its own a query row sees at most; nil for all.
    var window: Int?
    /// Where the keys and values of sequences are in runs of rows that several share, in place of `keys`.
    var paths: KeyPaths?

    /// Query rows of a block of causal attention: its products are rectangles that end where the last of its rows does, so
    /// that a long sequence's are little more than its triangle.
    static let causalRows = 64

    /// Of q and out, and of k and v
    var columns: Int { heads * width }
    var keyColumns: Int { keyValueHeads * width }
    var sequences: Int { queries.count - 1 }

    func queryRows(_ sequence: Int) -> Int { queries[sequence + 1] - queries[sequence] }
    func keyRows(_ sequence: Int) -> Int {
        paths?.length(sequence) ?? keys[sequence + 1] - keys[sequence]
    }
    /// Elements of all blocks.
    var probabilities: Int {
        var elements = 0
        forEachBlock { elements += $0.queryRows * $0.keyRows }
        return elements
    }
    var largestBlock: Int {
        var elements = 0
        forEachBlock { elements = max(elements, $0.queryRows * $0.keyRows) }
        return elements
    }
    var longestSequence: Int { (0..<sequences).reduce(0) { max($0, keyRows($1)) } }
    var mostQueries: Int { (0..<sequences).reduce(0) { max($0, queryRows($1)) } }

    /// Query rows of one head of one sequence and the key rows that they see, as offsets of first elements. Of causal
    /// attention the last query row sees the block's key rows to the last, the one before all but the last, and so on; with a
    /// window each no more than that many, and the block's first one is the first that its first row sees.
    struct Block {
        /// Of its probabilities [queryRows, keyRows].
        let probabilities: Int
        /// Of its part of q and out [Tq, C], and of k and v [T, Ck], which may go on elsewhere: see `forEachRun`.
        let query: Int
        let key: Int
        let queryRows: Int
        let keyRows: Int
        let head: Int
        let sequence: Int
        /// Where the first of its key rows stands in the sequence
        let firstKey: Int
    }

    /// A block's key rows that lie one after the other in k and v.
    struct KeyRun {
        /// The first element of its part of k and v
        let key: Int
        /// The column of its first row in the block's probabilities
        let column: Int
        let rows: Int
    }

    func forEachBlock(_ body: (Block) -> Void) {
        var probabilities = 0
        let group = heads / keyValueHeads
        for sequence in 0..<sequences {
            let (rows, length) = (queryRows(sequence), keyRows(sequence))
            let most = isCausal ? Self.causalRows : rows
            for head in 0..<heads {
                // Without query rows there is one block too: it sets gradients of keys to 0.
                for start in stride(from: 0, to: max(rows, 1), by: max(most, 1)) {
                    let end = min(start + most, rows)
                    let last = length - rows + end
                    let first = window.map { max(0, length - rows + start + 1 - $0) } ?? 0
                    let block = Block(
                        probabilities: probabilities,
                        query: (queries[sequence] + start) * columns + head * width,
                        key: ((paths == nil ? keys[sequence] : 0) + first) * keyColumns
                            + head / group * width,
                        queryRows: end - start, keyRows: last - first, head: head, sequence: sequence,
                        firstKey: first)
                    body(block)
                    probabilities += block.queryRows * block.keyRows
                }
            }
        }
    }

    /// In the order of the path; without paths there is one run.
    func forEachRun(of block: Block, _ body: (KeyRun) -> Void) {
        guard let paths else { return body(KeyRun(key: block.key, column: 0, rows: block.keyRows)) }
        let seen = block.firstKey..<block.firstKey + block.keyRows
        for run in paths.runs(of: block.sequence) {
            let places = run.places.clamped(to: seen)
            if places.isEmpty { continue }
            let row = run.rows.lowerBound + places.lowerBound - run.place
            body(
                KeyRun(
                    key: row * keyColumns + block.head / (heads / keyValueHeads) * width,
                    column: places.lowerBound - block.firstKey, rows: places.count))
        }
    }
}
