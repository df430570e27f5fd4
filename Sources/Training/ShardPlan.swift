/// Cuts the sequences of a step into shards, one core each. The rule looks at the lengths only, never at the
/// number of threads, so results are the same bits on any number of cores.
package enum ShardPlan {
    /// About this many tokens keep a shard's activations in cache and its products efficient.
    package static let shardTokens = 512
    /// A small batch is still cut, so that a few cores have work, but not below this.
    package static let smallestShard = 96
    /// Into how many shards a small batch is cut at most.
    package static let smallBatchShards = 4

    /// Positions in `lengths`, grouped: longest first, each to the shard with the fewest tokens so far.
    /// Each shard lists its sequences in their original order.
    package static func shards(lengths: [Int]) -> [[Int]] {
        let total = lengths.reduce(0, +)
        let byLimit = (total + shardTokens - 1) / shardTokens
        // An even count halves evenly on two cores.
        let bySize = min(smallBatchShards, total / smallestShard) / 2 * 2
        let count = max(1, min(lengths.count, max(byLimit > 1 ? (byLimit + 1) / 2 * 2 : 1, bySize)))
        var shards = [[Int]](repeating: [], count: count)
        var loads = [Int](repeating: 0, count: count)
        let longestFirst = lengths.indices.sorted { (lengths[$1], $0) < (lengths[$0], $1) }
        for sequence in longestFirst {
            var lightest = 0
            for shard in 1..<max(count, 1) where loads[shard] < loads[lightest] { lightest = shard }
            shards[lightest].append(sequence)
            loads[lightest] += lengths[sequence]
        }
        // The largest shard first: the last one to finish is then a small one.
        let order = shards.indices.sorted { (loads[$1], $0) < (loads[$0], $1) }
        return order.map { shards[$0].sorted() }
    }
}
