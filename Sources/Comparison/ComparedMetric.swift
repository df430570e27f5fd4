import Datasets

/// What arms are compared by; the names are those of `adalora train --best-metric`.
public enum ComparedMetric: String, CaseIterable, Sendable, Codable {
    case accuracy
    case macroF1 = "macro-f1"
    case matthews, pearson, spearman, loss

    public var isHigherBetter: Bool { self != .loss }

    /// `first` against `second`, by this metric.
    public func isBetter(_ first: Double, than second: Double) -> Bool {
        isHigherBetter ? first > second : first < second
    }

    /// The metric of predictions; nil where it is undefined or cannot be had from predictions of this kind
    /// (the loss needs logits).
    public func value(truth: Predictions, predicted: Predictions) -> Double? {
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
        default: nil
        }
    }
}

/// What a model said about the rows of a file, in their order.
public enum Predictions: Sendable, Equatable {
    /// Positions in the label set.
    case classes([Int32])
    case scores([Float])

    public var count: Int {
        switch self {
        case .classes(let classes): classes.count
        case .scores(let scores): scores.count
        }
    }
}
