import Foundation

/// The learning rate of each step: a linear rise from 0, then a fall to 0 (linear, cosine) or none.
package struct LearningRate: Sendable {
    package enum Shape: String, Sendable { case linear, cosine, constant }

    package let peak: Double
    package let shape: Shape
    package let warmupSteps: Int
    package let totalSteps: Int

    package init(peak: Double, shape: Shape, warmupSteps: Int, totalSteps: Int) {
        self.peak = peak
        self.shape = shape
        self.warmupSteps = warmupSteps
        self.totalSteps = totalSteps
    }

    /// The rate used by the update of step t, from 1. As in transformers, the update of step t uses the
    /// schedule's value at t − 1; only that a warm-up does not waste its first step on rate 0.
    package func value(at step: Int) -> Double {
        if step <= warmupSteps { return peak * Double(step) / Double(warmupSteps) }
        let progress = Double(step - 1 - warmupSteps) / Double(max(1, totalSteps - warmupSteps))
        switch shape {
        case .linear: return peak * max(0, 1 - progress)
        case .cosine: return peak * 0.5 * (1 + cos(.pi * min(1, progress)))
        case .constant: return peak
        }
    }
}
