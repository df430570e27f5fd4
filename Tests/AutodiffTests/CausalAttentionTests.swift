import Autodiff
import Foundation
import Matrices
import Testing

@Suite struct CausalAttentionTests {
    /// Sequences of 1, 5, 70 and 130 rows: beside a block of 64 query rows one and two more that are not full. Four heads
    /// of width 4 share two of keys and values.
    private let offsets = [0, 1, 6, 76, 206]
    private let heads = 4
    private let shared = 2
    private let width = 4
    private let q = normalMatrix(206, 16, seed: 220)
    private let k = normalMatrix(206, 8, seed: 221)
    private let v = normalMatrix(206, 8, seed: 222)

    /// Of heads of 4 columns, whose scores are halved.
    ///
    /// - Parameter queries: rows of q, the last ones of each sequence's key rows.
    private func reference(_ q: Matrix, queries: [Int]? = nil) -> [Double] {
        let queries = queries ?? offsets
        var out = [Double](repeating: 0, count: q.count)
        for sequence in 0..<queries.count - 1 {
            let unseen = offsets[sequence + 1] - queries[sequence + 1]
            for row in queries[sequence]..<queries[sequence + 1] {
                let seen = offsets[sequence]...row + unseen
                for head in 0..<heads {
                    let start = head / 2 * width
                    let scores = seen.map { other in
                        (0..<width).reduce(0.0) {
                            $0 + Double(q.row(row)[head * width + $1]) * Double(k.row(other)[start + $1])
                        } / 2
                    }
                    let powers = scores.map { exp($0) }
                    let sum = powers.reduce(0, +)
                    for column in 0..<width {
                        out[row * 16 + head * width + column] = zip(seen, powers).reduce(0) {
                            $0 + $1.1 / sum * Double(v.row($1.0)[start + column])
                        }
                    }
                }
            }
        }
        return out
    }

    private func attend(
        _ tape: Tape, _ q: Variable, _ k: Variable, _ v: Variable, queries: [Int]? = nil,
        longestKept: Int = 128
    ) -> Variable {
        tape.causalAttention(
            query: q, key: k, value: v, queryOffsets: queries, offsets: offsets.filter { $0 <= k.rows },
            heads: heads, keyValueHeads: shared, longestKept: longestKept)
    }

    @Test func valuesMatchThePlainLoops() {
        let out = evaluate { attend($0, $0.input(q), $0.input(k), $0.input(v)) }
        // Scores of order 5 rounded by 1e-6 go through the exponential.
        for (value, expected) in zip(out, reference(q)) {
            #expect(abs(Double(value) - expected) < 5e-6)
        }
    }

    /// A row's bits are what they are without the rows behind it, whatever these hold.
    @Test func noRowSeesALaterOne() {
        let before = evaluate { attend($0, $0.input(q), $0.input(k), $0.input(v)) }
        for row in [3, 40, 75, 140, 205] {
            let (other, values) = (Matrix(copying: k), Matrix(copying: v))
            other.row(row).update(repeating: 50, count: 8)
            values.row(row).update(repeating: 1e30, count: 8)
            let after = evaluate { attend($0, $0.input(q), $0.input(other), $0.input(values)) }
            let end = offsets.first { $0 > row } ?? 0
            #expect(before[..<(row * 16)] == after[..<(row * 16)])
            #expect(before[(end * 16)...] == after[(end * 16)...])
            for later in row..<end {
                #expect(before[later * 16..<(later + 1) * 16] != after[later * 16..<(later + 1) * 16])
            }
        }
    }

