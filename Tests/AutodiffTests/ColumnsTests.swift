import Autodiff
import Matrices
import Testing

@Suite struct ColumnsTests {
    private let x = normalMatrix(5, 12, seed: 300)

    /// Two blocks of two columns, four apart, from the second on.
    private let blocks = ColumnBlocks(start: 1, stride: 4, count: 2, width: 2)

    @Test func values() {
        let out = evaluate { $0.columns($0.input(x), blocks, factor: 3) }
        let expected = (0..<5).flatMap { row in [1, 2, 5, 6].map { x.row(row)[$0] * 3 } }
        // The same products.
        #expect(out == expected)
        let last = ColumnBlocks(start: 8, stride: 4, count: 1, width: 4)
        #expect(
            evaluate { $0.columns($0.input(x), last) }
                == (0..<5).flatMap { row in (8..<12).map { x.row(row)[$0] } })
    }

    /// Of several parts of one variable, as of a fused projection, with columns that nobody reads.
    @Test(arguments: [Float(1), 0.5]) func gradients(factor: Float) {
        GradientCheck(inputs: [x]) { [blocks] tape, inputs in
            let first = tape.columns(inputs[0], blocks, factor: factor)
            let second = tape.columns(
                inputs[0], ColumnBlocks(start: 6, stride: 3, count: 2, width: 2))
            return tape.add(first, second)
        }.run()
    }

    @Test func whatDoesNotFitTraps() async {
        await #expect(processExitsWith: .failure) {
            _ = evaluate {
                $0.columns(
                    $0.input(Matrix(rows: 1, columns: 4)),
                    ColumnBlocks(start: 1, stride: 2, count: 2, width: 2))
            }
        }
        await #expect(processExitsWith: .failure) {
            _ = evaluate { $0.rows($0.input(Matrix(rows: 1, columns: 4)), [1]) }
        }
    }
}
