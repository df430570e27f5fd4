import Datasets
import Matrices

/// Loss and metrics of one data set. The loss is the task's alone, without the orthogonality term.
public struct Evaluation: Sendable {
    public let loss: Double
    /// In the order they are shown; nil where undefined (constant predictions).
    public let metrics: [(name: String, value: Double?)]
    public let perClass: [ClassScores]
    /// What was predicted for each row, and what was true: class indices, or scores for regression.
    public let predictedClasses: [Int32]
    public let trueClasses: [Int32]
    public let predictedScores: [Float]
    public let trueScores: [Float]

    public init(_ model: SequenceModel, _ data: TokenizedDataset) {
        let logits = model.logits(data)
        loss = model.meanLoss(logits, data)
        switch data.targets {
        case .classes(let truth):
            let predicted = Self.predictedClasses(logits)
            metrics = [
                ("accuracy", Metrics.accuracy(truth: truth, predicted: predicted)),
                ("macro-f1", Metrics.macroF1(truth: truth, predicted: predicted)),
                ("matthews", Metrics.matthewsCorrelation(truth: truth, predicted: predicted)),
            ]
            perClass = Metrics.perClass(truth: truth, predicted: predicted, classCount: logits.columns)
            (predictedClasses, trueClasses) = (predicted, truth)
            (predictedScores, trueScores) = ([], [])
        case .scores(let truth):
            let predicted = logits.values
            metrics = [
                ("pearson", Metrics.pearson(truth: truth, predicted: predicted)),
                ("spearman", Metrics.spearman(truth: truth, predicted: predicted)),
            ]
            perClass = []
            (predictedClasses, trueClasses) = ([], [])
            (predictedScores, trueScores) = (predicted, truth)
        case nil:
            metrics = []
            perClass = []
            (predictedClasses, trueClasses) = ([], [])
            (predictedScores, trueScores) = ([], [])
        }
    }

    public func value(of metric: String) -> Double? {
        metric == "loss" ? loss : metrics.first { $0.name == metric }?.value
    }

    /// The first largest logit of each row.
    package static func predictedClasses(_ logits: Matrix) -> [Int32] {
        (0..<logits.rows).map { row in
            var best = 0
            for column in 1..<max(logits.columns, 1) where logits.row(row)[column] > logits.row(row)[best] {
                best = column
            }
            return Int32(best)
        }
    }
}
