import Autodiff

/// Sequences as paths from the root of a tree: tokens that several begin with stand in it once.
///
/// What models of causal layers compute of a token depends on the tokens before it alone, so that a row of the tree stands for
/// that row of each sequence whose path it lies on ("RadixMLP", 2026, for inference; "Tree Training", 2025).
package struct TokenTree: Sendable, Equatable {
    /// Tokens one after the other that the same sequences have.
    package struct Segment: Sendable, Equatable {
        /// The segment that these tokens follow on; nil at the beginning of a sequence.
        package let parent: Int?
        /// Of the tree
        package let rows: Range<Int>
        /// Tokens before it in its sequences
        package let depth: Int

        var part: SequencePart { SequencePart(length: depth + rows.count, count: rows.count) }
    }

    /// Each after its parent; their rows lie one after the other.
    package private(set) var segments: [Segment] = []
    package private(set) var ids: [Int32] = []
    /// For each token of the sequences, laid end to end, its row in the tree.
    package private(set) var rows: [Int]

    /// nil where too little is common.
    package init?(_ sequences: [(ids: [Int32], typeIDs: [Int32])]) {
        let order = BeginningOrder(sequences)
        guard order.isWorthwhile else { return nil }
        var starts = [0]
        for sequence in sequences { starts.append(starts[starts.count - 1] + sequence.ids.count) }
        rows = Array(repeating: 0, count: starts[sequences.count])
        add(order.order.indices, below: nil, depth: 0, order, starts, sequences.map(\.ids))
    }

    package var tokens: Int { ids.count }

    /// For each row of the tree the first of the tokens, laid end to end, that it stands for.
    var firstPlaces: [Int] {
        var places = [Int](repeating: 0, count: tokens)
        for (place, row) in rows.enumerated().reversed() { places[row] = place }
        return places
    }

    /// Of rows of the sequences laid end to end those that stand in the tree for several, once, in rising order, and for each
    /// row which of these it is.
    package func distinct(_ read: [Int]) -> (rows: [Int], places: [Int]) {
        var (found, known): ([Int], [Int: Int]) = ([], [:])
        let places = read.map { row in
            if let place = known[rows[row]] { return place }
            known[rows[row]] = found.count
            found.append(row)
            return found.count - 1
        }
        return (found, places)
    }

    /// Where the segments begin in the tree's rows, and the end
    var offsets: [Int] { segments.map(\.rows.lowerBound) + [tokens] }

    /// What the rows of each segment see
    var paths: KeyPaths {
        var paths = KeyPaths()
        for segment in segments {
            var path = [segment.rows]
            var above = segment.parent
            while let parent = above {
                path.append(segments[parent].rows)
                above = segments[parent].parent
            }
            paths.append(path.reversed())
        }
        return paths
    }

    /// What some sequences go on with after `depth` tokens that they have in common.
    ///
    /// - Parameters:
    ///   - places: of these sequences in `order`.
    ///   - starts: where the sequences begin, laid end to end.
    private mutating func add(
        _ places: Range<Int>, below parent: Int?, depth: Int, _ order: BeginningOrder, _ starts: [Int],
        _ ids: [[Int32]]
    ) {
        var start = places.lowerBound
        while start < places.upperBound {
            var (end, common) = (start + 1, order.lengths[start])
            while end < places.upperBound,
                order.common[end] >= depth + BeginningOrder.fewest || order.isRepeated(end)
            {
                common = min(common, order.common[end])
                end += 1
            }
            if common > depth {
                let members = order.order[start..<end]
                let first = self.ids.count
                for member in members {
                    for place in depth..<common { rows[starts[member] + place] = first + place - depth }
                }
                self.ids += ids[order.order[start]][depth..<common]
                segments.append(Segment(parent: parent, rows: first..<self.ids.count, depth: depth))
                if end > start + 1 {
                    add(start..<end, below: segments.count - 1, depth: common, order, starts, ids)
                }
            }
            start = end
        }
    }
}
