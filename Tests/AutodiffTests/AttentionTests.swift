import Autodiff
import Foundation
import Matrices
import Testing

@Suite struct AttentionTests {
    /// Sequences of 1, 5 and 9 rows; three heads of width 4.
    private let offsets = [0, 1, 6, 15]
    private let heads = 3
    private let q = normalMatrix(15, 12, seed: 60)
    private let k = normalMatrix(15, 12, seed: 61)
    private let v = normalMatrix(15, 12, seed: 62)

    private func reference() -> [Double] {
        let width = 4
        var out = [Double](repeating: 0, count: 15 * 12)
        for (start, end) in zip(offsets, offsets.dropFirst()) {
            for head in 0..<heads {
                let columns = head * width..<(head + 1) * width
                for row in start..<end {
                    let scores = (start..<end).map { other in
                        columns.reduce(0.0) { $0 + Double(q.row(row)[$1]) * Double(k.row(other)[$1]) }
                            / Double(width).squareRoot()
                    }
                    let powers = scores.map { exp($0) }
                    let sum = powers.reduce(0, +)
                    for column in columns {
                        out[row * 12 + column] = zip(start..<end, powers).reduce(0) {
                            $0 + $1.1 / sum * Double(v.row($1.0)[column])
                        }
                    }
                }
            }
        }
        return out
    }

    @Test func valuesMatchThePlainLoops() {
        let out = evaluate {
            $0.attention(
                query: $0.input(q), key: $0.input(k), value: $0.input(v), offsets: offsets, heads: heads)
        }
        // Scores of order 5 rounded by 1e-6 go through the exponential.
        for (value, expected) in zip(out, reference()) { #expect(abs(Double(value) - expected) < 5e-6) }
    }

    @Test func aSequenceDoesNotSeeItsNeighbors() {
        func run(_ v: Matrix) -> [Float] {
            evaluate {
                $0.attention(
                    query: $0.input(q), key: $0.input(k), value: $0.input(v), offsets: offsets, heads: heads)
            }
        }
        let changed = Matrix(rows: 15, columns: 12, values: v.values)
        for row in 1..<6 { changed.row(row).update(repeating: 100, count: 12) }
        let (before, after) = (run(v), run(changed))
        #expect(before[..<12] == after[..<12] && before[72...] == after[72...])
        #expect(before[12..<72] != after[12..<72])
    }

    @Test func gradients() {
        GradientCheck(inputs: [q, k, v]) { [offsets, heads] tape, inputs in
            tape.attention(query: inputs[0], key: inputs[1], value: inputs[2], offsets: offsets, heads: heads)
        }.run()
    }

    /// Probabilities that are computed again in the backward pass (above 4 rows: two of the three sequences' length
    /// decides for all) give the same bits.
    @Test(arguments: [0, 4, 8]) func probabilitiesNeedNotBeKept(longestKept: Int) {
        func run(_ limit: Int) -> [[Float]] {
            let tape = Tape(
                pool: poisonedPool(), parameterGradients: Matrix(rows: 1, columns: 1), dropoutStream: nil)
            let inputs = [q, k, v].map { tape.input($0, needsGradient: true) }
            let out = tape.attention(
                query: inputs[0], key: inputs[1], value: inputs[2], offsets: offsets, heads: heads,
                longestKept: limit)
            let values = out.value.values
            seedGradient(of: out, with: normalMatrix(15, 12, seed: 63))
            tape.backward()
            return [values] + inputs.map { $0.gradient?.values ?? [] }
        }
        let kept = run(128)
        #expect(run(longestKept) == kept)
        #expect(kept.allSatisfy { $0.count == 15 * 12 })
    }

    /// 512 rows: what is kept grows with the length, not with its square.
    @Test func longSequencesTakeLittleMemory() {
        func elements(_ length: Int) -> Int {
            let pool = BufferPool()
            let tape = Tape(pool: pool, parameterGradients: Matrix(rows: 1, columns: 1), dropoutStream: nil)
            let x = tape.input(normalMatrix(length, 64, seed: 64), needsGradient: true)
            let out = tape.attention(query: x, key: x, value: x, offsets: [0, length], heads: 16)
            seedGradient(of: out, with: normalMatrix(length, 64, seed: 65))
            tape.backward()
            return pool.allocatedElements
        }
        // Kept, the probabilities of 16 heads would be 4.2 million; two blocks of one head are 0.5 million.
        #expect(elements(512) < 700_000)
        #expect(elements(Tape.longestKept) > 16 * Tape.longestKept * Tape.longestKept)
    }

    /// Each of the three alone, the others without gradients.
    @Test(arguments: 0..<3) func gradientsOfOneInput(which: Int) {
        let all = [q, k, v]
        GradientCheck(inputs: [all[which]]) { [offsets, heads] tape, inputs in
            var variables = all.map { tape.input($0) }
            variables[which] = inputs[0]
            return tape.attention(
                query: variables[0], key: variables[1], value: variables[2], offsets: offsets, heads: heads)
        }.run()
    }

    /// One variable in two or three of the places: 0 is the shared one.
    @Test(arguments: [[0, 0, 1], [0, 1, 0], [1, 0, 0], [0, 0, 0]]) func sharedInputs(places: [Int]) {
        GradientCheck(inputs: Array([q, k].prefix((places.max() ?? 0) + 1))) {
            [offsets, heads] tape, inputs in
            tape.attention(
                query: inputs[places[0]], key: inputs[places[1]], value: inputs[places[2]], offsets: offsets,
                heads: heads)
        }.run()
    }

    /// Queries for some rows only: the first of each sequence, as a head that reads no others needs.
    @Test func fewerQueries() {
        let first = [0, 1, 6]
        let few = Matrix(
            rows: 3, columns: 12,
            values: first.flatMap { Array(UnsafeBufferPointer(start: q.row($0), count: 12)) })
        let out = evaluate {
            $0.attention(
                query: $0.input(few), key: $0.input(k), value: $0.input(v), queryOffsets: [0, 1, 2, 3],
                offsets: offsets, heads: heads)
        }
        let all = reference()
        let expected = first.flatMap { all[$0 * 12..<($0 + 1) * 12] }
        #expect(out.count == 36)
        for (value, expected) in zip(out, expected) { #expect(abs(Double(value) - expected) < 5e-6) }
        GradientCheck(inputs: [few, k, v]) { [offsets, heads] tape, inputs in
            tape.attention(
                query: inputs[0], key: inputs[1], value: inputs[2], queryOffsets: [0, 1, 2, 3],
                offsets: offsets,
                heads: heads)
        }.run()
    }
}
