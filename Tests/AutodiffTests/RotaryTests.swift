import Autodiff
import Foundation
import Matrices
import Testing

@Suite struct RotaryTests {
    /// Two heads of width 6, rows at positions in no order.
    private let x = normalMatrix(7, 12, seed: 210)
    private let positions: [Int32] = [0, 1, 2, 0, 9, 3, 3]
    private let frequencies = [1, 0.3, 0.01]
    private var table: RotaryTable { RotaryTable(frequencies: frequencies, longest: 10) }

    private func rotated(_ x: Matrix) -> [Double] {
        var out = x.values.map(Double.init)
        for (row, position) in positions.enumerated() {
            for head in 0..<2 {
                for (pair, frequency) in frequencies.enumerated() {
                    let (first, second) = (head * 6 + pair, head * 6 + 3 + pair)
                    let (a, b) = (Double(x.row(row)[first]), Double(x.row(row)[second]))
                    let angle = Double(position) * frequency
                    out[row * 12 + first] = a * cos(angle) - b * sin(angle)
                    out[row * 12 + second] = b * cos(angle) + a * sin(angle)
                }
            }
        }
        return out
    }

    @Test func values() {
        let table = table
        let out = evaluate { $0.rotary($0.input(x), table: table, positions: positions, heads: 2) }
        // Angles up to 9 are rounded by 5e-7.
        for (value, expected) in zip(out, rotated(x)) {
            #expect(abs(Double(value) - expected) < 3e-6)
        }
        #expect(Array(out[..<12]) == Array(x.values[..<12]), "position 0 does not turn")
    }

    @Test func gradients() {
        GradientCheck(inputs: [x]) { [table, positions] tape, inputs in
            tape.rotary(inputs[0], table: table, positions: positions, heads: 2)
        }.run()
        GradientCheck(inputs: [x]) { [table, positions] tape, inputs in
            tape.add(
                inputs[0], tape.rotary(inputs[0], table: table, positions: positions, heads: 2))
        }.run()
    }

    @Test func reusingGivesTheSameBits() {
        func run(reusing: Bool) -> [[Float]] {
            let tape = Tape(
                pool: poisonedPool(), parameterGradients: Matrix(rows: 1, columns: 1), dropoutStream: nil)
            let input = tape.input(x, needsGradient: true)
            let sum = tape.add(input, tape.input(x))
            let out = tape.rotary(sum, table: table, positions: positions, heads: 2, reusing: reusing)
            let values = out.value.values
            seedGradient(of: out, with: normalMatrix(7, 12, seed: 211))
            tape.backward()
            return [values, input.gradient?.values ?? []]
        }
        let kept = run(reusing: false)
        #expect(run(reusing: true) == kept && kept[1].count == 7 * 12)
    }

