import Glibc
import Matrices
import Testing
import Training

@Suite struct ShardSumTests {
    /// 1e8 + 1 − 1e8 depends on the order in Float: only that of the shards gives the expected bits.
    private static func values(_ shards: Int) -> [Float] {
        (0..<shards).map { [1e8, 1, -1e8, 3, 0.1][$0 % 5] * Float($0 + 1) }
    }

    /// Any number of workers and buffers, shards that end in any order.
    @Test(arguments: [(1, 1), (2, 1), (2, 3), (3, 2), (4, 5), (7, 8)])
    func theOrderOfTheSumIsThatOfTheShards(_ workers: Int, _ buffers: Int) {
        for shards in [1, 2, 3, 40] {
            let values = Self.values(shards)
            let expected = values.reduce(Float(0)) { $0 + $1 }
            for round in 0..<20 {
                let total = Matrix(rows: 1, columns: 1, values: [7])
                let sum = ShardSum(
                    into: total, buffers: (0..<buffers).map { _ in Matrix(rows: 1, columns: 1, values: [9]) })
                Workers(count: workers).run(tasks: shards) { shard, _ in
                    // Late to begin, or late to end.
                    if (shard + round) % 3 == 0 { usleep(50) }
                    let buffer = sum.buffer(for: shard)
                    buffer.pointer[0] += values[shard]
                    if (shard * 7 + round) % 4 == 0 { usleep(80) }
                    sum.add(buffer, of: shard)
                }
                #expect(total.pointer[0].bitPattern == expected.bitPattern)
            }
        }
    }

    @Test func fewBuffersServeAnyNumberOfShards() {
        #expect(ShardSum.buffers(shards: 6_000, workers: 2) == 3)
        #expect(ShardSum.buffers(shards: 6_000, workers: 1) == 1)
        #expect(ShardSum.buffers(shards: 2, workers: 4) == 2)
    }
}
