/// Sequences in the order of their tokens, in which those that begin alike stand together.
package struct BeginningOrder: Sendable {
    /// Positions of the sequences
    package let order: [Int]
    /// Of each in this order how many tokens it begins with like the one before it; 0 where these are too few to count.
    package let common: [Int]
    /// Tokens of each in this order
    package let lengths: [Int]

    /// Fewer tokens are not worth a branch of their own, unless nothing comes after them.
    package static let fewest = 8
    /// Tokens over those of the tree from which on sequences are computed together.
    package static let leastRatio = 1.1

    package init(_ sequences: [(ids: [Int32], typeIDs: [Int32])]) {
        let order = sequences.indices.sorted { first, second in
            let (one, other) = (sequences[first], sequences[second])
            let common = Self.common(one, other)
            if common < one.ids.count && common < other.ids.count {
                return (one.ids[common], one.typeIDs[common]) < (other.ids[common], other.typeIDs[common])
            }
            return (one.ids.count, first) < (other.ids.count, second)
        }
        self.order = order
        common = order.indices.map { place in
            guard place > 0 else { return 0 }
            let (one, other) = (sequences[order[place - 1]], sequences[order[place]])
            let count = Self.common(one, other)
            let areEqual = count == one.ids.count && count == other.ids.count
            return count < Self.fewest && !areEqual ? 0 : count
        }
        lengths = order.map { sequences[$0].ids.count }
    }

    /// Whether a sequence is the one before it once more.
    func isRepeated(_ place: Int) -> Bool {
        place > 0 && common[place] == lengths[place] && common[place] == lengths[place - 1]
    }

    package var tokens: Int { lengths.reduce(0, +) }
    /// Of a tree of all sequences; a few more where a branch of a branch is short.
    package var treeTokens: Int { tokens - common.reduce(0, +) }
    /// Whether enough is common to compute it once.
    package var isWorthwhile: Bool {
        tokens > treeTokens && Double(tokens) >= Self.leastRatio * Double(treeTokens)
    }

    private static func common(
        _ one: (ids: [Int32], typeIDs: [Int32]), _ other: (ids: [Int32], typeIDs: [Int32])
    ) -> Int {
        let most = min(one.ids.count, other.ids.count)
        return (0..<most).first {
            one.ids[$0] != other.ids[$0] || one.typeIDs[$0] != other.typeIDs[$0]
        } ?? most
    }
}
