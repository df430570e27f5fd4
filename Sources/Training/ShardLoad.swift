import Matrices
import Tasks

/// The shards that a run gives to its workers.
package struct ShardLoad: Equatable {
    /// Tokens of each shard, by step; of evaluations all shards are one step.
    package private(set) var steps: [[Int]] = []
    /// Token counts of the sequences of the shard with the most tokens.
    package private(set) var lengths: [Int] = []
    /// Tokens of that shard
    package private(set) var tokens = 0
    /// Tokens of the sequences of all these shards, of which those that they begin with alike are computed once
    package private(set) var read = 0

    /// What is computed of them
    package var computed: Int { steps.joined().reduce(0, +) }
    package var mostShards: Int { steps.reduce(0) { max($0, $1.count) } }
    /// Numbers of rows that are left over after whole blocks of `PackedWeight`.
    package var remainders: Set<Int> { Set(steps.joined().map { $0 % PackedWeight.block }) }

    /// By then pools have met all sizes; later shards are hardly larger.
    private static let mostSteps = 300

    /// Of the first steps of a run, which draw their examples as training does.
    ///
    /// - Parameter mayShare: as of `ShardedSequences`.
    package init(
        training data: TokenizedDataset, _ sampler: BatchSampler, totalSteps: Int,
        mayShare: (_ longest: Int) -> Bool = { _ in false }
    ) {
        var epoch = -1
        var order: [Int] = []
        for step in 1...min(totalSteps, Self.mostSteps) {
            if sampler.epoch(ofStep: step) != epoch {
                epoch = sampler.epoch(ofStep: step)
                order = sampler.order(epoch: epoch)
            }
            let indices = Array(sampler.indices(step: step, order: order))
            add(ShardedSequences(training: data, indices, mayShare: mayShare), of: data)
        }
    }

    /// Of an evaluation: those of the most tokens, which come last.
    package init(
        evaluating data: TokenizedDataset, mayShare: (_ longest: Int) -> Bool = { _ in false }
    ) {
        let all = ShardedSequences(evaluating: data, mayShare: mayShare)
        add(ShardedSequences(all.shards.suffix(Self.mostSteps), isShared: all.isShared), of: data)
    }

    private mutating func add(_ sharded: ShardedSequences, of data: TokenizedDataset) {
        var step: [Int] = []
        for shard in sharded.shards {
            let found = shard.map { data.sequences[$0].length }
            let count =
                sharded.isShared ? data.batch(shard, isShared: true).computedTokens : found.reduce(0, +)
            step.append(count)
            read += found.reduce(0, +)
            if count > tokens { (tokens, lengths) = (count, found) }
        }
        steps.append(step)
    }
}
