import Autodiff
import Matrices
import Testing

/// Causal attention on keys and values that several sequences have in common.
@Suite struct SharedKeyTests {
    /// 70 rows that all sequences begin with, 5 that follow for two of them, and ends of 66, 1 and 3 rows. Of each the
    /// query rows are its own; rows 0 ..< 70 and 70 ..< 75 ask for themselves.
    private let own = [0, 70, 75, 141, 142, 145]
    private var paths: KeyPaths {
        var paths = KeyPaths()
        paths.append([0..<70])
        paths.append([0..<70, 70..<75])
        paths.append([0..<70, 70..<75, 75..<141])
        paths.append([0..<70, 70..<75, 141..<142])
        paths.append([0..<70, 142..<145])
        return paths
    }
    /// The same with each sequence's rows laid end to end
    private let gathered =
        [
            Array(0..<70), Array(0..<75), Array(0..<141), Array(0..<75) + [141],
            Array(0..<70) + [142, 143, 144],
        ]
    private let q = normalMatrix(145, 16, seed: 330)
    private let k = normalMatrix(145, 8, seed: 331)
    private let v = normalMatrix(145, 8, seed: 332)

    @Test func runsThatFollowEachOtherAreOne() {
        #expect(paths.starts == [0, 1, 2, 3, 5, 7])
        #expect(paths.runs.map(\.rows) == [0..<70, 0..<75, 0..<141, 0..<75, 141..<142, 0..<70, 142..<145])
        #expect(paths.runs.map(\.place) == [0, 0, 0, 0, 75, 0, 70])
        let behind = paths.behind(3)
        #expect(
            behind.runs.map(\.rows) == [0..<73, 0..<78, 0..<144, 0..<78, 144..<145, 0..<73, 145..<148])
        #expect(behind.starts == paths.starts)
    }

    /// Values, then the gradients of q, k and v
    private func run(
        isShared: Bool, queries: [Int], _ scores: CausalScores, longestKept: Int = 256
    ) -> [[Float]] {
        let tape = Tape(
            pool: poisonedPool(), parameterGradients: Matrix(rows: 1, columns: 1), dropoutStream: nil)
        let rows = zip(own.dropFirst(), zip(queries, queries.dropFirst())).flatMap { end, part in
            end - (part.1 - part.0)..<end
        }
        let inputs = [
            Matrix(
                rows: rows.count, columns: 16,
                values: rows.flatMap { Array(UnsafeBufferPointer(start: q.row($0), count: 16)) }), k, v,
        ].map { tape.input($0, needsGradient: true) }
        func all(_ x: Variable) -> Variable { isShared ? x : tape.rows(x, gathered.flatMap(\.self)) }
        let out = tape.causalAttention(
            query: inputs[0], key: all(inputs[1]), value: all(inputs[2]), queryOffsets: queries,
            offsets: isShared ? [] : gathered.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.count) },
            paths: isShared ? paths : nil, heads: 4, keyValueHeads: 2, scores: scores,
            longestKept: longestKept)
        let values = out.value.values
        seedGradient(of: out, with: normalMatrix(rows.count, 16, seed: 333))
        tape.backward()
        return [values] + inputs.map { $0.gradient?.values ?? [] }
    }

    /// As with each sequence's rows by themselves, but for sums in another order: of about 150 terms of order 1, in Float32.
    @Test(arguments: [nil, 4, 72, 1_000] as [Int?], [nil, 2] as [Float?])
    func isWhatRowsByThemselvesGive(window: Int?, softCap: Float?) {
        var scores = CausalScores()
        (scores.window, scores.softCap) = (window, softCap)
        // All rows ask, or some of the last, of one sequence none.
        for queries in [own, [0, 3, 3, 68, 69, 70]] {
            let shared = run(isShared: true, queries: queries, scores)
            let plain = run(isShared: false, queries: queries, scores)
            for (one, other) in zip(shared, plain) {
                #expect(one.count == other.count && !one.isEmpty)
                #expect(zip(one, other).allSatisfy { abs($0 - $1) < 2e-5 * max(1, abs($1)) })
            }
            #expect(run(isShared: true, queries: queries, scores, longestKept: 10) == shared)
        }
    }
}
