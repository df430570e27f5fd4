import Datasets
import Foundation
import Tasks

/// A run that fell far below the others of its method and budget.
///
/// What counts is how much of what the others gained a run lost. The gain of a figure is its distance from that of a model
/// that knows nothing (`Metric.uninformed`). With m the median of the other runs, a run collapsed where its distance below
/// m is
///
/// - more than a quarter of the gain of m,
/// - more than three standard deviations of the others, robustly as 1.4826 times the median of their distances from m
///   (Rousseeuw and Croux 1993), which a single other run leaves at 0,
/// - and more than the draw of the rows explains: of n rows three standard errors of a difference of two shares; where n is
///   not known, or the metric is no share of rows, a twentieth of m.
///
/// Where several runs collapsed, the median is among them. So a run collapsed, too, where it kept less than a tenth of what
/// the best one gained, and the test rows do not explain the distance. A metric of which lower is better and nothing tells
/// an uninformed value counts what is more than half as much again as m.
package struct Collapse: Sendable, Equatable {
    /// Its place among the values.
    package let index: Int
    package let value: Double
    /// Median of the other runs.
    package let others: Double

    static let lostShare = 0.25
    static let keptShare = 0.1
    static let deviations = 3.0

    /// - Parameters:
    ///   - values: of all runs of a method at a budget; those that are not finite are left out.
    ///   - uninformed: what a model that knows nothing has; nil where nothing tells.
    ///   - rows: that the values are of; nil where that is not known.
    package static func find(
        _ values: [Double], metric: Metric, uninformed: Double?, rows: Int?
    ) -> [Collapse] {
        let known = values.indices.filter { values[$0].isFinite }
        // A calibration error near 0 is a matter of digits.
        guard known.count > 1, metric != .calibrationError else { return [] }
        let sign = metric.isHigherBetter ? 1.0 : -1.0
        return known.compactMap { index in
            let others = known.filter { $0 != index }.map { sign * values[$0] }.sorted()
            let median = Bootstrap.quantile(0.5, ofSorted: others)
            let cell = Cell(
                own: sign * values[index], others: others, median: median,
                uninformed: uninformed.map { sign * $0 }, rows: metric.isHigherBetter ? rows : nil)
            guard cell.isFarBelowMedian || cell.learnedNothing else { return nil }
            return Collapse(index: index, value: values[index], others: sign * median)
        }
    }

    /// Whether a run kept less than a tenth of what another one gained, beyond what the draw of the rows explains; false of
    /// metrics of which nothing tells an uninformed value.
    ///
    /// - Parameters:
    ///   - other: the best run of all.
    ///   - rows: as above.
    static func learnedNothing(
        _ value: Double, beside other: Double, metric: Metric, uninformed: Double?, rows: Int?
    ) -> Bool {
        guard metric != .calibrationError else { return false }
        let sign = metric.isHigherBetter ? 1.0 : -1.0
        return Cell(
            own: sign * value, others: [sign * other], median: sign * other,
            uninformed: uninformed.map { sign * $0 }, rows: metric.isHigherBetter ? rows : nil
        ).learnedNothing
    }

    /// All values so that higher is better.
    private struct Cell {
        let own: Double
        /// Rising
        let others: [Double]
        let median: Double
        let uninformed: Double?
        let rows: Int?

        var isFarBelowMedian: Bool {
            let gap = median - own
            let distances = others.map { abs($0 - median) }.sorted()
            let deviation = 1.4826 * Bootstrap.quantile(0.5, ofSorted: distances)
            guard gap > Collapse.deviations * deviation, gap > chance(median) else { return false }
            guard let uninformed else { return gap > 0.5 * abs(median) }
            return median > uninformed && gap > Collapse.lostShare * (median - uninformed)
        }

        var learnedNothing: Bool {
            guard let uninformed, let best = others.last, best > uninformed else { return false }
            return best - own > chance(best) && own - uninformed < Collapse.keptShare * (best - uninformed)
        }

        /// What the draw of the rows explains of a distance to `other`.
        private func chance(_ other: Double) -> Double {
            guard let rows, rows > 0 else { return 0.05 * abs(other) }
            let share = min(max((own + other) / 2, 0), 1)
            return Collapse.deviations * (2 * share * (1 - share) / Double(rows)).squareRoot()
        }
    }
}

extension Metric {
    /// What a model has that knows nothing of the texts: one answer for all rows, the most frequent class or the best single
    /// score. Of metrics between 0 and 1 without predictions to tell it is 0.
    ///
    /// - Parameter truth: of the test rows; nil where it is not known.
    package func uninformed(_ truth: Predictions?) -> Double? {
        switch truth {
        case .classes(let classes) where !classes.isEmpty:
            let counts = Dictionary(grouping: classes) { $0 }.mapValues(\.count)
            let shares = counts.values.map { Double($0) / Double(classes.count) }
            if self == .loss { return -shares.sorted().reduce(0) { $0 + $1 * log($1) } }
            // The least class of equal ones, as every time.
            let most = counts.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key ?? 0
            let constant = Predictions.classes([Int32](repeating: most, count: classes.count))
            return value(truth: .classes(classes), predicted: constant) ?? (isHigherBetter ? 0 : nil)
        case .scores(let scores) where !scores.isEmpty && !isHigherBetter && self != .loss:
            // The median is the best single score by absolute errors, the mean by squared ones.
            let sorted = scores.map(Double.init).sorted()
            let best =
                self == .meanAbsoluteError
                ? Bootstrap.quantile(0.5, ofSorted: sorted)
                : sorted.reduce(0, +) / Double(sorted.count)
            let constant = Predictions.scores([Float](repeating: Float(best), count: scores.count))
            return value(truth: .scores(scores), predicted: constant)
        default: return isHigherBetter ? 0 : nil
        }
    }
}
