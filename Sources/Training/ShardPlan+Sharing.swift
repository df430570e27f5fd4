import Foundation
import Transformers

/// Shards whose sequences begin alike, of which a model computes the beginnings once. Every shard computes the beginnings that
/// it has in common with others once more, so that fewer shards are less work, and more shards work for more cores.
extension ShardPlan {
    /// As `shards(lengths:)`; nil where too little is common, or sharing it would gain too little.
    ///
    /// Sequences are laid in the order of their tokens and cut where the largest shard becomes smallest. Into how many shards
    /// is decided by the time of the step on 1, 2, 4 and 8 cores over that of sharing nothing: the least geometric mean. Like
    /// all of the plan it is a rule of the data alone.
    package static func shards(sharing sequences: [(ids: [Int32], typeIDs: [Int32])]) -> [[Int]]? {
        let order = BeginningOrder(sequences)
        guard order.isWorthwhile else { return nil }
        let lengths = sequences.map(\.ids.count)
        let plain = shards(lengths: lengths).map { shard in shard.reduce(0) { $0 + lengths[$1] } }
        // So that a shard's memory is at most twice what it may be without.
        let most = 2 * max(shardTokens, lengths.max() ?? 0)
        var best: (cost: Double, cut: [Range<Int>])?
        for count in counts(upTo: plain.count) {
            let cut = order.cut(into: count)
            let loads = cut.map(order.load)
            let cost = cost(loads, over: plain)
            if loads.reduce(0, max) <= most && cost < best?.cost ?? leastGain { best = (cost, cut) }
        }
        return best.map { largestFirst($0.cut, order) }
    }

    /// The time over that of sharing nothing from which on sharing is not worth it.
    private static let leastGain = 1 / BeginningOrder.leastRatio
    private static let cores = [1, 2, 4, 8]

    /// 1, 2, 4, 6, 8, 12, 16, 24 …: an even count halves evenly on two cores.
    private static func counts(upTo most: Int) -> [Int] {
        var counts = [1]
        var power = 2
        while power <= most {
            counts += [power, power / 2 * 3].filter { $0 % 2 == 0 && $0 <= most }
            power *= 2
        }
        return counts
    }

    private static func cost(_ loads: [Int], over plain: [Int]) -> Double {
        cores.reduce(1) { $0 * Double(time(loads, cores: $1)) / Double(time(plain, cores: $1)) }
            .squareRoot().squareRoot()
    }

    /// Until the last core has done its shards, which are taken largest first.
    private static func time(_ loads: [Int], cores: Int) -> Int {
        var busy = [Int](repeating: 0, count: cores)
        for load in loads.sorted(by: >) {
            let next = busy.indices.min { (busy[$0], $0) < (busy[$1], $1) } ?? 0
            busy[next] += load
        }
        return busy.reduce(1, max)
    }

    private static func largestFirst(_ cut: [Range<Int>], _ order: BeginningOrder) -> [[Int]] {
        cut.sorted { (order.load($1), $0.lowerBound) < (order.load($0), $1.lowerBound) }.map { places in
            order.order[places].sorted()
        }
    }

    /// As those of an evaluation, by the order of tokens; nil where too little is common. The shards of the most tokens come
    /// last.
    static func evaluationShards(sharing sequences: [(ids: [Int32], typeIDs: [Int32])]) -> [[Int]]? {
        let order = BeginningOrder(sequences)
        guard order.isWorthwhile else { return nil }
        var cut: [Range<Int>] = []
        var (start, tokens) = (0, 0)
        for place in order.order.indices {
            let own = order.lengths[place] - order.common[place]
            // Beside its first sequence, whose beginning is that of the others
            if place > start && tokens + own > shardTokens {
                cut.append(start..<place)
                start = place
            }
            tokens = place == start ? 0 : tokens + own
        }
        cut.append(start..<order.order.count)
        return largestFirst(cut, order).reversed()
    }
}

extension BeginningOrder {
    /// Tokens that a shard of these computes
    fileprivate func load(_ places: Range<Int>) -> Int {
        places.reduce(0) { $0 + lengths[$1] - ($1 == places.lowerBound ? 0 : common[$1]) }
    }

    /// Into at most `count` parts, of which the largest is as small as can be.
    fileprivate func cut(into count: Int) -> [Range<Int>] {
        var (least, most) = (lengths.reduce(1, max), max(treeTokens, lengths.reduce(1, max)))
        while least < most {
            let middle = (least + most) / 2
            if parts(upTo: middle).count <= count { most = middle } else { least = middle + 1 }
        }
        return parts(upTo: least)
    }

    /// As few as hold at most `most` tokens each.
    private func parts(upTo most: Int) -> [Range<Int>] {
        var parts: [Range<Int>] = []
        var (start, tokens) = (0, 0)
        for place in order.indices {
            let own = lengths[place] - (place == start ? 0 : common[place])
            if place > start && tokens + own > most {
                parts.append(start..<place)
                (start, tokens) = (place, lengths[place])
            } else {
                tokens += own
            }
        }
        return parts + [start..<order.count]
    }
}
