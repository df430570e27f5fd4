import Autodiff

/// What a linear layer asks of an adapter: its output, base product included.
package protocol LinearAdapter: AnyObject, Sendable {
    /// out[T, O] = x[T, I] · weight[O, I]ᵀ + bias + the adapter's update
    func output(of x: Variable, weight: Weight, bias: Weight?, on tape: Tape) -> Variable
    /// Whether it does more than the bare layer, or may once it learns.
    var acts: Bool { get }
    /// Whether its backward pass reads the layer's input.
    var readsInput: Bool { get }
}

extension LinearAdapter {
    package var acts: Bool { true }
    package var readsInput: Bool { acts }
}

/// A linear layer with a hook for an adapter.
///
/// Unchecked Sendable: the hook is set before training starts and changed only between steps.
package final class LinearLayer: @unchecked Sendable {
    package let site: LinearSite
    /// The module's path in the checkpoint, e.g. `bert.encoder.layer.0.attention.self.query`; PEFT's name for it.
    package let modulePath: String
    /// `[O, I]`
    package let weight: Weight
    /// `[1, O]`
    package let bias: Weight?
    /// transformers' module is its `Conv1D`, which PEFT calls `fan_in_fan_out`.
    package let isConv1D: Bool
    package var adapter: (any LinearAdapter)?
    /// Which row of the matrix in transformers' files stands in each place here; nil where all stand where they do there.
    package internal(set) var rowOrder: [Int]?

    package var outputs: Int { weight.rows }
    package var inputs: Int { weight.columns }

    /// Whether something of it trains, or an adapter on it.
    var trains: Bool { adapter != nil || weight.isTrainable || (bias?.isTrainable ?? false) }

    /// Whether the backward pass reads the layer's input.
    var readsInput: Bool { weight.isTrainable || (adapter?.readsInput ?? false) }

    package init(
        site: LinearSite, modulePath: String, weight: Weight, bias: Weight?, isConv1D: Bool = false
    ) {
        self.site = site
        self.modulePath = modulePath
        self.weight = weight
        self.bias = bias
        self.isConv1D = isConv1D
    }

    func callAsFunction(_ x: Variable, on tape: Tape) -> Variable {
        if let adapter { return adapter.output(of: x, weight: weight, bias: bias, on: tape) }
        return tape.linear(x, weight: weight, bias: bias)
    }
}
