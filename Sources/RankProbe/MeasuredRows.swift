import Advice
import Datasets
import Matrices
import Runs
import Tasks
import Training

/// Rows on which every model of a probe is measured: some of the validation rows, the same ones for the same seed, in folds.
struct MeasuredRows {
    private let folds: [TokenizedDataset]
    private let weights: [Double]
    let rows: Int
    /// The run's metric, where it is a share or a correlation
    let metric: Metric?

    /// - Parameter most: rows, of which fewer are taken where there are no more.
    init(_ inputs: RunInputs, most: Int, seed: UInt64) throws {
        guard let validation = inputs.rows.validation else {
            preconditionFailure("a probe without rows to measure on")
        }
        var stream = RandomStream(seed: seed, purpose: "rows to measure on")
        let chosen = validation.examples.indices.shuffled(using: &stream).prefix(most)
        let count = min(Self.mostFolds, max(1, chosen.count / Self.leastRows))
        folds = try (0..<count).map { fold in
            let places = chosen.enumerated().filter { $0.offset % count == fold }.map(\.element).sorted()
            return try inputs.task.tokenized(
                validation.rows(places), isLabelled: true, inputs.limits)
        }
        weights = folds.map { data in
            data.objective?.weight(of: Array(0..<data.count)) ?? Double(data.count)
        }
        rows = chosen.count
        let metric = inputs.config.bestMetric ?? inputs.task.metrics.first
        self.metric = metric.flatMap { $0.isHigherBetter && !$0.isUnbounded ? $0 : nil }
    }

    private static let mostFolds = 8
    private static let leastRows = 4

    func loss(_ model: SequenceModel) throws -> HeldOutLoss {
        let evaluations = try folds.map { fold in
            let evaluation = try model.evaluation(fold)
            try fold.checkImages()
            return evaluation
        }
        return HeldOutLoss(
            folds: evaluations.map(\.loss), weights: weights,
            // Where a metric is not defined, as answers are all alike, there is nothing of it.
            lacks: metric.map { metric in evaluations.map { 1 - ($0.value(of: metric) ?? 0) } })
    }
}
