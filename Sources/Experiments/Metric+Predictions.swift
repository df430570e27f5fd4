import Datasets
import Tasks

extension Metric {
    /// The metric of predictions; nil where it is undefined or cannot be had from predictions of this kind
    /// (the loss and the calibration error need logits).
    package func value(truth: Predictions, predicted: Predictions) -> Double? {
        switch (self, truth, predicted) {
        case (.accuracy, .classes(let truth), .classes(let predicted)):
            Metrics.accuracy(truth: truth, predicted: predicted)
        case (.macroF1, .classes(let truth), .classes(let predicted)):
            Metrics.macroF1(truth: truth, predicted: predicted)
        case (.matthews, .classes(let truth), .classes(let predicted)):
            Metrics.matthewsCorrelation(truth: truth, predicted: predicted)
        case (.pearson, .scores(let truth), .scores(let predicted)):
            Metrics.pearson(truth: truth, predicted: predicted)
        case (.spearman, .scores(let truth), .scores(let predicted)):
            Metrics.spearman(truth: truth, predicted: predicted)
        case (.meanAbsoluteError, .scores(let truth), .scores(let predicted)):
            Metrics.meanAbsoluteError(truth: truth, predicted: predicted)
        case (.rootMeanSquaredError, .scores(let truth), .scores(let predicted)):
            Metrics.rootMeanSquaredError(truth: truth, predicted: predicted)
        case (_, _, .shares(let shares)): shares[rawValue].flatMap { Shares($0, of: self).ratio }
        default: nil
        }
    }
}

/// What a model said about the rows of a file, in their order.
package enum Predictions: Sendable, Equatable {
    /// Positions in the label set.
    case classes([Int32])
    case scores([Float])
    /// By metric, what each row adds to the part and to the whole that the metric is a ratio of; the truth is in there.
    case shares([String: [Share]])

    package var count: Int {
        switch self {
        case .classes(let classes): classes.count
        case .scores(let scores): scores.count
        case .shares(let shares): shares.values.first?.count ?? 0
        }
    }
}

/// What a row adds to the part and to the whole of a ratio.
package struct Share: Sendable, Equatable {
    package let part: Double
    package let whole: Double

    package init(part: Double, whole: Double) {
        self.part = part
        self.whole = whole
    }
}

/// A metric that is the sum of its rows' parts over the sum of their wholes: a mean, or an F1 over all rows.
struct Shares: ResampledMetric {
    let rows: [Share]
    let metric: Metric

    init(_ rows: [Share], of metric: Metric) {
        self.rows = rows
        self.metric = metric
    }

    var ratio: Double? { value(weights: [Int32](repeating: 1, count: rows.count)) }

    func value(weights: [Int32]) -> Double? {
        precondition(rows.count == weights.count, "\(rows.count) rows but \(weights.count) weights")
        var (part, whole) = (0.0, 0.0)
        for (row, weight) in zip(rows, weights) {
            part += row.part * Double(weight)
            whole += row.whole * Double(weight)
        }
        if whole > 0 { return metric.value(ofRatio: part / whole) }
        // Without spans or labels 0, as in seqeval and scikit-learn; a mean of nothing is nothing.
        return metric.isHigherBetter && weights.contains { $0 > 0 } ? 0 : nil
    }
}
