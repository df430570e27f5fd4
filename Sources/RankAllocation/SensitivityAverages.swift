/// Running averages of the sensitivity `I = |w·∂L/∂w|` (eq. 8) of each scalar of one parameter array, in
/// Float32.
///
/// Per observed step, from zero and without bias correction:
///
///     Ī ← β1·Ī + (1 − β1)·I          (eq. 9)
///     Ū ← β2·Ū + (1 − β2)·|I − Ī|     (eq. 10, with the new Ī)
///
/// Averages are kept in Float32 whatever the precision of the weights: `Ī·Ū` is of order `w²g²` and would
/// underflow in half precision.
package struct SensitivityAverages: Sendable, Equatable {
    /// Ī, `[count]`.
    package private(set) var sensitivity: [Float]
    /// Ū, `[count]`.
    package private(set) var uncertainty: [Float]

    /// Averages of `count` scalars that have not been observed yet: all zero.
    package init(count: Int) {
        precondition(count >= 0, "averages need a count of at least 0, got \(count)")
        sensitivity = [Float](repeating: 0, count: count)
        uncertainty = sensitivity
    }

    /// Restores averages, e.g. from a checkpoint; both arrays must have the same length.
    package init(sensitivity: [Float], uncertainty: [Float]) {
        precondition(
            sensitivity.count == uncertainty.count,
            "sensitivity has \(sensitivity.count) values, uncertainty has \(uncertainty.count)")
        self.sensitivity = sensitivity
        self.uncertainty = uncertainty
    }

    /// The number of scalars averaged.
    package var count: Int { sensitivity.count }

    /// Takes in one step: weights and gradients are read once, both averages are updated in the same pass.
    ///
    /// The loop rounds after each operation (no fused multiply-add), so its bits depend neither on the CPU
    /// nor on how it is vectorized. An average below the smallest normal Float becomes 0: that of a weight
    /// without gradient decays by β each step, and rounding would hold it at a few units of the smallest
    /// subnormal for ever, which many CPUs compute on a slow path. A gradient that is not finite gives a
    /// score that is not finite.
    ///
    /// - Parameters:
    ///   - weights: `[count]`.
    ///   - gradients: ∂L/∂w at the same scalars, `[count]`.
    ///   - beta1: β1 of Ī, in `0 ..< 1`.
    ///   - beta2: β2 of Ū, in `0 ..< 1`.
    package mutating func observe(
        weights: UnsafeBufferPointer<Float>, gradients: UnsafeBufferPointer<Float>, beta1: Float, beta2: Float
    ) {
        let count = self.count
        precondition(weights.count == count, "averages have \(count) values, weights have \(weights.count)")
        precondition(
            gradients.count == count, "averages have \(count) values, gradients have \(gradients.count)")
        precondition(beta1 >= 0 && beta1 < 1, "beta1 must be in 0 ..< 1, got \(beta1)")
        precondition(beta2 >= 0 && beta2 < 1, "beta2 must be in 0 ..< 1, got \(beta2)")
        guard let weights = weights.baseAddress, let gradients = gradients.baseAddress else { return }
        sensitivity.withUnsafeMutableBufferPointer { sensitivity in
            uncertainty.withUnsafeMutableBufferPointer { uncertainty in
                guard let sensitivity = sensitivity.baseAddress, let uncertainty = uncertainty.baseAddress
                else {
                    return
                }
                Self.update(
                    sensitivity, uncertainty, weights: weights, gradients: gradients, count: count,
                    beta1: beta1, beta2: beta2)
            }
        }
    }

    /// `s = Ī·Ū` of one scalar (eq. 11). Ī alone is `sensitivity[index]`.
    package func score(at index: Int) -> Float {
        sensitivity[index] * uncertainty[index]
    }

    /// Equations 8–10 over `count` scalars. Plain pointers and a comparison instead of a branch let it
    /// vectorize.
    private static func update(
        _ sensitivity: UnsafeMutablePointer<Float>, _ uncertainty: UnsafeMutablePointer<Float>,
        weights: UnsafePointer<Float>, gradients: UnsafePointer<Float>, count: Int, beta1: Float, beta2: Float
    ) {
        let fresh1 = 1 - beta1
        let fresh2 = 1 - beta2
        let smallest = Float.leastNormalMagnitude
        for index in 0..<count {
            let observed = (weights[index] * gradients[index]).magnitude
            let smoothed = beta1 * sensitivity[index] + fresh1 * observed
            let mean = smoothed < smallest ? 0 : smoothed
            let deviation = beta2 * uncertainty[index] + fresh2 * (observed - mean).magnitude
            sensitivity[index] = mean
            uncertainty[index] = deviation < smallest ? 0 : deviation
        }
    }
}
