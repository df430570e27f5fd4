/// The shape in which the gradients of a step's shards are added up: a binary tree over their order. A node of n > 1 shards is the sum
/// of two, of which the first has the largest power of two below n. It follows from the number of shards alone, so that
/// whoever adds, and in whatever order shards end, comes to the same bits.
package struct ShardTree: Sendable, Equatable {
    /// Shards that follow each other
    package typealias Node = Range<Int>

    package let root: Node

    package init(shards: Int) { root = 0..<shards }

    /// The two nodes whose sum a node is; nil for a single shard.
    package static func halves(_ node: Node) -> (first: Node, second: Node)? {
        guard node.count > 1 else { return nil }
        var power = 1
        while power * 2 < node.count { power *= 2 }
        let middle = node.lowerBound + power
        return (node.lowerBound..<middle, middle..<node.upperBound)
    }

    /// The largest nodes all of whose shards are among `own`, in their order.
    ///
    /// - Parameter own: rising.
    package func nodes(of own: [Int]) -> [Node] {
        var found: [Node] = []
        func visit(_ node: Node, _ own: ArraySlice<Int>) {
            if own.isEmpty { return }
            if own.count == node.count { return found.append(node) }
            guard let (first, second) = Self.halves(node) else { return }
            let border = own.firstIndex { $0 >= first.upperBound } ?? own.endIndex
            visit(first, own[..<border])
            visit(second, own[border...])
        }
        visit(root, own[...])
        return found
    }

    /// The nodes above a shard, the nearest first.
    func ancestors(of shard: Int) -> [Node] {
        var path: [Node] = []
        var node = root
        while let (first, second) = Self.halves(node) {
            path.append(node)
            node = first.contains(shard) ? first : second
        }
        return path.reversed()
    }
}
