import Autodiff

/// What a linear layer asks of an adapter: its output, base product included.
public protocol LinearAdapter: AnyObject, Sendable {
    /// out[T, O] = x[T, I] · weight[O, I]ᵀ + bias + the adapter's update
    func output(of x: Variable, weight: Weight, bias: Weight?, on tape: Tape) -> Variable
}

/// A linear layer with a hook for an adapter.
///
/// Unchecked Sendable: the hook is set before training starts and changed only between steps.
public final class LinearLayer: @unchecked Sendable {
    public let site: LinearSite
    /// The module's path in the checkpoint, e.g. `bert.encoder.layer.0.attention.self.query`; PEFT's name for it.
    public let modulePath: String
    /// `[O, I]`
    public let weight: Weight
    /// `[1, O]`
    public let bias: Weight?
    public var adapter: (any LinearAdapter)?

    public var outputs: Int { weight.rows }
    public var inputs: Int { weight.columns }

    init(site: LinearSite, modulePath: String, weight: Weight, bias: Weight?) {
        self.site = site
        self.modulePath = modulePath
        self.weight = weight
        self.bias = bias
    }

    func callAsFunction(_ x: Variable, on tape: Tape) -> Variable {
        if let adapter { return adapter.output(of: x, weight: weight, bias: bias, on: tape) }
        return tape.linear(x, weight: weight, bias: bias)
    }
}
