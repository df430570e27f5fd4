import CVectorKernels
import Matrices

extension Tape {
    /// x[T, C] / √(mean of its row's squares + epsilon) · gamma[1, C]. Zhang and Sennrich 2019, "Root Mean Square Layer
    /// Normalization".
    package func rmsNorm(_ x: Variable, gamma: any Operand, epsilon: Float) -> Variable {
        let (rows, columns) = (x.rows, x.columns)
        precondition(gamma.count == columns, "norm of width \(gamma.count) for \(columns) columns")
        let out = output(
            rows: rows, columns: columns, needsGradient: x.needsGradient || gamma.isTrainable)
        let rrms = out.needsGradient ? pool.matrix(rows: rows, columns: 1) : nil
        let (input, scale) = (x.value, gamma.vector)
        avk_rms_norm(
            input.pointer, scale.pointer, epsilon, out.value.pointer, rrms?.pointer, rows, columns)
        guard let rrms else { return out }
        x.keepValue()
        record(out) { [unowned self] g in
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
}
