/// How long a step takes several processes, by a model of what each computes and what they exchange:
///
///     step = computing + everywhere + exchange
///     computing  = seconds of a token and thread · tokens of the busiest thread of the busiest process
///     everywhere = the optimizer, exact triplets, allocation, which each process does alike
///     exchange   = bytes of the busiest process / bandwidth + messages · latency
///
/// A process sends 4·N·(P − 1)/P bytes for each sum it has and as many for its stretch of the total, in 2·(P − 1) messages, and tells losses
/// and whether to stop in 4·log₂ P more (N numbers that train, P processes).
package struct ProcessEstimate: Sendable, Equatable {
    /// What lies between two processes.
    package struct Network: Sendable, Equatable {
        package let name: String
        /// Bytes a second, in each direction
        package let bandwidth: Double
        /// Seconds of a message of no length
        package let latency: Double

        package init(name: String, bandwidth: Double, latency: Double) {
            (self.name, self.bandwidth, self.latency) = (name, bandwidth, latency)
        }

        /// Processes of one machine, through its memory
        package static let memory = Network(name: "one machine", bandwidth: 2e9, latency: 5e-6)
        /// Ethernet with TCP, which leaves some 94 % of the line
        package static let known = [
            Network(name: "1Gb", bandwidth: 0.94 * 125e6, latency: 60e-6),
            Network(name: "10Gb", bandwidth: 0.94 * 1.25e9, latency: 30e-6),
            Network(name: "25Gb", bandwidth: 0.94 * 3.125e9, latency: 20e-6),
            Network(name: "100Gb", bandwidth: 0.94 * 12.5e9, latency: 15e-6),
        ]
    }

    package let processes: Int
    package let threads: Int
    /// Seconds of a step, means over steps
    package let computing: Double
    package let everywhere: Double
    package let exchange: Double
    /// Bytes that the busiest process sends in a step
    package let bytes: Double
    /// Tokens of the busiest thread over the mean of all
    package let imbalance: Double

    package var seconds: Double { computing + everywhere + exchange }

    /// - Parameters:
    ///   - steps: tokens of each shard, by step, the most first.
    ///   - threads: of each process.
    ///   - perToken: seconds that a thread computes on a token.
    ///   - everywhere: seconds of what each process does alike.
    ///   - numbers: how many train.
    package init(
        steps: [[Int]], processes: Int, threads: Int, perToken: Double, everywhere: Double, numbers: Int,
        network: Network
    ) {
        (self.processes, self.threads, self.everywhere) = (processes, threads, everywhere)
        var (busiest, mean, bytes) = (0.0, 0.0, 0.0)
        for shards in steps {
            let owners = ShardOwners.of(shards, processes: processes)
            let tree = ShardTree(shards: shards.count)
            var (most, sums) = (0, 0)
            for process in 0..<processes {
                let own = shards.indices.filter { owners[$0] == process }
                most = max(most, Self.busiestThread(own.map { shards[$0] }, threads))
                sums = max(sums, tree.nodes(of: own).count)
            }
            busiest += Double(most)
            mean += Double(shards.reduce(0, +)) / Double(processes * threads)
            bytes += Double(sums + 1) * 4 * Double(numbers) * Double(processes - 1) / Double(processes)
        }
        let count = Double(max(steps.count, 1))
        computing = busiest / count * perToken
        imbalance = mean > 0 ? busiest / mean : 1
        self.bytes = processes == 1 ? 0 : bytes / count
        var rounds = 0.0
        var reached = 1
        while reached < processes {
            reached *= 2
            rounds += 1
        }
        let messages = Double(2 * (processes - 1)) + 4 * rounds
        exchange = processes == 1 ? 0 : self.bytes / network.bandwidth + messages * network.latency
    }

    /// Tokens of the thread that ends last; each takes the next shard when it is done with one.
    package static func busiestThread(_ shards: [Int], _ threads: Int) -> Int {
        var busy = [Int](repeating: 0, count: threads)
        for shard in shards {
            let next = busy.indices.min { (busy[$0], $0) < (busy[$1], $1) } ?? 0
            busy[next] += shard
        }
        return busy.max() ?? 0
    }
}
