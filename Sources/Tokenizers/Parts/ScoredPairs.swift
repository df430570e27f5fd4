/// SentencePiece's BPE as llama.cpp runs it from scores: of all neighbors that are a token together the best-scoring pair
/// is merged first, of equals the leftmost; what is no token in the end is spelled in bytes.
struct ScoredPairs: Sendable {
    /// Of each byte.
    private let byteIDs: [Int32]
    /// Tokens by rank of their score, the best first; equal scores have one rank.
    private let ranks: [Int32]
    /// Of each token, in scalars.
    private let lengths: [Int32]
    private let trie: ScalarTrie

    /// A token's id is its position. Scores are compared as Float32, and none is NaN.
    ///
    /// - Parameter isText: whether a token may come of plain text; control tokens may not.
    init(vocabulary: [(token: String, score: Float)], isText: (Int) -> Bool, byteIDs: [Int32]) {
        self.byteIDs = byteIDs
        let order = vocabulary.indices.sorted { vocabulary[$0].score > vocabulary[$1].score }
        var ranks = [Int32](repeating: 0, count: vocabulary.count)
        var rank: Int32 = 0
        for (place, id) in order.enumerated() {
            if place > 0, vocabulary[id].score != vocabulary[order[place - 1]].score { rank += 1 }
            ranks[id] = rank
        }
        var trie = ScalarTrie(capacity: vocabulary.count * 3)
        for (id, entry) in vocabulary.enumerated() where isText(id) {
            trie.insert(entry.token.unicodeScalars, Int32(id))
        }
        self.ranks = ranks
        self.trie = trie
        lengths = vocabulary.map { Int32($0.token.unicodeScalars.count) }
    }

    private struct Symbol {
        var start: Int
        /// In scalars; 0 once it went into the symbol before it.
        var count: Int
        /// Of the trie; nil where no token begins this way.
        var node: Int32?
        var previous: Int
        var next: Int
    }

    /// Appends the ids of a text.
    func encode(_ text: ArraySlice<LocatedScalar>, into output: inout TokenList) {
        let base = text.startIndex
        var symbols = text.indices.map { index in
            Symbol(
                start: index - base, count: 1, node: trie.child(of: 0, text[index].scalar),
                previous: index - base - 1, next: index - base + 1)
        }
        if symbols.count > 1 { merge(&symbols, text) }
        for symbol in symbols where symbol.count > 0 {
            let place = text[(base + symbol.start)..<(base + symbol.start + symbol.count)]
            if let id = symbol.node.flatMap(trie.entry) {
                output.append(id, place)
            } else {
                for byte in place.flatMap({ UTF8.encode($0.scalar).map(Array.init) ?? [] }) {
                    output.append(byteIDs[Int(byte)], place)
                }
            }
        }
    }

    /// The node of two symbols together.
    private func node(_ left: Symbol, _ right: Symbol, _ text: ArraySlice<LocatedScalar>) -> Int32? {
        var node = left.node
        let start = text.startIndex + right.start
        for index in start..<(start + right.count) {
            guard let known = node else { return nil }
            node = trie.child(of: known, text[index].scalar)
        }
        return node
    }

    private func merge(_ symbols: inout [Symbol], _ text: ArraySlice<LocatedScalar>) {
        var queue = MergeQueue()
        func propose(_ left: Int, _ right: Int) {
            guard let id = node(symbols[left], symbols[right], text).flatMap(trie.entry) else { return }
            queue.insert(MergeQueue.Entry(rank: ranks[Int(id)], position: Int32(left), id: id))
        }
        for left in 0..<(symbols.count - 1) { propose(left, left + 1) }
        while let best = queue.removeFirst() {
            let left = Int(best.position)
            let right = symbols[left].next
            // Stale when one of its symbols has changed since: another length at the same start is another text.
            guard symbols[left].count > 0, right < symbols.count,
                symbols[left].count + symbols[right].count == Int(lengths[Int(best.id)])
            else { continue }
            symbols[left].node = node(symbols[left], symbols[right], text)
            symbols[left].count += symbols[right].count
            symbols[right].count = 0
            let next = symbols[right].next
            symbols[left].next = next
            if next < symbols.count {
                symbols[next].previous = left
                propose(left, next)
            }
            if symbols[left].previous >= 0 { propose(symbols[left].previous, left) }
        }
    }
}
