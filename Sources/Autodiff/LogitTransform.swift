/// What a model makes of the products of hidden rows and its output matrix before they are logits: c · tanh(s·z / c), or s·z
/// without a cap.
package struct LogitTransform: Sendable, Equatable {
    /// s
    package let scale: Float
    /// c
    package let softCap: Float?

    package init(scale: Float = 1, softCap: Float? = nil) {
        precondition(scale.isFinite && scale != 0 && (softCap ?? 1) > 0, "scale \(scale) of logits")
        self.scale = scale
        self.softCap = softCap
    }

    package static let identity = LogitTransform()
}

extension Tape {
    /// logits[T, V] from products[T, V]
    package func logits(_ products: Variable, _ transform: LogitTransform) -> Variable {
        let scaled = transform.scale == 1 ? products : scaled(products, by: transform.scale)
        return transform.softCap.map { softCapped(scaled, at: $0) } ?? scaled
    }
}
