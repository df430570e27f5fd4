import CVectorKernels
import Matrices

/// What a gated feed-forward network's gates go through: silu(x) = x / (1 + e⁻ˣ), or the tanh form of GELU.
package enum GateActivation: Sendable { case silu, geluTanh }

extension Tape {
    /// activation(gate) · up of gate and up [T, C]. Shazeer 2020, "GLU Variants Improve Transformer".
    package func gated(_ gate: Variable, _ up: Variable, by activation: GateActivation) -> Variable {
        let (rows, columns) = (gate.rows, gate.columns)
        precondition(
            up.rows == rows && up.columns == columns,
            "[\(rows), \(columns)] gates for [\(up.rows), \(up.columns)]")
        let out = output(rows: rows, columns: columns, needsGradient: gate.needsGradient || up.needsGradient)
        activation.forward(gate.value.pointer, up.value.pointer, out.value.pointer, out.value.count)
        guard out.needsGradient else { return out }
        let (gates, ups) = (gate.keepValue(), up.keepValue())
        remake(out) { activation.forward(gates.pointer, ups.pointer, $0.pointer, $0.count) }
        record(out) { [unowned self, gate = gate.place, up = up.place] g in
            let toGate = gradientTarget(of: gate)
            let toUp = gradientTarget(of: up)
            let unused =
                toGate == nil || toUp == nil ? pool.matrix(rows: rows, columns: columns) : nil
            guard let gateOut = toGate?.matrix ?? unused, let upOut = toUp?.matrix ?? unused else { return }
            activation.backward(
                g.pointer, gates.pointer, ups.pointer, gateOut.pointer, toGate?.accumulate ?? false,
                upOut.pointer, toUp?.accumulate ?? false, g.count)
        }
        return out
    }

    /// The same of the halves of x[T, 2 · C]: gates in the first C columns, what they let through in the others.
    package func gated(_ x: Variable, by activation: GateActivation) -> Variable {
        precondition(x.columns % 2 == 0, "\(x.columns) columns have no halves")
        let (rows, columns) = (x.rows, x.columns / 2)
        let out = output(rows: rows, columns: columns, needsGradient: x.needsGradient)
        activation.forward(halvesOf: x.value, into: out.value)
        guard out.needsGradient else { return out }
        let input = x.keepValue()
        remake(out) { activation.forward(halvesOf: input, into: $0) }
        record(out) { [unowned self, x = x.place] g in
            guard let target = gradientTarget(of: x) else { return }
            for row in 0..<rows {
                let (gate, gateOut) = (input.row(row), target.matrix.row(row))
                activation.backward(
                    g.row(row), gate, gate + columns, gateOut, target.accumulate, gateOut + columns,
                    target.accumulate, columns)
            }
        }
        return out
    }
}

extension GateActivation {
    /// out[T, C] of x[T, 2 · C]
    fileprivate func forward(halvesOf x: Matrix, into out: Matrix) {
        for row in 0..<out.rows {
            let gate = x.row(row)
            forward(gate, gate + out.columns, out.row(row), out.columns)
        }
    }

    fileprivate func forward(
        _ gate: UnsafePointer<Float>, _ up: UnsafePointer<Float>, _ out: UnsafeMutablePointer<Float>,
        _ count: Int
    ) {
        switch self {
        case .silu: avk_gated_silu(gate, up, out, count)
        case .geluTanh: avk_gated_gelu_tanh(gate, up, out, count)
        }
    }

    fileprivate func backward(
        _ g: UnsafePointer<Float>, _ gate: UnsafePointer<Float>, _ up: UnsafePointer<Float>,
        _ toGate: UnsafeMutablePointer<Float>, _ addsToGate: Bool, _ toUp: UnsafeMutablePointer<Float>,
        _ addsToUp: Bool, _ count: Int
    ) {
        let (addsToGate, addsToUp): (Int32, Int32) = (addsToGate ? 1 : 0, addsToUp ? 1 : 0)
        switch self {
        case .silu: avk_gated_silu_backward(g, gate, up, toGate, addsToGate, toUp, addsToUp, count)
        case .geluTanh:
            avk_gated_gelu_tanh_backward(g, gate, up, toGate, addsToGate, toUp, addsToUp, count)
        }
    }
}
