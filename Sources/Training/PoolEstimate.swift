import Autodiff
import Matrices
import Tasks
import Transformers

/// What the workers' pools grow to over the shards of a run.
///
/// Small shards are run and what they ask of their pool is written down: buffers grow with the tokens, or not at all.
/// The shards of the run then ask pools of numbers alone, which round and reuse as `BufferPool` does.
package struct PoolEstimate {
    /// Floats in the pools of all workers.
    package let elements: Int

    /// - Parameter more: what else these workers read.
    package init(
        _ model: SequenceModel, _ objective: any Objective, _ training: ShardLoad, _ evaluation: ShardLoad?,
        trainable: Int, workers: Int, more: [PoolReading] = []
    ) {
        var pools = [EmptyPool](repeating: EmptyPool(), count: max(workers, 1))
        var readings = [
            PoolReading(training) {
                model.poolEvents(lengths: $0, objective: objective, trainable: trainable)
            }
        ]
        if let evaluation {
            readings.append(
                PoolReading(evaluation) {
                    model.poolEvents(lengths: $0, objective: objective, trainable: nil)
                })
        }
        for reading in readings + more {
            let load = reading.load
            let demand = Demand(
                reading, attendsByDistance: model.backbone.attendsByDistance,
                isPair: model.backbone.pair != nil)
            for (step, shards) in load.steps.enumerated() {
                let active = min(pools.count, shards.count)
                for (index, tokens) in shards.enumerated() {
                    // Which worker takes which shard is up to the machine; here they take turns.
                    pools[(index + step) % active].serve(demand, tokens: tokens)
                }
            }
        }
        elements = pools.reduce(0) { $0 + $1.allocatedElements }
    }
}

/// Shards that are read, and what one of sequences of some lengths asks of a pool.
package struct PoolReading {
    let load: ShardLoad
    let events: (_ lengths: [Int]) -> [BufferPool.Event]

    package init(_ load: ShardLoad, events: @escaping (_ lengths: [Int]) -> [BufferPool.Event]) {
        (self.load, self.events) = (load, events)
    }
}

/// What a shard asks of its pool, by its tokens.
struct Demand {
    fileprivate enum Event {
        /// Floats: `fixed + perToken · tokens`
        case take(fixed: Double, perToken: Double)
        case giveBack(event: Int)
    }

    fileprivate let events: [Event]

    init(_ reading: PoolReading, attendsByDistance isExact: Bool, isPair: Bool) {
        let load = reading.load
        let longest = load.lengths.max() ?? 1
        // Attention keeps no probabilities of long sequences. Tables of relative positions are as
        // long as the longest sequence. Of texts with images neither tower knows the length of both.
        let mean = max(1, load.lengths.reduce(0, +) / max(load.lengths.count, 1))
        let length = isExact ? longest : longest > Tape.longestKept && !isPair ? Tape.longestKept + 1 : mean
        self.init(reading.events([length]), of: length, reading.events([length, length]))
    }

    /// - Parameters:
    ///   - one: what `tokens` of them ask for.
    ///   - two: what twice as many do.
    init(_ one: [BufferPool.Event], of tokens: Int, _ two: [BufferPool.Event]) {
        precondition(one.count == two.count, "\(one.count) and \(two.count) requests of the same operations")
        events = zip(one, two).map { small, large in
            switch (small, large) {
            case (.take(let first), .take(let second)):
                let perToken = Double(second - first) / Double(tokens)
                return .take(fixed: Double(first) - perToken * Double(tokens), perToken: perToken)
            case (.giveBack(let event), _): return .giveBack(event: event)
            case (.take(let count), .giveBack): return .take(fixed: Double(count), perToken: 0)
            }
        }
    }
}

/// A pool without memory: counts what `BufferPool` would take from the system.
struct EmptyPool {
    private(set) var allocatedElements = 0
    private var free = FreeBuffers<Void>()

    mutating func serve(_ demand: Demand, tokens: Int) {
        var capacities: [Int: Int] = [:]
        for (index, event) in demand.events.enumerated() {
            switch event {
            case .take(let fixed, let perToken):
                let wanted = BufferPool.capacity(for: Int((fixed + perToken * Double(tokens)).rounded()))
                if let reused = free.take(from: wanted) {
                    capacities[index] = reused.capacity
                } else {
                    capacities[index] = wanted
                    allocatedElements += wanted
                }
            case .giveBack(let taken):
                if let capacity = capacities.removeValue(forKey: taken) { free.give((), capacity: capacity) }
            }
        }
        for capacity in capacities.values { free.give((), capacity: capacity) }
    }
}
