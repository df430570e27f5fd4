import Foundation
import GoldenFiles
import Matrices
import Tasks
import Testing
import Training

/// Several processes take the steps of one: what each has afterwards is what the one has, bit by bit.
@Suite struct GradientExchangeTests {
    /// Every shard has an owner, the loads are as even as shards allow, and many shards come in stretches.
    @Test func shardsAreDividedByTheirTokens() {
        #expect(ShardOwners.of([500, 490, 480, 10], processes: 2) == [0, 1, 1, 0])
        #expect(ShardOwners.of([7, 6], processes: 4) == [0, 1])
        #expect(ShardOwners.of([3, 2, 1], processes: 1) == [0, 0, 0])
        let many = ShardOwners.of([Int](repeating: 5, count: 100), processes: 3)
        #expect(many == many.sorted() && Set(many) == [0, 1, 2])
        for process in 0..<3 { #expect((32...35).contains(many.count { $0 == process })) }
    }

    /// Values whose sum depends on its shape, more and fewer numbers than processes, processes without a shard.
    @Test(arguments: [1, 2, 3, 4, 5]) func sumsAreThoseOfTheTree(_ processes: Int) throws {
        for (shards, count) in [(1, 3), (2, 1), (5, 7), (13, 100)] {
            @Sendable func value(_ shard: Int, _ index: Int) -> Float {
                [1e8, 1, -1e8, 3, 0.1][(shard + index) % 5] * Float(shard + 1)
            }
            func expected(_ node: ShardTree.Node, _ index: Int) -> Float {
                guard let (first, second) = ShardTree.halves(node) else {
                    return value(node.lowerBound, index)
                }
                return expected(first, index) + expected(second, index)
            }
            let tree = ShardTree(shards: shards)
            let owners = (0..<shards).map { ($0 * 7 + 2) % processes }
            let totals = try ThreadedProcesses.run(processes) { exchange in
                let own = (0..<shards).filter { owners[$0] == exchange.rank }
                let sum = ShardSum(
                    tree, own: own,
                    buffers: (0..<ShardSum.buffers(tree, own: own, workers: 1)).map { _ in
                        Matrix(rows: 1, columns: count)
                    },
                    workers: 1)
                for (place, shard) in own.enumerated() {
                    let buffer = sum.buffer(for: place)
                    for index in 0..<count { buffer.pointer[index] = value(shard, index) }
                    sum.add(buffer, of: place)
                }
                let total = Matrix(rows: 1, columns: count)
                try exchange.sum(sum.sums, tree, owners: owners, into: total)
                return total.values
            }
            let bits = (0..<count).map { expected(tree.root, $0).bitPattern }
            for total in totals { #expect(total.map(\.bitPattern) == bits) }
        }
    }

    private struct Outcome: Sendable, Equatable {
        let losses: [Double]
        let weights: [Float]
        let masks: [[Bool]]
        let evaluation: Double
        let metrics: [Double?]
    }

    private static func outcome(_ exchange: any GradientExchange, threads: Int) throws -> Outcome {
        let data = TrainerTests.rows(64, seed: 1)
        let trainer = try TrainerTests.trainer(threads: threads, exchange: exchange)
        let losses = try (1...12).map { step in
            // Steps of few and of many shards
            try trainer.step(step, data: data, indices: Array(0..<(step % 3 == 0 ? 7 : 64))).loss
        }
        let evaluation = try trainer.evaluate(data)
        let stopped = try trainer.evaluate(data, unless: { try exchange.any(false) })
        #expect(stopped?.loss == evaluation.loss)
        #expect(
            try trainer.evaluate(data, unless: { try exchange.any(exchange.rank == exchange.processes - 1) })
                == nil)
        return Outcome(
            losses: losses, weights: trainer.vector.values.values,
            masks: trainer.adapters.adapters.map(\.mask),
            evaluation: evaluation.loss, metrics: evaluation.metrics.map(\.value))
    }

    /// AdaLoRA with dropout, clipping and allocations.
    @Test(arguments: [2, 3, 4]) func stepsAreThoseOfOneProcess(_ processes: Int) throws {
        let one = try Self.outcome(SoleProcess(), threads: 2)
        for outcome in try ThreadedProcesses.run(
            processes, { try Self.outcome($0, threads: 1 + $0.rank % 2) })
        {
            #expect(outcome == one)
        }
    }

    /// A process that is gone is an error in the others, which have not taken the step.
    @Test func aLostProcessEndsTheOthersBeforeTheStep() throws {
        let before = try TrainerTests.trainer(threads: 1).vector.values.values
        #expect(throws: ExchangeError.self) {
            _ = try ThreadedProcesses.run(3) { exchange in
                if exchange.rank == 1 { throw ExchangeError(.lost, "killed") }
                let trainer = try TrainerTests.trainer(threads: 1, exchange: exchange)
                do {
                    _ = try trainer.step(1, data: TrainerTests.rows(64, seed: 1), indices: Array(0..<64))
                    Issue.record("a step without the others")
                } catch is ExchangeError {}
                #expect(trainer.vector.values.values == before)
            }
        }
    }
}

/// What several processes make of a step, by hand.
@Suite struct ProcessEstimateTests {
    private static func estimate(_ steps: [[Int]], processes: Int, threads: Int = 1, numbers: Int = 1_000_000)
        -> ProcessEstimate
    {
        ProcessEstimate(
            steps: steps, processes: processes, threads: threads, perToken: 0.001, everywhere: 0.1,
            numbers: numbers,
            network: .init(name: "line", bandwidth: 1e6, latency: 0.01))
    }

    @Test func oneProcessExchangesNothing() {
        let one = Self.estimate([[400, 300, 200, 100]], processes: 1)
        #expect(one.computing == 1 && one.everywhere == 0.1 && one.exchange == 0 && one.bytes == 0)
        #expect(one.imbalance == 1)
        // Two threads: 400 + 100 and 300 + 200.
        #expect(Self.estimate([[400, 300, 200, 100]], processes: 1, threads: 2).computing == 0.5)
    }

    /// 400 + 100 | 300 + 200: shards 0 and 3 are two sums, 1 and 2 as well.
    @Test func twoProcessesSendTheirSumsAndTheirStretch() {
        let two = Self.estimate([[400, 300, 200, 100]], processes: 2)
        #expect(two.computing == 0.5 && two.imbalance == 1)
        // Half of the numbers for each of two sums, and half of the total.
        #expect(two.bytes == 3 * 4 * 1_000_000 / 2)
        // 6 MB over 1 MB/s; 2 messages and 4 rounds.
        #expect(abs(two.exchange - (6 + 0.06)) < 1e-9)
    }

    /// Three shards on two processes, and a step of one shard: one waits.
    @Test func shardsThatDivideBadlyAreTold() {
        let odd = Self.estimate([[100, 100, 100], [300]], processes: 2)
        #expect(odd.computing == (0.2 + 0.3) / 2)
        #expect(abs(odd.imbalance - 500 / 300.0) < 1e-9)
    }
}
