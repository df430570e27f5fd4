import Foundation

/// What an evaluation can be judged by, under the name that settings, records and plans have for it. Each is declared in
/// the file of a task.
package struct Metric: Sendable, Hashable {
    package let rawValue: String
    package let isHigherBetter: Bool
    /// It is the exponential of the ratio that rows have parts in.
    package let isExponential: Bool

    package init(_ name: String, isHigherBetter: Bool = true, isExponential: Bool = false) {
        rawValue = name
        self.isHigherBetter = isHigherBetter
        self.isExponential = isExponential
    }

    /// The metric from the sum of its rows' parts over that of their wholes.
    package func value(ofRatio ratio: Double) -> Double { isExponential ? exp(ratio) : ratio }

    /// Every task has it.
    package static let loss = Metric("loss", isHigherBetter: false)

    /// `first` against `second`, by this metric.
    package func isBetter(_ first: Double, than second: Double) -> Bool {
        isHigherBetter ? first > second : first < second
    }
}
