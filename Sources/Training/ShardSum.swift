import Foundation
import Matrices

/// The sum of what shards add to the gradient, taken in the order of the shards whatever order they end in: the same bits
/// for any number of workers, in the memory of a few gradients however many shards there are.
///
/// Unchecked Sendable: the condition guards what changes, and a buffer belongs to one shard at a time.
package final class ShardSum: @unchecked Sendable {
    private let sum: Matrix
    private let condition = NSCondition()
    private var free: [Matrix]
    /// Shards that have a buffer and are at work.
    private var begun: Set<Int> = []
    /// Of shards that ended before an earlier one.
    private var early: [Int: Matrix] = [:]
    /// The shard that is to be added next.
    private var next = 0

    /// Buffers that let every worker begin a shard while the one before it is still at work.
    package static func buffers(shards: Int, workers: Int) -> Int {
        min(shards, workers == 1 ? 1 : workers + 1)
    }

    /// - Parameters:
    ///   - sum: [1, N], set to 0 first.
    ///   - buffers: [1, N] each, at least one; with fewer than workers some wait.
    package init(into sum: Matrix, buffers: [Matrix]) {
        self.sum = sum
        free = buffers
        sum.fill(0)
    }

    /// A buffer of zeros for the gradient of a shard, waited for if need be. While the next shard to be added has none, the
    /// last one is kept for it: the others wait for that shard.
    package func buffer(for shard: Int) -> Matrix {
        condition.lock()
        while free.count <= (shard == next || begun.contains(next) ? 0 : 1) { condition.wait() }
        let buffer = free.removeLast()
        begun.insert(shard)
        condition.unlock()
        buffer.fill(0)
        return buffer
    }

    /// Takes back a buffer with the gradient of a shard.
    package func add(_ buffer: Matrix, of shard: Int) {
        condition.lock()
        defer { condition.unlock() }
        begun.remove(shard)
        early[shard] = buffer
        while let buffer = early.removeValue(forKey: next) {
            Kernel.add(buffer, into: sum)
            free.append(buffer)
            next += 1
        }
        condition.broadcast()
    }
}
