/// The loss of a model on rows that nothing learned from, by folds of them, so that differences have a spread.
package struct HeldOutLoss: Sendable, Equatable {
    /// The mean loss of each fold
    package let folds: [Double]
    /// What each is a mean over
    package let weights: [Double]
    /// What each fold lacks of a metric's 1; nil where the task has no such metric
    package let lacks: [Double]?

    package init(folds: [Double], weights: [Double], lacks: [Double]? = nil) {
        precondition(folds.count == weights.count, "\(folds.count) losses with \(weights.count) weights")
        precondition(
            lacks.map { $0.count == folds.count } ?? true, "a metric of other folds than the \(folds.count)")
        self.folds = folds
        self.weights = weights
        self.lacks = lacks
    }

    /// What is lacking in the place of the loss.
    package var byMetric: HeldOutLoss? { lacks.map { HeldOutLoss(folds: $0, weights: weights) } }

    /// Over all rows
    package var mean: Double {
        zip(folds, weights).reduce(0) { $0 + $1.0 * $1.1 } / max(weights.reduce(0, +), .leastNonzeroMagnitude)
    }

    package var isFinite: Bool { folds.allSatisfy(\.isFinite) }

    /// What this is above another of the same rows, and the standard error of that over the folds.
    package func above(_ other: HeldOutLoss) -> (difference: Double, error: Double) {
        let differences = zip(folds, other.folds).map { $0 - $1 }
        let total = weights.reduce(0, +)
        guard total > 0, folds.count > 1 else { return (mean - other.mean, .infinity) }
        let center = zip(differences, weights).reduce(0) { $0 + $1.0 * $1.1 } / total
        // Folds of about one size: the spread of their differences, by what each weighs.
        let spread = zip(differences, weights).reduce(0) { sum, fold in
            sum + fold.1 * (fold.0 - center) * (fold.0 - center)
        }
        let variance = spread / total * Double(folds.count) / Double(folds.count - 1)
        return (center, (variance / Double(folds.count)).squareRoot())
    }
}
