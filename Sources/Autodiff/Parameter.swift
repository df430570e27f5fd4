import Matrices
import Synchronization

/// A named weight. Frozen unless a `ParameterVector` owns it.
///
/// Unchecked Sendable: the trainer changes values only between steps, when no shard is running.
public final class Parameter: @unchecked Sendable {
    public let name: String
    public package(set) var values: Matrix { didSet { packed.withLock { $0 = Packed() } } }
    /// Where this parameter's gradient starts in the flat gradient vector; nil for a frozen parameter.
    public package(set) var gradientOffset: Int?

    public var isTrainable: Bool { gradientOffset != nil }

    private let whenPacked: (@Sendable () -> Void)?
    private let packed = Mutex(Packed())

    private struct Packed {
        var plain: PackedWeight??
        var transposed: PackedWeight??
    }

    /// - Parameter whenPacked: given for values that may be replaced but are never written to in place (a
    ///   checkpoint's), so that a packed copy stays true; called when one has taken their place in products.
    public init(name: String, values: Matrix, whenPacked: (@Sendable () -> Void)? = nil) {
        self.name = name
        self.values = values
        self.whenPacked = whenPacked
    }

    /// The values laid out for products, made at the first call; nil for weights that may change, and on machines
    /// that gain nothing by it.
    package func packed(transposed: Bool) -> PackedWeight? {
        guard let whenPacked, !isTrainable else { return nil }
        let field: WritableKeyPath<Packed, PackedWeight??> & Sendable = transposed ? \.transposed : \.plain
        return packed.withLock { packed in
            if let known = packed[keyPath: field] { return known }
            let made = PackedWeight(values, transposed: transposed)
            if made != nil { whenPacked() }
            packed[keyPath: field] = .some(made)
            return made
        }
    }
}

/// All trainable parameters, end to end in one flat array, in registration order.
///
/// Gradients, Adam moments and what is exchanged between machines are arrays of the same layout, so clipping,
/// the optimizer and the summation of shards are single loops.
public final class ParameterVector: @unchecked Sendable {
    public let parameters: [Parameter]
    public let values: Matrix
    public var count: Int { values.count }

    /// Moves the parameters' values into one array; each keeps its values and becomes a view into it.
    public init(_ parameters: [Parameter]) {
        self.parameters = parameters
        let count = parameters.reduce(0) { $0 + $1.values.count }
        values = Matrix(rows: 1, columns: count)
        var offset = 0
        for parameter in parameters {
            let old = parameter.values
            let view = values.view(offset: offset, rows: old.rows, columns: old.columns)
            view.copyValues(from: old)
            parameter.values = view
            parameter.gradientOffset = offset
            offset += old.count
        }
    }

    /// Where `parameter` lies in the flat arrays.
    public func range(of parameter: Parameter) -> Range<Int> {
        guard let offset = parameter.gradientOffset else {
            preconditionFailure("\(parameter.name) is frozen and has no place in the parameter vector")
        }
        return offset..<(offset + parameter.values.count)
    }
}
