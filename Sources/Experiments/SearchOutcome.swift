import Foundation
import Tasks

/// What the learning-rate search of an arm at a budget found, so far; in a plan of folds without the rows of one.
package struct SearchOutcome: Sendable, Equatable {
    package struct Row: Sendable, Equatable {
        package let learningRate: Double
        /// Mean validation metric over the search seeds; nil until all are there, and when one failed.
        package let mean: Double?
        package let finished: Int
        /// Failed or diverged: without a value. One makes its rate lose.
        package let failed: Int
    }

    package enum Edge: String, Sendable { case lowest, highest }

    package let arm: String
    package let budget: Budget?
    package let fold: Int?
    /// Ascending by rate.
    package let rows: [Row]
    package let seedCount: Int
    /// Of each run of which something tells: cores that other work kept busy beside it
    let otherCores: [Double]
    /// The best rate, the smaller one of equals; nil until every trial is there, and when each rate failed.
    package let winner: Double?

    package var isComplete: Bool { rows.allSatisfy { $0.finished == seedCount } }

    /// Set when the winner is at an end of the grid, so that a better rate may lie beyond it.
    package var edge: Edge? {
        guard let winner, rows.count > 1 else { return nil }
        return winner == rows.first?.learningRate
            ? .lowest : winner == rows.last?.learningRate ? .highest : nil
    }

    /// One step of the grid beyond the end that the best rate is at; nil where it is inside, or that would be no rate.
    var rateBeyond: Double? {
        guard let edge else { return nil }
        let inward = edge == .lowest ? rows.map(\.learningRate) : rows.reversed().map(\.learningRate)
        // As a person would write it: ids and reports have it.
        let text = String(format: "%.4g", locale: nil, inward[0] * inward[0] / inward[1])
        return Double(text).flatMap { 0 < $0 && $0 <= 1000 ? $0 : nil }
    }

    /// - Parameter results: of each rate, ascending, the results that are there.
    init(
        arm: String, budget: Budget?, fold: Int? = nil, results: [(rate: Double, results: [TrialResult])],
        seedCount: Int,
        metric: Metric
    ) {
        self.arm = arm
        self.budget = budget
        self.fold = fold
        self.seedCount = seedCount
        var rows: [Row] = []
        var best: Row?
        for (rate, results) in results {
            let values = results.compactMap { $0.validation(metric) }.filter(\.isFinite)
            let isWhole = results.count == seedCount && values.count == seedCount
            let mean = isWhole ? values.reduce(0, +) / Double(seedCount) : nil
            let row = Row(
                learningRate: rate, mean: mean, finished: results.count, failed: results.count - values.count)
            rows.append(row)
            if let mean, best?.mean.map({ metric.isBetter(mean, than: $0) }) ?? true { best = row }
        }
        self.rows = rows
        otherCores = results.flatMap(\.results).compactMap(\.otherCores)
        let isComplete = rows.allSatisfy { $0.finished == seedCount }
        winner = isComplete ? best?.learningRate : nil
    }
}
