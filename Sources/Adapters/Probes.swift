import Autodiff
import Matrices
import Transformers

/// Hung on a layer in place of its adapter, passes it through and sums G = ∂L/∂W [O, I] over the rows it sees.
///
/// Unchecked Sendable: probes run on one core, shard after shard.
final class GradientProbe: LinearAdapter, @unchecked Sendable {
    private let inner: any LinearAdapter
    let sum: Matrix

    init(_ adapter: LowRankAdapter) {
        inner = adapter
        sum = Matrix(rows: adapter.layer.outputs, columns: adapter.layer.inputs)
    }

    func output(of x: Variable, weight: Weight, bias: Weight?, on tape: Tape) -> Variable {
        let out = inner.output(of: x, weight: weight, bias: bias, on: tape)
        tape.observeGradient(of: out) { [sum] g in
            Product.transposedMultiply(g, x.value, into: sum, beta: 1)
        }
        return out
    }
}

/// Hung on a bare layer, passes it through and keeps what goes in.
///
/// Unchecked Sendable: probes run on one core, shard after shard.
final class InputProbe: LinearAdapter, @unchecked Sendable {
    /// `[T, I]` each, one for each forward pass since the last `removeAll`
    private(set) var inputs: [Matrix] = []

    func output(of x: Variable, weight: Weight, bias: Weight?, on tape: Tape) -> Variable {
        inputs.append(x.value)
        return tape.linear(x, weight: weight, bias: bias)
    }

    func removeAll() { inputs.removeAll() }
}
