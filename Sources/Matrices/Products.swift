import COpenBLAS

/// Matrix products by OpenBLAS (`sgemm`). Letters in the comments are dimensions; `beta` 0 overwrites, 1 adds.
public enum Product {
    /// out[M, N] = alpha · a[M, K] · b[N, K]ᵀ + beta · out
    public static func multiplyTransposed(
        _ a: Matrix, _ b: Matrix, into out: Matrix, alpha: Float = 1, beta: Float = 0
    ) {
        precondition(
            a.columns == b.columns && out.rows == a.rows && out.columns == b.rows,
            "[\(a.rows), \(a.columns)] · [\(b.rows), \(b.columns)]ᵀ into [\(out.rows), \(out.columns)]")
        gemm(
            false, true, a.rows, b.rows, a.columns, alpha, a.pointer, a.columns, b.pointer, b.columns, beta,
            out.pointer, out.columns)
    }

    /// out[M, N] = alpha · a[M, K] · b[K, N] + beta · out
    public static func multiply(
        _ a: Matrix, _ b: Matrix, into out: Matrix, alpha: Float = 1, beta: Float = 0
    ) {
        precondition(
            a.columns == b.rows && out.rows == a.rows && out.columns == b.columns,
            "[\(a.rows), \(a.columns)] · [\(b.rows), \(b.columns)] into [\(out.rows), \(out.columns)]")
        gemm(
            false, false, a.rows, b.columns, a.columns, alpha, a.pointer, a.columns, b.pointer, b.columns,
            beta,
            out.pointer, out.columns)
    }

    /// out[M, N] = alpha · a[K, M]ᵀ · b[K, N] + beta · out
    public static func transposedMultiply(
        _ a: Matrix, _ b: Matrix, into out: Matrix, alpha: Float = 1, beta: Float = 0
    ) {
        precondition(
            a.rows == b.rows && out.rows == a.columns && out.columns == b.columns,
            "[\(a.rows), \(a.columns)]ᵀ · [\(b.rows), \(b.columns)] into [\(out.rows), \(out.columns)]")
        gemm(
            true, false, a.columns, b.columns, a.rows, alpha, a.pointer, a.columns, b.pointer, b.columns,
            beta,
            out.pointer, out.columns)
    }

    /// `cblas_sgemm`, row-major, for blocks of larger matrices (attention heads). Empty products only scale.
    package static func gemm(
        _ transposeA: Bool, _ transposeB: Bool, _ m: Int, _ n: Int, _ k: Int, _ alpha: Float,
        _ a: UnsafePointer<Float>, _ lda: Int, _ b: UnsafePointer<Float>, _ ldb: Int, _ beta: Float,
        _ c: UnsafeMutablePointer<Float>, _ ldc: Int
    ) {
        if m == 0 || n == 0 { return }
        cblas_sgemm(
            CblasRowMajor, transposeA ? CblasTrans : CblasNoTrans, transposeB ? CblasTrans : CblasNoTrans,
            blasint(m), blasint(n), blasint(k), alpha, a, blasint(max(lda, 1)), b, blasint(max(ldb, 1)), beta,
            c,
            blasint(max(ldc, 1)))
    }
}
