/// How far packed weights are from the values that they were packed from, summed up over any parts of matrices.
package struct PackingError: Sendable, Equatable {
    /// Σ v² over the values
    private var squares = 0.0
    /// Σ (w − v)² over weights and values
    private var errors = 0.0

    package init() {}

    /// √(Σ (w − v)² / Σ v²), the relative error in the root mean square; 0 where all is 0, infinite where values of 0 alone
    /// became others, NaN where a weight is.
    package var relative: Double { errors == 0 ? 0 : (errors / squares).squareRoot() }

    package mutating func add(
        _ weights: UnsafeBufferPointer<Float>, from values: UnsafeBufferPointer<Float>
    ) {
        precondition(weights.count == values.count, "\(weights.count) weights of \(values.count) values")
        for (weight, value) in zip(weights, values) {
            let difference = Double(weight) - Double(value)
            errors += difference * difference
            squares += Double(value) * Double(value)
        }
    }

    /// A matrix that was packed from values [O, I].
    package mutating func add(_ weights: any FrozenMatrix, from values: UnsafeBufferPointer<Float>) {
        precondition(
            weights.rows * weights.columns == values.count,
            "\(weights.rows) × \(weights.columns) weights of \(values.count) values")
        weights.forEachTile { first, tile in
            let start = first * weights.columns
            add(tile, from: UnsafeBufferPointer(rebasing: values[start..<start + tile.count]))
        }
    }
}
