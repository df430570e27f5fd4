import CVectorKernels
import Matrices

extension Tape {
    /// Layer norm of x + residual (x[T, C], residual the same shape or nil) with gamma and beta [1, C].
    ///
    /// - Parameter reusing: nobody else reads x, the operation that made it included (linear layers and GELU do not,
    ///   tanh does): its memory is taken for what the backward pass needs. Traps where somebody does.
    package func layerNorm(
        _ x: Variable, adding residual: Variable? = nil, gamma: any Operand, beta: any Operand,
        epsilon: Float, reusing: Bool = false
    ) -> Variable {
        let (rows, columns) = (x.rows, x.columns)
        precondition(
            residual.map { $0.rows == rows && $0.columns == columns } ?? true,
            "residual of another shape than [\(rows), \(columns)]")
        precondition(gamma.count == columns && beta.count == columns, "norm of another width")
        let out = output(
            rows: rows, columns: columns,
            needsGradient: x.needsGradient || (residual?.needsGradient ?? false) || gamma.isTrainable
                || beta.isTrainable)
        let input = x.value
        let normalized =
            out.needsGradient ? (reusing ? x.takeMemory() : pool.matrix(rows: rows, columns: columns)) : nil
        let rstd = out.needsGradient ? pool.matrix(rows: rows, columns: 1) : nil
        let scale = gamma.vector
        avk_layer_norm(
            input.pointer, residual?.value.pointer, scale.pointer, beta.vector.pointer, epsilon,
            out.value.pointer, normalized?.pointer, rstd?.pointer, rows, columns)
        guard let normalized, let rstd else { return out }
        // The summed input is not kept: the backward pass needs only its normalized form, of which the output is made again.
        remake(out) {
            avk_scale_and_shift_columns(
                normalized.pointer, scale.pointer, beta.vector.pointer, $0.pointer, rows, columns)
        }
        record(out) { [unowned self, x = x.place, residual = residual?.place] g in
            if gamma.isTrainable || beta.isTrainable {
                let unused = pool.matrix(rows: 1, columns: columns)
                avk_layer_norm_parameters_accumulate(
                    g.pointer, normalized.pointer, (gradient(of: gamma) ?? unused).pointer,
                    (gradient(of: beta) ?? unused).pointer, rows, columns)
            }
            for input in [x, residual] {
                guard let input, let target = gradientTarget(of: input) else { continue }
                avk_layer_norm_backward(
                    g.pointer, normalized.pointer, rstd.pointer, scale.pointer, target.matrix.pointer,
                    rows, columns, target.accumulate ? 1 : 0)
            }
        }
        return out
    }
}
