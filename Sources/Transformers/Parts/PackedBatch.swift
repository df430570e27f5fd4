/// Sequences laid end to end, without padding: T tokens in all, sequence b holds offsets[b] ..< offsets[b + 1].
package struct PackedBatch: Sendable {
    package let ids: [Int32]
    package let typeIDs: [Int32]
    package let offsets: [Int]
    /// What sequences begin with alike, for models that compute that once; nil for each sequence by itself.
    package let tree: TokenTree?

    package var tokens: Int { ids.count }
    package var sequences: Int { offsets.count - 1 }

    /// - Parameter isShared: whether tokens that sequences begin with alike may be computed once, where they are many.
    package init(_ sequences: [(ids: [Int32], typeIDs: [Int32])], isShared: Bool = false) {
        var ids: [Int32] = []
        var typeIDs: [Int32] = []
        var offsets = [0]
        for sequence in sequences {
            precondition(!sequence.ids.isEmpty, "an empty sequence has no row to attend to")
            precondition(
                sequence.ids.count == sequence.typeIDs.count,
                "\(sequence.ids.count) ids with \(sequence.typeIDs.count) type ids")
            ids += sequence.ids
            typeIDs += sequence.typeIDs
            offsets.append(ids.count)
        }
        self.ids = ids
        self.typeIDs = typeIDs
        self.offsets = offsets
        tree = isShared ? TokenTree(sequences) : nil
    }

    /// Tokens of it that are computed by a model that computes once what sequences begin with alike
    package var computedTokens: Int { tree?.tokens ?? tokens }
    /// Of the longest sequence
    var longest: Int { zip(offsets, offsets.dropFirst()).reduce(0) { max($0, $1.1 - $1.0) } }

    /// first, first + 1, first + 2 … in each sequence; a token `skipped` stays at first − 1 and is not counted.
    package func positions(from first: Int = 0, skipping skipped: Int32? = nil) -> [Int32] {
        var positions: [Int32] = []
        positions.reserveCapacity(tokens)
        for sequence in 0..<sequences {
            var next = Int32(first)
            for id in ids[offsets[sequence]..<offsets[sequence + 1]] {
                positions.append(id == skipped ? Int32(first) - 1 : next)
                if id != skipped { next += 1 }
            }
        }
        return positions
    }
}
