import COpenBLAS

/// Matrix products by OpenBLAS (`sgemm`). Letters in the comments are dimensions; `beta` 0 overwrites, 1 adds.
package enum Product {
    /// out[M, N] = alpha · a[M, K] · b[N, K]ᵀ + beta · out
    package static func multiplyTransposed(
        _ a: Matrix, _ b: Matrix, into out: Matrix, alpha: Float = 1, beta: Float = 0
    ) {
        precondition(
            a.columns == b.columns && out.rows == a.rows && out.columns == b.rows,
            "[\(a.rows), \(a.columns)] · [\(b.rows), \(b.columns)]ᵀ into [\(out.rows), \(out.columns)]")
        let (k, n) = (a.columns, b.rows)
        forBlocks(of: a.rows, others: (n, k)) { start, count in
            gemm(
                false, true, count, n, k, alpha, a.row(start), k, b.pointer, k, beta, out.row(start), n)
        }
    }

    /// out[M, N] = alpha · a[M, K] · b[K, N] + beta · out
    package static func multiply(
        _ a: Matrix, _ b: Matrix, into out: Matrix, alpha: Float = 1, beta: Float = 0
    ) {
        precondition(
            a.columns == b.rows && out.rows == a.rows && out.columns == b.columns,
            "[\(a.rows), \(a.columns)] · [\(b.rows), \(b.columns)] into [\(out.rows), \(out.columns)]")
        let (k, n) = (a.columns, b.columns)
        forBlocks(of: a.rows, others: (n, k)) { start, count in
            gemm(
                false, false, count, n, k, alpha, a.row(start), k, b.pointer, n, beta, out.row(start), n)
        }
    }

    /// out[M, N] = alpha · a[K, M]ᵀ · b[K, N] + beta · out
    package static func transposedMultiply(
        _ a: Matrix, _ b: Matrix, into out: Matrix, alpha: Float = 1, beta: Float = 0
    ) {
        precondition(
            a.rows == b.rows && out.rows == a.columns && out.columns == b.columns,
            "[\(a.rows), \(a.columns)]ᵀ · [\(b.rows), \(b.columns)] into [\(out.rows), \(out.columns)]")
        let (m, n) = (a.columns, b.columns)
        forBlocks(of: a.rows, others: (m, n)) { start, count in
            gemm(
                true, false, m, n, count, alpha, a.row(start), m, b.row(start), n, start == 0 ? beta : 1,
                out.pointer, n)
        }
    }

    /// Cuts the long dimension of a skinny product (an adapter's: one of the others is a rank) into blocks of up to
    /// 10⁶ multiplications. Up to there OpenBLAS has kernels that read the operands where they lie; above, it copies
    /// them first, which takes a skinny product as long again (512 rows, rank 12: 50 instead of 87 GFLOP/s).
    private static func forBlocks(of length: Int, others: (Int, Int), _ body: (Int, Int) -> Void) {
        let (thin, wide) = (min(others.0, others.1), max(others.0, others.1))
        guard thin > 0, thin <= skinny, length * thin * wide > smallProduct else { return body(0, length) }
        let block = max(32, smallProduct / (thin * wide) / 8 * 8)
        for start in stride(from: 0, to: length, by: block) { body(start, min(block, length - start)) }
    }

    private static let skinny = 32
    private static let smallProduct = 1_000_000

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
