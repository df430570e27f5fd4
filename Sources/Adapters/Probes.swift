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
        let input = x.saved()
        tape.observeGradient(of: out) { [sum] g in
            Product.transposedMultiply(g, input.value, into: sum, beta: 1)
        }
        return out
    }
}

/// Collects ∂L/∂W of some layers' matrices, whose adapters pass it through while they change nothing.
package final class WeightGradients {
    private let set: AdapterSet
    private let probes: [(site: Int, probe: GradientProbe)]

    /// Hangs on the layers until `end`.
    ///
    /// - Parameter sites: positions in the set.
    package init(of set: AdapterSet, at sites: [Int]) {
        self.set = set
        probes = sites.map { ($0, GradientProbe(set.adapters[$0])) }
        for (site, probe) in probes { set.layers[site].adapter = probe }
    }

    /// What was summed since, [O, I] each. The adapters hang where they did.
    package func end() -> [Matrix] {
        for (site, _) in probes { set.hang(site) }
        return probes.map(\.probe.sum)
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
