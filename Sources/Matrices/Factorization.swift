import CLAPACKE

/// Exact factorizations by LAPACK.
package enum Factorization {
    /// A failure inside LAPACK: which routine, its `info`, and the shape it was given.
    package struct Failure: Error, CustomStringConvertible {
        package let routine: String
        package let info: Int
        package let rows: Int
        package let columns: Int
        package var description: String {
            "LAPACK \(routine) on a \(rows) × \(columns) matrix failed with info = \(info); is there a NaN in it?"
        }
    }

    /// Replaces `matrix` [rows, columns] by an orthonormal basis of its rows (rows ≤ columns) or of its columns
    /// (rows > columns): the thin Q of a QR (`geqrf`, `orgqr`).
    ///
    /// Row-major memory of an [R, I] matrix is column-major memory of its [I, R] transpose, so the rows case
    /// needs no transposition; the columns case goes through LAPACKE's row-major interface.
    package static func orthonormalize(_ matrix: Matrix) throws {
        if matrix.count == 0 { return }
        let byRows = matrix.rows <= matrix.columns
        let tall = max(matrix.rows, matrix.columns)
        let thin = min(matrix.rows, matrix.columns)
        let layout = byRows ? LAPACK_COL_MAJOR : LAPACK_ROW_MAJOR
        let leading = byRows ? tall : thin
        var tau = [Float](repeating: 0, count: thin)
        try check(
            "sgeqrf", matrix,
            LAPACKE_sgeqrf(layout, Int32(tall), Int32(thin), matrix.pointer, Int32(leading), &tau))
        try check(
            "sorgqr", matrix,
            LAPACKE_sorgqr(layout, Int32(tall), Int32(thin), Int32(thin), matrix.pointer, Int32(leading), tau)
        )
    }

    /// Thin QR of the transpose of `matrix` [R, N], R ≤ N: the rows become an orthonormal basis of the space they
    /// span, in order (Gram–Schmidt by Householder: row i of the result is the part of row i that rows 0 ..< i do
    /// not span).
    ///
    /// Returns the triangle T [R, R], upper with a diagonal ≥ 0, with which rowsᵀ = basisᵀ · T. Rows that depend on
    /// earlier ones get a 0 on the diagonal and some direction orthogonal to all others.
    package static func orthonormalizeRows(_ matrix: Matrix) throws -> Matrix {
        let (rank, length) = (matrix.rows, matrix.columns)
        precondition(rank <= length, "\(rank) rows of length \(length) cannot be orthonormal")
        let triangle = Matrix(rows: rank, columns: rank)
        if rank == 0 { return triangle }
        var tau = [Float](repeating: 0, count: rank)
        try check(
            "sgeqrf", matrix,
            LAPACKE_sgeqrf(
                LAPACK_COL_MAJOR, Int32(length), Int32(rank), matrix.pointer, Int32(length), &tau))
        for row in 0..<rank {
            for column in row..<rank { triangle.row(row)[column] = matrix.row(column)[row] }
        }
        try check(
            "sorgqr", matrix,
            LAPACKE_sorgqr(
                LAPACK_COL_MAJOR, Int32(length), Int32(rank), Int32(rank), matrix.pointer, Int32(length), tau)
        )
        // LAPACK leaves the signs of the diagonal open; a sign moves from the triangle's row to the basis.
        for row in 0..<rank where triangle.row(row)[row] < 0 {
            for column in row..<rank { triangle.row(row)[column].negate() }
            for column in 0..<length { matrix.row(row)[column].negate() }
        }
        return triangle
    }

    /// The triangle of `orthonormalizeRows` without the basis: what a running QR of many rows keeps. `rows` [N, C]
    /// in any number are folded into `triangle` [C, C] (upper, row-major), so that triangleᵀ · triangle grows by
    /// rowsᵀ · rows.
    package static func fold(_ rows: Matrix, intoTriangle triangle: Matrix) throws {
        let columns = rows.columns
        precondition(
            triangle.rows == columns && triangle.columns == columns,
            "rows of \(columns) and a triangle of [\(triangle.rows), \(triangle.columns)]")
        if rows.rows == 0 { return }
        let stacked = Matrix(rows: columns + rows.rows, columns: columns)
        stacked.pointer.update(from: triangle.pointer, count: triangle.count)
        (stacked.pointer + triangle.count).update(from: rows.pointer, count: rows.count)
        var tau = [Float](repeating: 0, count: columns)
        try check(
            "sgeqrf", stacked,
            LAPACKE_sgeqrf(
                LAPACK_ROW_MAJOR, Int32(stacked.rows), Int32(columns), stacked.pointer, Int32(columns), &tau))
        for row in 0..<columns {
            for column in 0..<columns {
                triangle.row(row)[column] = column < row ? 0 : stacked.row(row)[column]
            }
        }
    }

    /// A thin singular value decomposition a = u · diag(values) · vt.
    package struct SVD {
        /// `[M, K]`, K = min(M, N): orthonormal columns
        package let u: Matrix
        /// `[K]`, descending
        package let values: [Float]
        /// `[K, N]`: orthonormal rows
        package let vt: Matrix
    }

    /// The thin SVD of `matrix` [M, N] by divide and conquer (`gesdd`). `matrix` is overwritten.
    ///
    /// Row-major memory is column-major memory of the transpose, whose left and right vectors change places.
    package static func svd(overwriting matrix: Matrix) throws -> SVD {
        let (rows, columns) = (matrix.rows, matrix.columns)
        let rank = min(rows, columns)
        let u = Matrix(rows: rows, columns: rank)
        let vt = Matrix(rows: rank, columns: columns)
        var values = [Float](repeating: 0, count: rank)
        if rank > 0 {
            try check(
                "sgesdd", matrix,
                LAPACKE_sgesdd(
                    LAPACK_COL_MAJOR, CChar(UInt8(ascii: "S")), Int32(columns), Int32(rows), matrix.pointer,
                    Int32(columns), &values, vt.pointer, Int32(columns), u.pointer, Int32(rank)))
        }
        return SVD(u: u, values: values, vt: vt)
    }

    /// The `count` leading singular triplets of `matrix` [M, N] by subspace iteration (Halko, Martinsson and Tropp
    /// 2011, algorithm 4.4 with a fixed start), for matrices too large for a whole `gesdd`. Small ones get that.
    ///
    /// Errors fall with (σ_{k+p+1} / σ_k)^(2·iterations+1), p = 8 vectors more than asked for.
    package static func leadingTriplets(
        of matrix: Matrix, count: Int, stream: RandomStream, iterations: Int = 6
    ) throws -> SVD {
        let (rows, columns) = (matrix.rows, matrix.columns)
        let wanted = min(count, rows, columns)
        let width = min(wanted + 8, rows, columns)
        if 2 * width >= min(rows, columns) {
            return first(wanted, of: try svd(overwriting: Matrix(copying: matrix)))
        }
        var stream = stream
        // basis rows [width, N] span the leading right vectors, left rows [width, M] the left ones.
        let basis = Matrix(rows: width, columns: columns)
        stream.fillNormal(basis, deviation: 1)
        let left = Matrix(rows: width, columns: rows)
        for _ in 0...iterations {
            _ = try orthonormalizeRows(basis)
            Product.multiplyTransposed(basis, matrix, into: left)
            _ = try orthonormalizeRows(left)
            Product.multiply(left, matrix, into: basis)
        }
        // matrix ≈ leftᵀ · (left · matrix), and the last product stands in `basis`.
        let small = try svd(overwriting: basis)
        let u = Matrix(rows: rows, columns: width)
        Product.transposedMultiply(left, small.u, into: u)
        return first(wanted, of: SVD(u: u, values: small.values, vt: small.vt))
    }

    private static func first(_ count: Int, of svd: SVD) -> SVD {
        let u = Matrix(rows: svd.u.rows, columns: count)
        for row in 0..<u.rows { u.row(row).update(from: svd.u.row(row), count: count) }
        let vt = Matrix(rows: count, columns: svd.vt.columns)
        vt.pointer.update(from: svd.vt.pointer, count: vt.count)
        return SVD(u: u, values: Array(svd.values.prefix(count)), vt: vt)
    }

    private static func check(_ routine: String, _ matrix: Matrix, _ info: Int32) throws {
        if info != 0 {
            throw Failure(routine: routine, info: Int(info), rows: matrix.rows, columns: matrix.columns)
        }
    }
}