    /// The last query row sees all keys: the same bits as attention's with the shared heads written out.
    @Test func theLastRowIsThatOfFullAttention() {
        func copied(_ matrix: Matrix) -> Matrix {
            Matrix(
                rows: matrix.rows, columns: 16,
                values: (0..<matrix.rows).flatMap { row in
                    (0..<16).map { matrix.row(row)[$0 / 8 * 4 + $0 % 4] }
                })
        }
        let last = offsets.dropFirst().map { $0 - 1 }
        let few = Matrix(
            rows: 4, columns: 16,
            values: last.flatMap { Array(UnsafeBufferPointer(start: q.row($0), count: 16)) })
        let full = evaluate {
            $0.attention(
                query: $0.input(few), key: $0.input(copied(k)), value: $0.input(copied(v)),
                queryOffsets: [0, 1, 2, 3, 4], offsets: offsets, heads: heads)
        }
        let causal = evaluate {
            attend($0, $0.input(few), $0.input(k), $0.input(v), queries: [0, 1, 2, 3, 4])
        }
        // Products of other leading dimensions may add up in another order.
        for (a, b) in zip(causal, full) { #expect(abs(a - b) < 2e-6) }
        #expect(causal.count == 64)
    }

    /// The three shorter sequences' rows
    private func shorter(_ matrix: Matrix) -> Matrix { Matrix(copying: matrix.rows(0..<76)) }

    @Test func gradients() {
        GradientCheck(inputs: [q, k, v].map(shorter)) { tape, inputs in
            attend(tape, inputs[0], inputs[1], inputs[2])
        }.run()
    }

    /// Each of the three alone, the others without gradients; with fewer query rows, none in one sequence.
    @Test(arguments: 0..<3) func gradientsOfOneInputAndFewerQueries(which: Int) {
        let queries = [0, 1, 1, 68]
        let all = [normalMatrix(68, 16, seed: 223), shorter(k), shorter(v)]
        let out = evaluate {
            attend($0, $0.input(all[0]), $0.input(all[1]), $0.input(all[2]), queries: queries)
        }
        for (value, expected) in zip(out, reference(all[0], queries: queries)) {
            #expect(abs(Double(value) - expected) < 5e-6)
        }
        GradientCheck(inputs: [all[which]]) { tape, inputs in
            var variables = all.map { tape.input($0) }
            variables[which] = inputs[0]
            return attend(tape, variables[0], variables[1], variables[2], queries: queries)
        }.run()
    }

    /// One variable in two or three of the places, and gradients that are there already.
    @Test(arguments: [[0, 0, 1], [0, 1, 0], [1, 0, 0], [0, 0, 0]]) func sharedInputs(places: [Int]) {
        let inputs = [normalMatrix(76, 8, seed: 224), normalMatrix(76, 8, seed: 225)]
        GradientCheck(inputs: Array(inputs.prefix((places.max() ?? 0) + 1))) { tape, inputs in
            tape.add(
                inputs[0],
                tape.causalAttention(
                    query: inputs[places[0]], key: inputs[places[1]], value: inputs[places[2]],
                    offsets: [0, 6, 76], heads: 2, keyValueHeads: 2))
        }.run()
    }

    @Test(arguments: [0, 129]) func probabilitiesNeedNotBeKept(longestKept: Int) {
        func run(_ limit: Int) -> [[Float]] {
            let tape = Tape(
                pool: poisonedPool(), parameterGradients: Matrix(rows: 1, columns: 1), dropoutStream: nil)
            let inputs = [q, k, v].map { tape.input($0, needsGradient: true) }
            let out = attend(tape, inputs[0], inputs[1], inputs[2], longestKept: limit)
            let values = out.value.values
            seedGradient(of: out, with: normalMatrix(206, 16, seed: 226))
            tape.backward()
            return [values] + inputs.map { $0.gradient?.values ?? [] }
        }
        let kept = run(130)
        #expect(run(longestKept) == kept)
        #expect(kept.map(\.count) == [206 * 16, 206 * 16, 206 * 8, 206 * 8])
    }

    /// Blocks end where their last row does: kept probabilities are little more than a triangle.
    @Test func longSequencesTakeLittleMemory() {
        func elements(_ length: Int, _ limit: Int) -> Int {
            let pool = BufferPool()
            let tape = Tape(pool: pool, parameterGradients: Matrix(rows: 1, columns: 1), dropoutStream: nil)
            let x = tape.input(normalMatrix(length, 64, seed: 227), needsGradient: true)
            let out = tape.causalAttention(
                query: x, key: x, value: x, offsets: [0, length], heads: 16, keyValueHeads: 16,
                longestKept: limit)
            seedGradient(of: out, with: normalMatrix(length, 64, seed: 228))
            tape.backward()
            return pool.allocatedElements
        }
        // Computed again, two blocks of 64 rows; kept, 16 heads of (64 + 128 + … + 512) · 64 (a rectangle is 4.2 million).
        #expect(elements(512, 128) < 200_000)
        #expect((2_359_296..<3_000_000).contains(elements(512, 512)))
    }
}
