import Images
import Tasks
import Transformers

/// Sequences of a data set by shards, which workers take one after the other.
package struct ShardedSequences: Sendable, Equatable {
    /// Positions in the data set
    package let shards: [[Int]]
    /// Whether what the sequences of a shard begin with alike is computed once.
    package let isShared: Bool

    /// Those of a training step.
    ///
    /// - Parameter mayShare: whether the model computes once what sequences of up to so many tokens begin with alike.
    package init(training data: TokenizedDataset, _ indices: [Int], mayShare: (_ longest: Int) -> Bool) {
        let longest = indices.reduce(0) { max($0, data.sequences[$1].length) }
        let shared = mayShare(longest) ? ShardPlan.shards(sharing: data.tokens(indices)) : nil
        let places = shared ?? ShardPlan.shards(lengths: indices.map { data.sequences[$0].length })
        self.init(places.map { shard in shard.map { indices[$0] } }, isShared: shared != nil)
    }

    /// Those of an evaluation; results do not depend on the grouping.
    package init(evaluating data: TokenizedDataset, mayShare: (_ longest: Int) -> Bool) {
        let longest = data.sequences.reduce(0) { max($0, $1.length) }
        let shared =
            mayShare(longest) ? ShardPlan.evaluationShards(sharing: data.tokens(Array(0..<data.count))) : nil
        self.init(shared ?? data.evaluationShards, isShared: shared != nil)
    }

    init(_ shards: [[Int]], isShared: Bool) { (self.shards, self.isShared) = (shards, isShared) }
}

extension TokenizedDataset {
    func tokens(_ members: [Int]) -> [(ids: [Int32], typeIDs: [Int32])] {
        members.map { (sequences[$0].ids, sequences[$0].typeIDs) }
    }

    func batch(_ members: [Int], isShared: Bool) -> PackedBatch {
        guard let images else { return PackedBatch(tokens(members), isShared: isShared) }
        let read: @Sendable () -> [PixelImage] = { [epoch] in images.images(members, epoch: epoch) }
        let texts = members.map { sequences[$0].ids }
        return texts.allSatisfy(\.isEmpty)
            ? PackedBatch(lengths: members.map { sequences[$0].length }, images: read)
            : PackedBatch(texts: texts, images: read)
    }

    /// Similar lengths together fill shards evenly.
    fileprivate var evaluationShards: [[Int]] {
        let order = sequences.indices.sorted {
            (sequences[$0].length, $0) < (sequences[$1].length, $1)
        }
        var shards: [[Int]] = []
        var shard: [Int] = []
        var tokens = 0
        for index in order {
            let length = sequences[index].length
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
