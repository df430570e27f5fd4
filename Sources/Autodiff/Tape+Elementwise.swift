import CVectorKernels
import Glibc
import Matrices

/// The GELUs in use: by the error function, BERT's original code's approximation of it by tanh (`gelu_new`), or the one of CLIP's
/// original code, x / (1 + e⁻¹·⁷⁰²ˣ) (`quick_gelu`).
package enum GELUForm: Sendable { case erf, tanh, quick }

/// Activations of a classification head's dense layer.
package enum DenseActivation: Sendable { case tanh, gelu, relu }

extension Tape {
    /// x[B, C] through the activation.
    package func activation(_ form: DenseActivation, _ x: Variable) -> Variable {
        switch form {
        case .tanh: tanh(x)
        case .gelu: gelu(x)
        case .relu: relu(x)
        }
    }

    /// max(x, 0) of x[B, C], with gradient 0 at 0 as PyTorch.
    package func relu(_ x: Variable) -> Variable {
        let out = output(rows: x.rows, columns: x.columns, needsGradient: x.needsGradient)
        let (input, y) = (x.value, out.keepValue())
        for index in 0..<input.count { y.pointer[index] = max(input.pointer[index], 0) }
        record(out) { [unowned self, x = x.place] g in
            guard let target = gradientTarget(of: x) else { return }
            for index in 0..<g.count {
                let slope = y.pointer[index] > 0 ? g.pointer[index] : 0
                target.matrix.pointer[index] =
                    target.accumulate ? target.matrix.pointer[index] + slope : slope
            }
        }
        return out
    }

    /// x / (1 + e⁻ˣ) of x[T, C], which AdapterHub calls swish. Of narrow rows, so that a plain loop serves.
    package func silu(_ x: Variable) -> Variable {
        let out = output(rows: x.rows, columns: x.columns, needsGradient: x.needsGradient)
        let input = out.needsGradient ? x.keepValue() : x.value
        let y = out.value
        for index in 0..<y.count {
            y.pointer[index] = input.pointer[index] / (1 + expf(-input.pointer[index]))
        }
        record(out) { [unowned self, x = x.place] g in
            guard let target = gradientTarget(of: x) else { return }
            for index in 0..<g.count {
                let gate = 1 / (1 + expf(-input.pointer[index]))
                let slope = g.pointer[index] * gate * (1 + input.pointer[index] * (1 - gate))
                target.matrix.pointer[index] =
                    target.accumulate ? target.matrix.pointer[index] + slope : slope
            }
        }
        return out
    }

    /// GELU of x[T, C], exact (erf) unless told otherwise.
    ///
    /// - Parameters:
    ///   - reusing: nobody else reads x, the operation that made it included (linear layers and GELU do not,
    ///     tanh does): its memory is taken for what the backward pass needs. Traps where somebody does.
    ///   - remaking: x is kept in place of slopes and output, and both are made of it again once a backward pass reads the output:
    ///     half the memory for one GELU more. For outputs that a backward pass reads.
    package func gelu(
        _ x: Variable, form: GELUForm = .erf, reusing: Bool = false, remaking: Bool = false
    ) -> Variable {
        let (rows, columns) = (x.rows, x.columns)
        let out = output(rows: rows, columns: columns, needsGradient: x.needsGradient)
        let input = x.value
        guard out.needsGradient else {
            form.apply(to: input, into: out.value, slopes: nil)
            return out
        }
        let remaking = remaking && remakes
        let memory = reusing ? x.takeMemory() : pool.matrix(rows: rows, columns: columns)
        form.apply(to: input, into: out.value, slopes: remaking ? nil : memory)
        if remaking {
            if !reusing { memory.copyValues(from: input) }
            remake(out) { form.apply(to: memory, into: $0, slopes: memory) }
        }
        record(out) { [unowned self, x = x.place, place = out.place] g in
            // The slopes come with the output.
            if remaking { _ = place.valueAgain() }
            guard let target = gradientTarget(of: x) else { return }
            avk_multiply(
                g.pointer, memory.pointer, target.matrix.pointer, g.count, target.accumulate ? 1 : 0)
        }
        return out
    }

    /// x + y, both [T, C]: a residual sum.
    package func add(_ x: Variable, _ y: Variable) -> Variable {
        precondition(
            x.rows == y.rows && x.columns == y.columns,
            "[\(x.rows), \(x.columns)] added to [\(y.rows), \(y.columns)]")
        let out = output(
            rows: x.rows, columns: x.columns, needsGradient: x.needsGradient || y.needsGradient)
        avk_sum(x.value.pointer, y.value.pointer, out.value.pointer, out.value.count)
        record(out) { [unowned self, x = x.place, y = y.place] g in
            for input in [x, y] {
                guard let target = gradientTarget(of: input) else { continue }
                if target.accumulate {
                    Kernel.add(g, into: target.matrix)
                } else {
                    target.matrix.copyValues(from: g)
                }
            }
        }
        return out
    }

    /// tanh of x[B, C]; small (the pooler), so the plain library function serves.
    package func tanh(_ x: Variable) -> Variable {
        let out = output(rows: x.rows, columns: x.columns, needsGradient: x.needsGradient)
        let (input, result) = (x.value, out.keepValue())
        for index in 0..<input.count { result.pointer[index] = tanhf(input.pointer[index]) }
        record(out) { [unowned self, x = x.place] g in
            guard let target = gradientTarget(of: x) else { return }
            for index in 0..<g.count {
                let y = result.pointer[index]
                let slope = g.pointer[index] * (1 - y * y)
                target.matrix.pointer[index] =
                    target.accumulate ? target.matrix.pointer[index] + slope : slope
            }
        }
        return out
    }

    /// Inverted dropout; the identity when not training or when `probability` is 0.
    package func dropout(_ x: Variable, probability: Float) -> Variable {
        guard probability > 0, let key = nextDropoutKey() else { return x }
        let out = Variable(
            value: droppedCopy(x.value, key: key, probability: probability), needsGradient: x.needsGradient)
        record(out) { [unowned self, x = x.place] g in
            guard let target = gradientTarget(of: x) else { return }
            applyDropout(
                g, into: target.matrix, key: key, probability: probability, accumulate: target.accumulate)
        }
        return out
    }

    package func droppedCopy(_ x: Matrix, key: UInt64, probability: Float) -> Matrix {
        let copy = pool.matrix(rows: x.rows, columns: x.columns)
        applyDropout(x, into: copy, key: key, probability: probability, accumulate: false)
        return copy
    }

    package func applyDropout(
        _ x: Matrix, into y: Matrix, key: UInt64, probability: Float, accumulate: Bool
    ) {
        precondition(probability >= 0 && probability < 1, "dropout probability \(probability)")
        avk_dropout(x.pointer, y.pointer, x.count, key, probability, accumulate ? 1 : 0)
    }
}

extension GELUForm {
    /// - Parameter slopes: the derivative, where it is asked for; its memory may be that of x.
    fileprivate func apply(to x: Matrix, into out: Matrix, slopes: Matrix?) {
        switch self {
        case .erf: avk_gelu(x.pointer, out.pointer, slopes?.pointer, x.count)
        case .tanh: avk_gelu_tanh(x.pointer, out.pointer, slopes?.pointer, x.count)
        case .quick: avk_gelu_quick(x.pointer, out.pointer, slopes?.pointer, x.count)
        }
    }
}
