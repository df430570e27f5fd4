import Matrices
import Tasks

/// Percentile bootstrap, deterministic for a seed.
///
/// With few seeds the interval is narrower than its name: resampled seeds vary by (n − 1)/n of the sample
/// variance and cannot leave its range. So a verdict asks Student's t too.
package struct Bootstrap: Sendable, Equatable {
    package let resamples: Int
    /// The share of resamples inside the interval.
    package let confidence: Double
    package let seed: UInt64

    package init(resamples: Int = 2_000, confidence: Double = 0.95, seed: UInt64 = 1) {
        precondition(resamples > 0, "\(resamples) resamples give no interval")
        precondition(confidence > 0 && confidence < 1, "the confidence \(confidence) is not between 0 and 1")
        self.resamples = resamples
        self.confidence = confidence
        self.seed = seed
    }

    /// Of the mean, resampling the numbers; nil for fewer than two.
    package func interval(differences: [Double]) -> ClosedRange<Double>? {
        guard differences.count > 1 else { return nil }
        var generator = ResampleGenerator(seed: seed)
        var means: [Double] = []
        means.reserveCapacity(resamples)
        for _ in 0..<resamples {
            var sum = 0.0
            for _ in differences.indices { sum += differences[generator.index(below: differences.count)] }
            means.append(sum / Double(differences.count))
        }
        return percentiles(&means)
    }

    /// Of the mean difference, resampling seeds and test rows, the same rows in both arms and all seeds; the metric is
    /// computed anew from the resampled rows. In folds the rows are drawn within each, and a seed comes with its runs of all
    /// folds.
    ///
    /// Resamples in which the metric is undefined are left out. nil when predictions are missing or do not
    /// match the truth, when the metric needs more than predictions, and when half the resamples are
    /// undefined.
    package func interval(pairs: [RunPair], truth: TestTruth, metric: Metric) -> ClosedRange<Double>? {
        var seeds: [UInt64] = []
        for pair in pairs where !seeds.contains(pair.seed) { seeds.append(pair.seed) }
        guard !pairs.isEmpty, var folds = FoldTables.all(pairs, seeds: seeds, truth: truth, metric: metric)
        else { return nil }
        var generator = ResampleGenerator(seed: seed)
        var means: [Double] = []
        means.reserveCapacity(resamples)
        var drawn = [Int](repeating: 0, count: seeds.count)
        for _ in 0..<resamples {
            for fold in folds.indices { folds[fold].draw(&generator) }
            for seed in drawn.indices { drawn[seed] = 0 }
            for _ in drawn.indices { drawn[generator.index(below: drawn.count)] += 1 }
            if let mean = mean(folds, drawn: drawn) { means.append(mean) }
        }
        return means.count * 2 > resamples ? percentiles(&means) : nil
    }

    private func mean(_ folds: [FoldTables], drawn: [Int]) -> Double? {
        var (sum, count) = (0.0, 0)
        for fold in folds {
            for table in fold.tables where drawn[table.seed] > 0 {
                guard let arm = table.arm.value(weights: fold.weights),
                    let baseline = table.baseline.value(weights: fold.weights)
                else { return nil }
                sum += Double(drawn[table.seed]) * (arm - baseline)
                count += drawn[table.seed]
            }
        }
        return sum / Double(count)
    }

    /// Linear between order statistics, as in NumPy.
    private func percentiles(_ values: inout [Double]) -> ClosedRange<Double> {
        values.sort()
        let tail = (1 - confidence) / 2
        let low = Self.quantile(tail, ofSorted: values)
        return low...max(low, Self.quantile(1 - tail, ofSorted: values))
    }

    package static func quantile(_ share: Double, ofSorted values: [Double]) -> Double {
        let position = share * Double(values.count - 1)
        let lower = Int(position.rounded(.down))
        let upper = min(lower + 1, values.count - 1)
        return values[lower] + (position - Double(lower)) * (values[upper] - values[lower])
    }
}

/// The runs that were tested on one fold, or on the one test without folds.
private struct FoldTables {
    /// - Parameter seed: its place among the seeds of all pairs.
    let tables: [(seed: Int, arm: any ResampledMetric, baseline: any ResampledMetric)]
    /// How often each test row is drawn.
    private(set) var weights: [Int32]

    /// By fold; nil where the metric of any pair cannot be resampled.
    static func all(
        _ pairs: [RunPair], seeds: [UInt64], truth: TestTruth, metric: Metric
    ) -> [FoldTables]? {
        var folds: [FoldTables] = []
        for fold in Set(pairs.map(\.fold)).sorted(by: { ($0 ?? 0) < ($1 ?? 0) }) {
            guard let truth = truth[fold], truth.count > 0 else { return nil }
            var tables: [(seed: Int, arm: any ResampledMetric, baseline: any ResampledMetric)] = []
            for pair in pairs where pair.fold == fold {
                guard let predictions = pair.predictions, let seed = seeds.firstIndex(of: pair.seed),
                    let arm = metric.resampled(truth: truth, predicted: predictions.arm),
                    let baseline = metric.resampled(truth: truth, predicted: predictions.baseline)
                else { return nil }
                tables.append((seed, arm, baseline))
            }
            folds.append(FoldTables(tables: tables, weights: [Int32](repeating: 0, count: truth.count)))
        }
        return folds
    }

    mutating func draw(_ generator: inout ResampleGenerator) {
        for row in weights.indices { weights[row] = 0 }
        for _ in weights.indices { weights[generator.index(below: weights.count)] += 1 }
    }
}

/// Positions drawn with replacement, the same everywhere.
struct ResampleGenerator {
    private var stream: RandomStream

    /// The stream without a purpose, of which committed results were drawn.
    init(seed: UInt64) { stream = RandomStream(seed: seed, purpose: "") }

    /// Uniform in 0..<count, by the high half of a product; the bias is below count / 2⁶⁴.
    mutating func index(below count: Int) -> Int {
        Int(truncatingIfNeeded: stream.next().multipliedFullWidth(by: UInt64(count)).high)
    }
}
