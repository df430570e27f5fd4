import Foundation

/// What an evaluation can be judged by, under the name that settings, records and plans have for it. Each is declared in
/// the file of a task.
package struct Metric: RawRepresentable, CaseIterable, Sendable, Hashable {
    package let rawValue: String
    package let isHigherBetter: Bool
    /// It is the exponential of the ratio that rows have parts in.
    private let isExponential: Bool

    package init(_ name: String, isHigherBetter: Bool = true, isExponential: Bool = false) {
        rawValue = name
        self.isHigherBetter = isHigherBetter
        self.isExponential = isExponential
    }

    /// The metric from the sum of its rows' parts over that of their wholes.
    package func value(ofRatio ratio: Double) -> Double { isExponential ? exp(ratio) : ratio }

    /// Every task has it.
    package static let loss = Metric("loss", isHigherBetter: false)

    /// Those of all tasks in their order, and the loss.
    package static let allCases: [Metric] = {
        var found: [Metric] = []
        for metric in TaskKind.allCases.flatMap(\.metrics) + [loss] where !found.contains(metric) {
            found.append(metric)
        }
        return found
    }()

    package init?(rawValue: String) {
        guard let known = Self.allCases.first(where: { $0.rawValue == rawValue }) else { return nil }
        self = known
    }

    /// `first` against `second`, by this metric.
    package func isBetter(_ first: Double, than second: Double) -> Bool {
        isHigherBetter ? first > second : first < second
    }

    /// Whether this metric exists for `task`. Of token classification f1, precision and recall do only where tags make
    /// spans.
    package func suits(_ task: TaskKind) -> Bool { self == .loss || task.metrics.contains(self) }
}
