import Autodiff
import Foundation
import Matrices
import Testing

/// Causal attention with another scale, a cap on scores and a window.
@Suite struct CausalScoreTests {
    /// Sequences of 1, 9 and 140 rows: three blocks of 64 query rows. Four heads of width 4 share two of keys and values.
    private static let offsets = [0, 1, 10, 150]
    static let forms = [
        CausalScores(window: 1), CausalScores(window: 5), CausalScores(window: 70), CausalScores(window: 500),
        CausalScores(scale: 0.3), CausalScores(softCap: 1.5),
        CausalScores(scale: 0.7, softCap: 2, window: 6),
    ]
    private let q = normalMatrix(150, 16, seed: 230, deviation: 1.5)
    private let k = normalMatrix(150, 8, seed: 231, deviation: 1.5)
    private let v = normalMatrix(150, 8, seed: 232)

    /// - Parameter queries: rows of q, the last ones of each sequence's key rows.
    private func reference(_ q: Matrix, _ form: CausalScores, offsets: [Int], queries: [Int]) -> [Double] {
        var out = [Double](repeating: 0, count: q.count)
        for sequence in 0..<queries.count - 1 {
            let unseen = offsets[sequence + 1] - queries[sequence + 1]
            for row in queries[sequence]..<queries[sequence + 1] {
                let last = row + unseen
                let first = max(offsets[sequence], form.window.map { last - $0 + 1 } ?? 0)
                for head in 0..<4 {
                    let powers = (first...last).map { key in
                        var score = (0..<4).reduce(0.0) {
                            $0 + Double(q.row(row)[head * 4 + $1]) * Double(k.row(key)[head / 2 * 4 + $1])
                        }
                        score *= Double(form.scale ?? 0.5)
                        if let cap = form.softCap { score = Double(cap) * tanh(score / Double(cap)) }
                        return exp(score)
                    }
                    let sum = powers.reduce(0, +)
                    for column in 0..<4 {
                        out[row * 16 + head * 4 + column] = zip(first...last, powers).reduce(0) {
                            $0 + $1.1 / sum * Double(v.row($1.0)[head / 2 * 4 + column])
                        }
                    }
                }
            }
        }
        return out
    }

    private func attend(
        _ tape: Tape, _ inputs: [Variable], _ form: CausalScores, queries: [Int]? = nil,
        longestKept: Int = 128
    ) -> Variable {
        tape.causalAttention(
            query: inputs[0], key: inputs[1], value: inputs[2], queryOffsets: queries,
            offsets: Self.offsets.filter { $0 <= inputs[1].rows }, heads: 4, keyValueHeads: 2, scores: form,
            longestKept: longestKept)
    }

