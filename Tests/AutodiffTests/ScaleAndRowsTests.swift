import Autodiff
import Foundation
import Matrices
import Testing

@Suite struct ScaleAndRowsTests {
    private let x = normalMatrix(5, 18, seed: 240, deviation: 2)

    @Test func scaledValuesAndGradients() {
        #expect(evaluate { $0.scaled($0.input(x), by: 0.75) } == x.values.map { $0 * 0.75 })
        GradientCheck(inputs: [x]) { tape, inputs in
            tape.add(tape.scaled(inputs[0], by: -1.5), inputs[0])
        }.run()
    }

    @Test func scaledRowsValuesAndGradients() {
        let factors: [Float] = [1, -0.5, 2, 0, 0.3]
        let expected = x.values.enumerated().map { $1 * factors[$0 / 18] }
        #expect(evaluate { $0.scaledRows($0.input(x), by: factors) } == expected)
        GradientCheck(inputs: [x]) { tape, inputs in
            tape.add(tape.scaledRows(inputs[0], by: factors), inputs[0])
        }.run()
    }

    @Test func softCappedValuesAndGradients() {
        let y = evaluate { $0.softCapped($0.input(x), at: 1.5) }
        for (value, x) in zip(y, x.values) {
            // A few roundings of values below 1.5.
            #expect(abs(Double(value) - 1.5 * tanh(Double(x) / 1.5)) < 1e-6)
        }
        GradientCheck(inputs: [x]) { tape, inputs in
            tape.add(tape.softCapped(inputs[0], at: 3), inputs[0])
        }.run()
    }

    /// What is not one is neither hidden nor a trap.
    @Test func notANumberStaysSo() {
        let bad = Matrix(rows: 1, columns: 3, values: [.nan, .infinity, -.infinity])
        let y = evaluate { $0.softCapped($0.input(bad), at: 2) }
        #expect(y[0].isNaN && y[1] == 2 && y[2] == -2)
    }

    @Test(arguments: [[0, 3, 4], [4], [], [2, 0, 2]]) func someRows(_ rows: [Int]) {
        let y = evaluate { $0.rows($0.input(x), rows) }
        #expect(y == rows.flatMap { Array(UnsafeBufferPointer(start: x.row($0), count: 18)) })
        if rows.isEmpty { return }
        GradientCheck(inputs: [x]) { tape, inputs in tape.rows(inputs[0], rows) }.run()
        GradientCheck(inputs: [x]) { tape, inputs in
            tape.add(tape.rows(inputs[0], rows), tape.rows(inputs[0], rows.reversed()))
        }.run()
    }

    @Test(arguments: [0..<18, 3..<7, 17..<18]) func someColumns(_ range: Range<Int>) {
        let y = evaluate { $0.columns($0.input(x), ColumnBlocks(range)) }
        #expect(y == (0..<5).flatMap { row in range.map { x.row(row)[$0] } })
        GradientCheck(inputs: [x]) { tape, inputs in tape.columns(inputs[0], ColumnBlocks(range)) }.run()
        GradientCheck(inputs: [x]) { tape, inputs in
            tape.add(
                tape.columns(inputs[0], ColumnBlocks(range)),
                tape.columns(inputs[0], ColumnBlocks(0..<range.count)))
        }.run()
    }
}
