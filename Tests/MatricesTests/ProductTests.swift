import Matrices
import Testing

@Suite struct ProductTests {
    enum Form: CaseIterable { case multiply, multiplyTransposed, transposedMultiply }

    struct Shape: CustomTestStringConvertible {
        let (m, n, k): (Int, Int, Int)
        var testDescription: String { "\(m)×\(n)×\(k)" }
    }

    /// Vectors (which OpenBLAS sends to gemv), blocks, tails, one larger than a cache block, and skinny ones whose long
    /// side (rows of either operand) goes in blocks.
    static let shapes = [
        (1, 1, 1), (1, 9, 5), (9, 1, 5), (5, 9, 1), (1, 1, 64), (7, 17, 16), (16, 16, 16), (33, 65, 129),
        (3, 100, 300), (700, 12, 384), (12, 384, 601), (384, 3, 1201),
    ].map { Shape(m: $0, n: $1, k: $2) }

    private func check(_ form: Form, _ shape: Shape, alpha: Float, beta: Float, previous: Float? = nil) {
        let (m, n, k) = (shape.m, shape.n, shape.k)
        let a = form == .transposedMultiply ? normalMatrix(k, m, seed: 90) : normalMatrix(m, k, seed: 90)
        let b = form == .multiplyTransposed ? normalMatrix(n, k, seed: 91) : normalMatrix(k, n, seed: 91)
        let out = normalMatrix(m, n, seed: 92)
        if let previous { out.fill(previous) }
        var expected: [(sum: Double, bound: Double)] = []
        for i in 0..<m {
            for j in 0..<n {
                var terms = (0..<k).map { l -> Double in
                    let left = form == .transposedMultiply ? a.row(l)[i] : a.row(i)[l]
                    let right = form == .multiplyTransposed ? b.row(j)[l] : b.row(l)[j]
                    return Double(alpha) * Double(left) * Double(right)
                }
                if beta != 0 { terms.append(Double(beta) * Double(out.row(i)[j])) }
                expected.append(sumWithBound(terms))
            }
        }
        switch form {
        case .multiply: Product.multiply(a, b, into: out, alpha: alpha, beta: beta)
        case .multiplyTransposed: Product.multiplyTransposed(a, b, into: out, alpha: alpha, beta: beta)
        case .transposedMultiply: Product.transposedMultiply(a, b, into: out, alpha: alpha, beta: beta)
        }
        expectClose(out.values, expected.map(\.sum), bounds: expected.map(\.bound))
    }

    @Test(arguments: Form.allCases, shapes) func matchesThePlainLoop(form: Form, shape: Shape) {
        for (alpha, beta) in [(1, 0), (1, 1), (0.5, 0), (-2, 0.25)] as [(Float, Float)] {
            check(form, shape, alpha: alpha, beta: beta)
        }
    }

    /// Matrices from a pool hold whatever was there: `beta` 0 must overwrite, not multiply.
    @Test(arguments: Form.allCases, shapes) func betaZeroOverwritesNaN(form: Form, shape: Shape) {
        for previous in [Float.nan, .infinity] {
            check(form, shape, alpha: 1, beta: 0, previous: previous)
        }
    }

    @Test(arguments: Form.allCases) func emptyDimensions(form: Form) {
        for (m, n, k) in [(0, 3, 4), (3, 0, 4), (0, 0, 0), (3, 4, 0), (1, 4, 0), (4, 1, 0)] {
            for beta: Float in [0, 1, 0.5] { check(form, Shape(m: m, n: n, k: k), alpha: 1, beta: beta) }
        }
        // Nothing to sum, and what lay there is still overwritten.
        check(form, Shape(m: 3, n: 4, k: 0), alpha: 1, beta: 0, previous: .nan)
    }

    @Test func aNaNInAnInputReachesTheOutput() {
        let a = normalMatrix(5, 19, seed: 93)
        let b = normalMatrix(19, 7, seed: 94)
        a.row(2)[18] = .nan
        let out = Matrix(rows: 5, columns: 7)
        Product.multiply(a, b, into: out)
        for row in 0..<5 {
            for column in 0..<7 { #expect(out.row(row)[column].isNaN == (row == 2)) }
        }
    }

    @Test func blocksOfLargerMatrices() {
        // As one attention head of width 3 in rows of 8: column 2 on.
        let (a, b) = (normalMatrix(4, 8, seed: 95), normalMatrix(5, 8, seed: 96))
        let out = Matrix(rows: 4, columns: 9)
        out.fill(7)
        Product.gemm(false, true, 4, 5, 3, 1, a.pointer + 2, 8, b.pointer + 2, 8, 0, out.pointer + 1, 9)
        for row in 0..<4 {
            let expected = (0..<5).map { column in
                sumWithBound((2..<5).map { Double(a.row(row)[$0]) * Double(b.row(column)[$0]) })
            }
            let values = (0..<9).map { out.row(row)[$0] }
            expectClose(Array(values[1..<6]), expected.map(\.sum), bounds: expected.map(\.bound))
            #expect(values[0] == 7 && values[6...].allSatisfy { $0 == 7 }, "around the block nothing changes")
        }
    }
}