    @Test(arguments: forms) func valuesMatchThePlainLoops(_ form: CausalScores) {
        let out = evaluate { tape in attend(tape, [q, k, v].map { tape.input($0) }, form) }
        let expected = reference(q, form, offsets: Self.offsets, queries: Self.offsets)
        // Scores of order 10 rounded by 1e-6 go through the exponential.
        for (value, expected) in zip(out, expected) { #expect(abs(Double(value) - expected) < 1e-5) }
    }

    /// Fewer query rows, none in one sequence: those of a token that follows kept keys and values.
    @Test(arguments: forms) func fewerQueries(_ form: CausalScores) {
        let queries = [0, 0, 2, 75]
        let few = normalMatrix(75, 16, seed: 233)
        let out = evaluate { tape in
            attend(tape, [few, k, v].map { tape.input($0) }, form, queries: queries)
        }
        let expected = reference(few, form, offsets: Self.offsets, queries: queries)
        for (value, expected) in zip(out, expected) { #expect(abs(Double(value) - expected) < 1e-5) }
    }

    /// What lies before a window is not read.
    @Test func noRowSeesOneBeforeItsWindow() {
        let form = CausalScores(window: 6)
        let before = evaluate { tape in attend(tape, [q, k, v].map { tape.input($0) }, form) }
        for row in [12, 80, 100] {
            let (keys, values) = (Matrix(copying: k), Matrix(copying: v))
            keys.row(row).update(repeating: 50, count: 8)
            values.row(row).update(repeating: 1e30, count: 8)
            let after = evaluate { tape in attend(tape, [q, keys, values].map { tape.input($0) }, form) }
            for other in 10..<150 {
                let range = other * 16..<(other + 1) * 16
                #expect(
                    (before[range] == after[range]) == !(row..<row + 6).contains(other), "\(row) \(other)")
            }
        }
    }

    /// The first two sequences, and with a sequence of 70 rows two blocks.
    @Test(arguments: forms) func gradients(_ form: CausalScores) {
        let inputs = [
            normalMatrix(10, 16, seed: 234), normalMatrix(10, 8, seed: 235), normalMatrix(10, 8, seed: 236),
        ]
        GradientCheck(inputs: inputs) { tape, inputs in attend(tape, inputs, form) }.run()
        let long = [
            normalMatrix(70, 2, seed: 237), normalMatrix(70, 2, seed: 238), normalMatrix(70, 2, seed: 239),
        ]
        GradientCheck(inputs: long) { tape, inputs in
            tape.causalAttention(
                query: inputs[0], key: inputs[1], value: inputs[2], offsets: [0, 70], heads: 1,
                keyValueHeads: 1, scores: form)
        }.run()
    }

    @Test(arguments: forms) func gradientsOfOneInputAndFewerQueries(_ form: CausalScores) {
        let all = [
            normalMatrix(4, 16, seed: 241), normalMatrix(10, 8, seed: 242), normalMatrix(10, 8, seed: 243),
        ]
        for which in 0..<3 {
            GradientCheck(inputs: [all[which]]) { tape, inputs in
                var variables = all.map { tape.input($0) }
                variables[which] = inputs[0]
                return attend(tape, variables, form, queries: [0, 0, 4])
            }.run()
        }
    }

    @Test(arguments: forms) func probabilitiesNeedNotBeKept(_ form: CausalScores) {
        func run(_ limit: Int) -> [[Float]] {
            let tape = Tape(
                pool: poisonedPool(), parameterGradients: Matrix(rows: 1, columns: 1), dropoutStream: nil)
            let inputs = [q, k, v].map { tape.input($0, needsGradient: true) }
            let out = attend(tape, inputs, form, longestKept: limit)
            let values = out.value.values
            seedGradient(of: out, with: normalMatrix(150, 16, seed: 244))
            tape.backward()
            return [values] + inputs.map { $0.gradient?.values ?? [] }
        }
        #expect(run(0) == run(150))
    }

    /// The defaults and a window that hides nothing are plain causal attention to the bit.
    @Test func whatChangesNothing() {
        let plain = evaluate { tape in attend(tape, [q, k, v].map { tape.input($0) }, CausalScores()) }
        for form in [CausalScores(scale: 0.5), CausalScores(window: 140)] {
            #expect(evaluate { tape in attend(tape, [q, k, v].map { tape.input($0) }, form) } == plain)
        }
    }

    /// Blocks wholly before the window are left out.
    @Test func aWindowTakesLittleMemory() {
        let pool = BufferPool()
        let tape = Tape(pool: pool, parameterGradients: Matrix(rows: 1, columns: 1), dropoutStream: nil)
        let x = tape.input(normalMatrix(1024, 16, seed: 245), needsGradient: true)
        let out = tape.causalAttention(
            query: x, key: x, value: x, offsets: [0, 1024], heads: 4, keyValueHeads: 4,
            scores: CausalScores(window: 64), longestKept: 1024)
        seedGradient(of: out, with: normalMatrix(1024, 16, seed: 246))
        tape.backward()
        // 4 heads of 16 blocks of 64 · 127, where without a window they are 2.2 million.
        #expect(pool.allocatedElements < 800_000)
    }
}
