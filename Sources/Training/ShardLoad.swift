import Matrices
import Tasks

/// The shards that a run gives to its workers.
package struct ShardLoad: Equatable {
    /// Tokens of each shard, by step; of evaluations all shards are one step.
    package private(set) var steps: [[Int]] = []
    /// Token counts of the sequences of the shard with the most tokens.
    package private(set) var lengths: [Int] = []

    package var tokens: Int { lengths.reduce(0, +) }
    package var mostShards: Int { steps.reduce(0) { max($0, $1.count) } }
    /// Numbers of rows that are left over after whole blocks of `PackedWeight`.
    package var remainders: Set<Int> { Set(steps.joined().map { $0 % PackedWeight.block }) }

    /// By then pools have met all sizes; later shards are hardly larger.
    private static let mostSteps = 300

    /// Of the first steps of a run, which draw their examples as training does.
    package init(training data: TokenizedDataset, _ sampler: BatchSampler, totalSteps: Int) {
        var epoch = -1
        var order: [Int] = []
        for step in 1...min(totalSteps, Self.mostSteps) {
            if sampler.epoch(ofStep: step) != epoch {
                epoch = sampler.epoch(ofStep: step)
                order = sampler.order(epoch: epoch)
            }
            let lengths = sampler.indices(step: step, order: order).map { data.sequences[$0].ids.count }
            add(ShardPlan.shards(lengths: lengths).map { shard in shard.map { lengths[$0] } })
        }
    }

    /// Of an evaluation: those of the longest sequences, which come last.
    package init(evaluating data: TokenizedDataset) {
        add(
            data.evaluationShards.suffix(Self.mostSteps).map { shard in
                shard.map { data.sequences[$0].ids.count }
            })
    }

    private mutating func add(_ shards: [[Int]]) {
        steps.append(shards.map { $0.reduce(0, +) })
        for shard in shards where shard.reduce(0, +) > tokens { lengths = shard }
    }
}

extension TokenizedDataset {
    /// Similar lengths together fill shards evenly; results do not depend on the grouping.
    var evaluationShards: [[Int]] {
        let order = sequences.indices.sorted {
            (sequences[$0].ids.count, $0) < (sequences[$1].ids.count, $1)
        }
        var shards: [[Int]] = []
        var shard: [Int] = []
        var tokens = 0
        for index in order {
            let length = sequences[index].ids.count
            if !shard.isEmpty && tokens + length > ShardPlan.shardTokens {
                shards.append(shard)
                shard = []
                tokens = 0
            }
            shard.append(index)
            tokens += length
        }
        return shard.isEmpty ? shards : shards + [shard]
    }
}
