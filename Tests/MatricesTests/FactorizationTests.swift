import Matrices
import Testing

@Suite struct FactorizationTests {
    static let shapes = [(4, 40), (40, 4), (8, 8), (1, 30), (30, 1), (1, 1), (12, 768), (768, 12), (64, 64)]

    /// The thin side's vectors: rows of a wide matrix, columns of a tall one.
    private func vectors(_ matrix: Matrix) -> [[Double]] {
        matrix.rows <= matrix.columns
            ? (0..<matrix.rows).map { row in (0..<matrix.columns).map { Double(matrix.row(row)[$0]) } }
            : (0..<matrix.columns).map { column in (0..<matrix.rows).map { Double(matrix.row($0)[column]) } }
    }

    private func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }

    private func expectOrthonormal(_ basis: [[Double]]) {
        // Householder QR is orthonormal to a small multiple of u = 6e-8 times the dimension.
        let tolerance = 1e-6 * Double(max(basis[0].count, 1))
        for i in basis.indices {
            for j in basis.indices {
                #expect(abs(dot(basis[i], basis[j]) - (i == j ? 1 : 0)) < tolerance, "vectors \(i) and \(j)")
            }
        }
    }

    @Test(arguments: shapes) func orthonormalBasisOfTheSameSpace(rows: Int, columns: Int) throws {
        let matrix = normalMatrix(rows, columns, seed: 100)
        let original = vectors(matrix)
        try Factorization.orthonormalize(matrix)
        let basis = vectors(matrix)
        expectOrthonormal(basis)
        for vector in original {
            var rest = vector
            for direction in basis {
                let share = dot(vector, direction)
                for index in rest.indices { rest[index] -= share * direction[index] }
            }
            // Nothing of the original lies outside, up to the backward error of QR (dimension · u).
            let tolerance = 1e-6 * Double(vector.count)
            #expect(dot(rest, rest).squareRoot() < tolerance * dot(vector, vector).squareRoot())
        }
    }

    @Test func rankOneIsANormalizedVector() throws {
        let matrix = normalMatrix(1, 30, seed: 101)
        let original = matrix.values.map(Double.init)
        try Factorization.orthonormalize(matrix)
        let length = dot(original, original).squareRoot()
        let sign = (original[0] < 0) == (matrix.pointer[0] < 0) ? 1.0 : -1.0
        expectClose(matrix.values, original.map { sign * $0 / length }, relative: 1e-6, absolute: 1e-7)
    }

    @Test(arguments: [(3, 9), (9, 3)]) func dependentVectorsStillGiveAnOrthonormalSet(rows: Int, columns: Int)
        throws
    {
        let matrix = Matrix(rows: rows, columns: columns)
        try Factorization.orthonormalize(matrix)
        expectOrthonormal(vectors(matrix))
        matrix.fill(2)
        try Factorization.orthonormalize(matrix)
        expectOrthonormal(vectors(matrix))
    }

    @Test(arguments: [(0, 5), (5, 0), (0, 0)]) func emptyMatrices(rows: Int, columns: Int) throws {
        try Factorization.orthonormalize(Matrix(rows: rows, columns: columns))
    }

    /// LAPACKE looks for NaNs before it starts and reports the argument they are in.
    @Test(arguments: [(4, 6), (6, 4), (5, 5)]) func aNaNIsAnError(rows: Int, columns: Int) {
        for position in 0..<(rows * columns) {
            let matrix = normalMatrix(rows, columns, seed: 102)
            matrix.pointer[position] = .nan
            #expect(throws: Factorization.Failure.self) { try Factorization.orthonormalize(matrix) }
        }
    }

    @Test func theErrorNamesRoutineAndShape() throws {
        let matrix = normalMatrix(4, 6, seed: 103)
        matrix.pointer[5] = .nan
        let failure = try #require(throws: Factorization.Failure.self) {
            try Factorization.orthonormalize(matrix)
        }
        #expect(
            failure.description
                == "LAPACK sgeqrf on a 4 × 6 matrix failed with info = -4; is there a NaN in it?")
    }

    @Test(arguments: [(4, 6), (6, 4)]) func anInfinityIsNotHidden(rows: Int, columns: Int) {
        let matrix = normalMatrix(rows, columns, seed: 104)
        matrix.pointer[7] = .infinity
        do {
            try Factorization.orthonormalize(matrix)
            #expect(!Kernel.allFinite(matrix))
        } catch {
            #expect(error is Factorization.Failure)
        }
    }
}
