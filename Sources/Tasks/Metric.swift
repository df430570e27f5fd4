import Foundation

/// What an evaluation can be judged by, under the name that settings, records and plans have for it. Each is declared in
/// the file of a task.
package struct Metric: Sendable, Hashable {
    package let rawValue: String
    package let isHigherBetter: Bool
    /// It is the exponential of the ratio that rows have parts in.
    package let isExponential: Bool
    /// Its values are as large as rows, units and model make them (a loss, a perplexity), not shares or correlations: a
    /// difference says something beside a value only.
    package let isUnbounded: Bool

    package init(
        _ name: String, isHigherBetter: Bool = true, isExponential: Bool = false, isUnbounded: Bool = false
    ) {
        rawValue = name
        self.isHigherBetter = isHigherBetter
        self.isExponential = isExponential
        self.isUnbounded = isUnbounded
    }

    /// The metric from the sum of its rows' parts over that of their wholes.
    package func value(ofRatio ratio: Double) -> Double { isExponential ? exp(ratio) : ratio }

    /// Every task has it.
    package static let loss = Metric("loss", isHigherBetter: false, isUnbounded: true)

    /// `first` against `second`, by this metric.
    package func isBetter(_ first: Double, than second: Double) -> Bool {
        isHigherBetter ? first > second : first < second
    }
}
