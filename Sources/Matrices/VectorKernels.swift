import CVectorKernels

/// Matrix-shaped doors to the C loops; each is tested against a plain Swift reference.
package enum Kernel {
    /// y[T, C] = bias[1, C] in every row; the product that follows adds to it.
    package static func fillRows(_ bias: Matrix, into y: Matrix) {
        precondition(bias.count == y.columns, "bias of \(bias.count) for \(y.columns) columns")
        avk_fill_rows(bias.pointer, y.pointer, y.rows, y.columns)
    }

    /// y += x
    package static func add(_ x: Matrix, into y: Matrix) {
        precondition(x.count == y.count, "\(x.count) elements added to \(y.count)")
        avk_add(x.pointer, y.pointer, x.count)
    }

    /// out[1, C] += column sums of x[T, C]
    package static func addColumnSums(of x: Matrix, into out: Matrix) {
        precondition(out.count == x.columns, "column sums of \(x.columns) into \(out.count)")
        avk_column_sums_accumulate(x.pointer, out.pointer, x.rows, x.columns)
    }

    /// y[T, R] = x[T, R] · diag(scale[R]) · factor
    package static func scaleColumns(_ x: Matrix, by scale: Matrix?, factor: Float, into y: Matrix) {
        precondition(scale.map { $0.count == x.columns } ?? true, "scale of another width than \(x.columns)")
        avk_scale_columns(x.pointer, scale?.pointer, factor, y.pointer, x.rows, x.columns)
    }

    /// out[R] += factor · Σ_t a[t, R] ⊙ b[t, R]
    package static func addColumnDots(_ a: Matrix, _ b: Matrix, factor: Float, into out: Matrix) {
        precondition(a.count == b.count && out.count == a.columns, "column dots of unequal shapes")
        avk_column_dots_accumulate(a.pointer, b.pointer, factor, out.pointer, a.rows, a.columns)
    }

    package static func allFinite(_ x: Matrix) -> Bool { avk_all_finite(x.pointer, x.count) != 0 }
}
