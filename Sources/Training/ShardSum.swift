import Foundation
import Matrices

/// The sum of a node of the tree.
package struct NodeSum: Sendable {
    package let node: ShardTree.Node
    /// [1, N]
    package let values: Matrix
}

/// The sum of what shards add to the gradient, in the shape of a `ShardTree` whatever order they end in: the same bits for any
/// number of workers, in the memory of a few gradients however many shards there are.
///
/// Unchecked Sendable: the condition guards what changes, and a buffer belongs to one shard at a time.
package final class ShardSum: @unchecked Sendable {
    private let tree: ShardTree
    private let own: [Int]
    /// How far ahead of the first unfinished shard another may begin, in shards
    private let window: Int
    private let condition = NSCondition()
    private var free: [Matrix]
    /// Sums of nodes that wait for the other half of the node above
    private var waiting: [ShardTree.Node: Matrix] = [:]
    private var finished: [Bool]
    /// Place among `own` of the first shard that has not ended
    private var first = 0

    /// Buffers that let every worker begin a shard while another is late: as many as there may be sums that wait.
    ///
    /// - Parameter own: shards that are added up here, rising.
    package static func buffers(_ tree: ShardTree, own: [Int], workers: Int) -> Int {
        // Sums that wait once some shards have ended, of which the last takes the largest number of them along.
        var most = 0
        var sums: [ShardTree.Node] = []
        for shard in own.dropLast() {
            var node = shard..<shard + 1
            for above in tree.ancestors(of: shard) {
                guard let (left, right) = ShardTree.halves(above), right == node, sums.last == left else {
                    break
                }
                sums.removeLast()
                node = above
            }
            sums.append(node)
            most = max(most, sums.count)
        }
        return min(own.count, most + window(workers))
    }

    private static func window(_ workers: Int) -> Int { workers == 1 ? 1 : workers + 1 }

    /// - Parameters:
    ///   - buffers: [1, N] each, as many as `buffers(_:own:workers:)` says.
    package init(_ tree: ShardTree, own: [Int], buffers: [Matrix], workers: Int) {
        self.tree = tree
        self.own = own
        window = Self.window(workers)
        free = buffers
        finished = own.map { _ in false }
    }

    /// A buffer of zeros for the gradient of the shard at a place among the own ones, waited for if need be. Shards are begun in
    /// order.
    package func buffer(for place: Int) -> Matrix {
        condition.lock()
        while place >= first + window || free.isEmpty { condition.wait() }
        let buffer = free.removeLast()
        condition.unlock()
        buffer.fill(0)
        return buffer
    }

    /// Takes back a buffer with the gradient of a shard.
    package func add(_ buffer: Matrix, of place: Int) {
        condition.lock()
        defer { condition.unlock() }
        let shard = own[place]
        var (node, sum) = (shard..<shard + 1, buffer)
        for above in tree.ancestors(of: shard) {
            guard let (left, right) = ShardTree.halves(above) else { break }
            guard let other = waiting.removeValue(forKey: node == left ? right : left) else { break }
            let (target, addend) = node == left ? (sum, other) : (other, sum)
            Kernel.add(addend, into: target)
            free.append(addend)
            (node, sum) = (above, target)
        }
        waiting[node] = sum
        finished[place] = true
        while first < finished.count && finished[first] { first += 1 }
        condition.broadcast()
    }

    /// Once all own shards were added: the largest nodes that they make up, in order.
    package var sums: [NodeSum] {
        condition.lock()
        defer { condition.unlock() }
        return waiting.sorted { $0.key.lowerBound < $1.key.lowerBound }.map {
            NodeSum(node: $0.key, values: $0.value)
        }
    }
}
