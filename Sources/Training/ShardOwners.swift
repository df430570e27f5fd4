/// Which process computes which shard of a step or an evaluation: a rule of the shards alone.
package enum ShardOwners {
    /// Above so many shards a process they are cut into stretches, whose sums are few.
    private static let fewShards = 16

    /// The process of each shard.
    ///
    /// - Parameter loads: tokens of each, the most first.
    package static func of(_ loads: [Int], processes: Int) -> [Int] {
        if processes == 1 { return loads.map { _ in 0 } }
        if loads.count > fewShards * processes { return stretches(loads, processes) }
        var busy = [Int](repeating: 0, count: processes)
        return loads.map { load in
            let least = busy.indices.min { (busy[$0], $0) < (busy[$1], $1) } ?? 0
            busy[least] += load
            return least
        }
    }

    private static func stretches(_ loads: [Int], _ processes: Int) -> [Int] {
        let total = max(loads.reduce(0, +), 1)
        var before = 0
        return loads.map { load in
            defer { before += load }
            // By its middle
            return min((2 * before + load) * processes / (2 * total), processes - 1)
        }
    }
}
