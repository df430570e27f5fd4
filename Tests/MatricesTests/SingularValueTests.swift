import Matrices
import Testing

/// QR of rows, running QR, SVD and leading triplets, each against what it must satisfy in Double.
@Suite struct SingularValueTests {
    private static func product(_ a: Matrix, _ b: Matrix) -> [Double] {
        var out: [Double] = []
        for row in 0..<a.rows {
            for column in 0..<b.columns {
                out.append(
                    (0..<a.columns).reduce(0.0) { $0 + Double(a.row(row)[$1]) * Double(b.row($1)[column]) })
            }
        }
        return out
    }

    private static func transposed(_ matrix: Matrix) -> Matrix {
        let out = Matrix(rows: matrix.columns, columns: matrix.rows)
        out.copyTransposed(from: matrix)
        return out
    }

    private static func expectIdentity(_ gram: [Double], _ size: Int, tolerance: Double) {
        for row in 0..<size {
            for column in 0..<size {
                #expect(abs(gram[row * size + column] - (row == column ? 1 : 0)) < tolerance)
            }
        }
    }

    @Test(arguments: [(1, 1), (1, 30), (3, 3), (4, 40), (12, 768), (32, 1536)])
    func rowsAreTheirBasisTimesTheTriangle(rank: Int, length: Int) throws {
        let matrix = normalMatrix(rank, length, seed: 200)
        let original = matrix.values
        let triangle = try Factorization.orthonormalizeRows(matrix)
        for row in 0..<rank {
            #expect(triangle.row(row)[row] >= 0)
            for column in 0..<row { #expect(triangle.row(row)[column] == 0) }
        }
        // Householder QR errs by a small multiple of u · length.
        let tolerance = 1e-6 * Double(length).squareRoot()
        Self.expectIdentity(Self.product(matrix, Self.transposed(matrix)), rank, tolerance: tolerance)
        expectClose(
            original, Self.product(Self.transposed(triangle), matrix), relative: 0,
            absolute: tolerance * Double(length).squareRoot())
    }

    /// [[3, 0], [4, 5]] by hand: first row has length 3, the second is 4 along it and 5 across.
    @Test func workedExample() throws {
        let matrix = Matrix(rows: 2, columns: 2, values: [-3, 0, 4, -5])
        let triangle = try Factorization.orthonormalizeRows(matrix)
        expectClose(triangle.values, [3, -4, 0, 5], relative: 1e-6, absolute: 1e-6)
        expectClose(matrix.values, [-1, 0, 0, -1], relative: 1e-6, absolute: 1e-6)
    }

    /// A dependent row leaves a 0 on the diagonal and still gives an orthonormal set.
    @Test func dependentRows() throws {
        let values: [Float] = [1, 2, 3, 4, 2, 4, 6, 8, 0, 0, 0, 0]
        let matrix = Matrix(rows: 3, columns: 4, values: values)
        let triangle = try Factorization.orthonormalizeRows(matrix)
        #expect(abs(triangle.row(1)[1]) < 1e-5 && abs(triangle.row(2)[2]) < 1e-5)
        Self.expectIdentity(Self.product(matrix, Self.transposed(matrix)), 3, tolerance: 1e-5)
    }

    @Test func theRunningTriangleHoldsTheGramMatrixOfAllRows() throws {
        let width = 24
        let triangle = Matrix(rows: width, columns: width)
        var gram = [Double](repeating: 0, count: width * width)
        for (batch, rows) in [1, 7, 50, 0, 24].enumerated() {
            let values = normalMatrix(rows, width, seed: UInt64(300 + batch))
            let own = Self.product(Self.transposed(values), values)
            for index in gram.indices { gram[index] += own[index] }
            try Factorization.fold(values, intoTriangle: triangle)
        }
        let actual = Self.product(Self.transposed(triangle), triangle).map(Float.init)
        // Entries are sums of 82 squares; QR is backward stable to a small multiple of u.
        expectClose(actual, gram, relative: 1e-5, absolute: 1e-3)
        for row in 0..<width { for column in 0..<row { #expect(triangle.row(row)[column] == 0) } }
    }

    @Test(arguments: [(1, 1), (1, 5), (5, 1), (6, 6), (12, 40), (40, 12)])
    func svdRestoresTheMatrix(rows: Int, columns: Int) throws {
        let matrix = normalMatrix(rows, columns, seed: 400)
        let original = matrix.values
        let svd = try Factorization.svd(overwriting: matrix)
        let rank = min(rows, columns)
        #expect(svd.values == svd.values.sorted(by: >) && svd.values.allSatisfy { $0 >= 0 })
        Self.expectIdentity(Self.product(Self.transposed(svd.u), svd.u), rank, tolerance: 1e-5)
        Self.expectIdentity(Self.product(svd.vt, Self.transposed(svd.vt)), rank, tolerance: 1e-5)
        let scaled = Matrix(rows: rows, columns: rank)
        for row in 0..<rows {
            for column in 0..<rank { scaled.row(row)[column] = svd.u.row(row)[column] * svd.values[column] }
        }
        // Backward error: a small multiple of u · σ₁, and σ₁ < 12 here.
        expectClose(original, Self.product(scaled, svd.vt), relative: 0, absolute: 2e-5)
    }

    /// Subspace iteration against `gesdd`, on a spectrum that falls by a quarter from value to value.
    @Test func leadingTripletsAreThoseOfTheWholeSVD() throws {
        let (rows, columns) = (90, 120)
        let left = normalMatrix(40, rows, seed: 500)
        let right = normalMatrix(40, columns, seed: 501)
        _ = try Factorization.orthonormalizeRows(left)
        _ = try Factorization.orthonormalizeRows(right)
        var factor: Float = 10
        for row in 0..<40 {
            for column in 0..<rows { left.row(row)[column] *= factor }
            factor *= 0.75
        }
        let matrix = Matrix(rows: rows, columns: columns)
        Product.transposedMultiply(left, right, into: matrix)
        let exact = try Factorization.svd(overwriting: Matrix(copying: matrix))
        let leading = try Factorization.leadingTriplets(
            of: matrix, count: 5, stream: RandomStream(seed: 1, purpose: "test"))
        #expect(leading.values.count == 5 && leading.u.columns == 5 && leading.vt.rows == 5)
        for index in 0..<5 {
            // (0.75⁹)^13 is far below rounding, so what is left is Float32's.
            #expect(abs(leading.values[index] - exact.values[index]) < 1e-5 * exact.values[0])
            let dot = (0..<columns).reduce(0.0) {
                $0 + Double(leading.vt.row(index)[$1]) * Double(exact.vt.row(index)[$1])
            }
            #expect(abs(abs(dot) - 1) < 1e-4, "vector \(index)")
        }
        let zero = try Factorization.leadingTriplets(
            of: Matrix(rows: rows, columns: columns), count: 2, stream: RandomStream(seed: 1, purpose: "test")
        )
        #expect(zero.values == [0, 0] && zero.u.values.allSatisfy(\.isFinite))
    }

    @Test func aNaNIsAnError() throws {
        let matrix = Matrix(rows: 2, columns: 3, values: [1, .nan, 0, 0, 1, 0])
        #expect(throws: Factorization.Failure.self) {
            try Factorization.orthonormalizeRows(Matrix(copying: matrix))
        }
        #expect(throws: Factorization.Failure.self) { try Factorization.svd(overwriting: matrix) }
    }
}
