import Glibc
import Matrices
import Testing
import Training

@Suite struct ShardSumTests {
    /// 1e8 + 1 − 1e8 depends on the order in Float: only the shape of the tree gives the expected bits.
    private static func values(_ shards: Int) -> [Float] {
        (0..<shards).map { [1e8, 1, -1e8, 3, 0.1][$0 % 5] * Float($0 + 1) }
    }

    private static func sum(_ values: [Float], _ node: ShardTree.Node) -> Float {
        guard let (first, second) = ShardTree.halves(node) else { return values[node.lowerBound] }
        return sum(values, first) + sum(values, second)
    }

    /// The first half of a node is the largest power of two below its size: 1 + 1, 2 + 1, 2 + 2, 4 + 1 …
    @Test func theShapeIsThatOfTheNumber() {
        let first = (2...17).map { ShardTree.halves(0..<$0)?.first.count }
        #expect(first == [1, 2, 2, 4, 4, 4, 4, 8, 8, 8, 8, 8, 8, 8, 8, 16])
        #expect(ShardTree.halves(3..<4) == nil)
        #expect(
            ShardTree(shards: 7).nodes(of: [0, 1, 2, 3, 5]).map { [$0.lowerBound, $0.upperBound] } == [
                [0, 4], [5, 6],
            ])
        #expect(
            ShardTree(shards: 7).nodes(of: [4, 5, 6]).map { [$0.lowerBound, $0.upperBound] } == [[4, 7]])
    }

    /// Any number of workers, shards that begin late or end late, all of them or some.
    @Test(arguments: [1, 2, 3, 4, 7]) func theBitsAreThoseOfTheTree(_ workers: Int) {
        for shards in [1, 2, 3, 7, 40] {
            let values = Self.values(shards)
            let tree = ShardTree(shards: shards)
            for round in 0..<20 {
                let own = (0..<shards).filter { round < 8 || $0 % 3 != round % 3 }
                let buffers = ShardSum.buffers(tree, own: own, workers: workers)
                let sum = ShardSum(
                    tree, own: own,
                    buffers: (0..<buffers).map { _ in Matrix(rows: 1, columns: 1, values: [9]) },
                    workers: workers)
                Workers(count: workers).run(tasks: own.count) { place, _ in
                    if (place + round) % 3 == 0 { usleep(50) }
                    let buffer = sum.buffer(for: place)
                    buffer.pointer[0] += values[own[place]]
                    if (place * 7 + round) % 4 == 0 { usleep(80) }
                    sum.add(buffer, of: place)
                }
                #expect(sum.sums.map(\.node) == tree.nodes(of: own))
                for part in sum.sums {
                    #expect(part.values.pointer[0].bitPattern == Self.sum(values, part.node).bitPattern)
                }
            }
        }
    }

    @Test func fewBuffersServeAnyNumberOfShards() {
        func buffers(_ shards: Int, _ workers: Int) -> Int {
            ShardSum.buffers(ShardTree(shards: shards), own: Array(0..<shards), workers: workers)
        }
        // Sums of 4,096, 1,024, 512 … that wait for the next, and a shard for each worker and one more.
        #expect(buffers(6_000, 2) == 12 + 3)
        #expect(buffers(6_000, 1) == 12 + 1)
        #expect(buffers(4, 2) == 4)
        #expect(buffers(2, 4) == 2)
    }
}