    /// A table narrower than a head leaves the head's other columns; pairs may be neighbours; a factor scales what turns.
    @Test(arguments: [RotaryTable.Pairs.halves, .neighbours], [Float(1), 0.75])
    func partsNeighboursAndFactors(pairs: RotaryTable.Pairs, factor: Float) {
        let table = RotaryTable(
            [RotaryTable.Segment(frequencies: [1, 0.3], longest: 10)], factor: factor, pairs: pairs)
        let out = evaluate { $0.rotary($0.input(x), table: table, positions: positions, heads: 2) }
        var expected = x.values.map(Double.init)
        for (row, position) in positions.enumerated() {
            for start in [row * 12, row * 12 + 6] {
                for (pair, frequency) in [1, 0.3].enumerated() {
                    let first = start + (pairs == .halves ? pair : 2 * pair)
                    let second = first + (pairs == .halves ? 2 : 1)
                    let (a, b, angle) = (expected[first], expected[second], Double(position) * frequency)
                    expected[first] = Double(factor) * (a * cos(angle) - b * sin(angle))
                    expected[second] = Double(factor) * (b * cos(angle) + a * sin(angle))
                }
            }
        }
        // Angles up to 9 are rounded by 5e-7.
        for (value, expected) in zip(out, expected) { #expect(abs(Double(value) - expected) < 3e-6) }
        GradientCheck(inputs: [x]) { [positions] tape, inputs in
            tape.add(
                inputs[0], tape.rotary(inputs[0], table: table, positions: positions, heads: 2))
        }.run()
        let reused = evaluate { tape in
            let sum = tape.add(tape.input(x), tape.input(Matrix(rows: 7, columns: 12)))
            return tape.rotary(sum, table: table, positions: positions, heads: 2, reusing: true)
        }
        #expect(reused == out)
    }

    /// Segments are tables one after the other.
    @Test func segments() {
        let other = [0.5, 0.2, 0.1]
        let both = RotaryTable([
            RotaryTable.Segment(frequencies: frequencies, longest: 10),
            RotaryTable.Segment(frequencies: other, longest: 4),
        ])
        #expect(both.longest == 14)
        let rows: [Int32] = [10, 13, 2, 0, 9, 12, 11]
        let out = evaluate { $0.rotary($0.input(x), table: both, positions: rows, heads: 2) }
        for (row, position) in rows.enumerated() {
            let table =
                position < 10 ? table : RotaryTable(frequencies: other, longest: 4)
            let alone = evaluate {
                $0.rotary(
                    $0.input(x.rows(row..<row + 1)), table: table, positions: [position % 10], heads: 2)
            }
            #expect(alone == Array(out[row * 12..<(row + 1) * 12]))
        }
    }

    /// What rotary positions are for: products of queries and keys know the distance alone.
    @Test func productsKnowTheDistance() {
        let table = RotaryTable(frequencies: frequencies, longest: 50)
        func product(_ first: Int32, _ second: Int32) -> Float {
            let out = evaluate {
                $0.rotary(
                    $0.input(x.rows(0..<2)), table: table, positions: [first, second], heads: 2)
            }
            return (0..<12).reduce(0) { $0 + out[$1] * out[12 + $1] }
        }
        // A sum of 12 products of order 1, angles up to 50 rounded by 2e-6.
        #expect(abs(product(3, 8) - product(43, 48)) < 5e-5)
        #expect(abs(product(3, 8) - product(43, 49)) > 1e-2)
    }

    /// transformers 5.24's LlamaRotaryEmbedding with rope_theta 500,000 and heads of 12, and the powers of PyTorch 2.13.
    @Test func tablesAreThoseOfTransformers() {
        let frequencies = RotaryTable.frequencies(base: 500_000, width: 12)
        #expect(
            frequencies.map(Float.init) == [
                0x1p+0, 0x1.cbc2aap-4, 0x1.9cd9d2p-7, 0x1.72ba42p-10, 0x1.4ce6ecp-13, 0x1.2aefa4p-16,
            ])
        #expect(
            RotaryTable.frequencies(base: 10_000, width: 12).map(Float.init) == [
                0x1p+0, 0x1.b93a6ap-3, 0x1.7c3d2ap-5, 0x1.47ae14p-7, 0x1.1a62d2p-9, 0x1.e6b4b8p-12,
            ])
        let expected: [[Float]] = [
            [
                -0.9899924993515015, 0.9438372850418091, 0.9992857575416565, 0.9999909996986389,
                0.9999998807907104, 1.0, 0.14112000167369843, 0.33041059970855713, 0.03778862580657005,
                0.004242627881467342, 0.00047622015699744225, 5.3453939472092316e-05,
            ],
            [
                -0.06597599387168884, 0.5606420040130615, 0.24015076458454132, 0.8813986778259277,
                0.796059250831604, 0.9973392486572266, -0.9978212118148804, 0.8280583024024963,
                0.9707356095314026, -0.4723731577396393, 0.6052187085151672, 0.07289990782737732,
            ],
        ]
        let table = RotaryTable(frequencies: frequencies, longest: 4096)
        let ones = Matrix(
            rows: 2, columns: 12, values: (0..<24).map { $0 % 12 < 6 ? 1 : 0 })
        let out = evaluate { $0.rotary($0.input(ones), table: table, positions: [3, 4095], heads: 1) }
        // The angles are the same bits; the two libraries' cosines are within a rounding of the true ones.
        for (value, expected) in zip(out, expected.joined()) { #expect(abs(value - expected) < 1.2e-7) }
    }
}
