import CLAPACKE

/// Exact factorizations by LAPACK.
public enum Factorization {
    /// A failure inside LAPACK: which routine, its `info`, and the shape it was given.
    public struct Failure: Error, CustomStringConvertible {
        public let routine: String
        public let info: Int
        public let rows: Int
        public let columns: Int
        public var description: String {
            "LAPACK \(routine) on a \(rows) × \(columns) matrix failed with info = \(info); is there a NaN in it?"
        }
    }

    /// Replaces `matrix` [rows, columns] by an orthonormal basis of its rows (rows ≤ columns) or of its columns
    /// (rows > columns): the thin Q of a QR (`geqrf`, `orgqr`).
    ///
    /// Row-major memory of an [R, I] matrix is column-major memory of its [I, R] transpose, so the rows case
    /// needs no transposition; the columns case goes through LAPACKE's row-major interface.
    public static func orthonormalize(_ matrix: Matrix) throws {
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

    private static func check(_ routine: String, _ matrix: Matrix, _ info: Int32) throws {
        if info != 0 {
            throw Failure(routine: routine, info: Int(info), rows: matrix.rows, columns: matrix.columns)
        }
    }
}
