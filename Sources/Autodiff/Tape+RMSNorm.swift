import CVectorKernels
import Matrices

extension Tape {
    /// x[T, C] / √(mean of its row's squares + epsilon) · (offset + gamma[1, C]). Zhang and Sennrich 2019, "Root Mean Square
    /// Layer Normalization".
    ///
    /// - Parameters:
    ///   - offset: 1 where gamma is saved as what it differs from 1 by.
    ///   - heads: how many norms a row has, side by side: gamma is then [1, C / heads], and serves all.
    package func rmsNorm(
        _ x: Variable, gamma: any Operand, epsilon: Float, offset: Float = 0, heads: Int = 1
    ) -> Variable {
        precondition(
            gamma.count * heads == x.columns,
            "\(heads) norms of width \(gamma.count) for \(x.columns) columns")
        let (rows, columns) = (x.rows * heads, gamma.count)
        let out = output(
            rows: x.rows, columns: x.columns, needsGradient: x.needsGradient || gamma.isTrainable)
        let rrms = out.needsGradient ? pool.matrix(rows: rows, columns: 1) : nil
        let (input, scale) = (x.value, sum(gamma.vector, offset))
        avk_rms_norm(
            input.pointer, scale.pointer, epsilon, out.value.pointer, rrms?.pointer, rows, columns)
        guard let rrms else { return out }
        x.keepValue()
        remake(out) { avk_rms_norm(input.pointer, scale.pointer, epsilon, $0.pointer, nil, rows, columns) }
        record(out) { [unowned self, x = x.place] g in
            if let gradient = gradient(of: gamma) {
                avk_rms_norm_gamma_accumulate(
                    g.pointer, input.pointer, rrms.pointer, gradient.pointer, rows, columns)
            }
            guard let target = gradientTarget(of: x) else { return }
            avk_rms_norm_backward(
                g.pointer, input.pointer, rrms.pointer, scale.pointer, target.matrix.pointer, rows, columns,
                target.accumulate ? 1 : 0)
        }
        return out
    }

    /// gamma[1, C] + offset
    private func sum(_ gamma: Matrix, _ offset: Float) -> Matrix {
        if offset == 0 { return gamma }
        let sum = pool.matrix(rows: gamma.rows, columns: gamma.columns)
        for index in 0..<gamma.count { sum.pointer[index] = gamma.pointer[index] + offset }
        return sum
    }
}
