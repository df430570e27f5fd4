import Autodiff
import Matrices
import Testing

@Suite struct CombinationTests {
    private let x = normalMatrix(5, 18, seed: 250, deviation: 2)
    private let y = normalMatrix(5, 3, seed: 251)

    @Test func sumsOfRows() {
        let sums = [
            RowSum([(row: 4, factor: 0.5), (row: 0, factor: -2)]), RowSum([]),
            RowSum([(row: 4, factor: 1), (row: 4, factor: 0.25)]),
        ]
        let found = evaluate { $0.combined($0.input(x), sums) }
        let expected = (0..<18).map { 0.5 * x.row(4)[$0] - 2 * x.row(0)[$0] }
        for (value, sum) in zip(found, expected) { #expect(abs(value - sum) < 1e-6) }
        #expect(found[18..<36].allSatisfy { $0 == 0 })
        GradientCheck(inputs: [x]) { tape, inputs in
            tape.add(tape.combined(inputs[0], sums), tape.rows(inputs[0], [1, 4, 0]))
        }.run()
    }

    @Test func columnsSideBySide() {
        let found = evaluate { $0.beside($0.input(x), $0.input(y)) }
        let expected = (0..<5).flatMap { row in
            (0..<18).map { x.row(row)[$0] } + (0..<3).map { y.row(row)[$0] }
        }
        #expect(found == expected)
        GradientCheck(inputs: [x, y]) { tape, inputs in
            tape.beside(inputs[0], inputs[1])
        }.run()
        // The same twice, so that a gradient is added to what is there.
        GradientCheck(inputs: [y]) { tape, inputs in tape.beside(inputs[0], inputs[0]) }.run()
    }
}
