import Adapters
import Datasets
import Foundation
import Matrices
import ModelFiles
import Tokenizers
import Transformers

/// A finished adapter on its base model, for evaluation and prediction.
public struct TrainedModel: Sendable {
    public let isRegression: Bool
    /// Class names in logit order; empty for regression.
    public let labels: [String]
    public let maxLength: Int
    public let step: Int
    private let model: SequenceModel
    private let tokenizer: Tokenizer

    /// One answer. `probabilities` are in the order of `labels`.
    public struct Prediction: Sendable {
        public let label: String?
        public let probabilities: [Double]
        public let score: Double?
        public let truncatedTokens: Int
    }

    /// - Parameters:
    ///   - adapter: an adapter folder written by `adalora train`
    ///   - modelFolder: the base model; nil for the path the adapter was trained with
    public init(adapter: URL, modelFolder: URL?, threads: Int?) throws {
        let opened = try OpenedAdapter(adapter, modelFolder: modelFolder)
        isRegression = opened.description.task == "regression"
        labels = opened.description.labels
        maxLength = opened.description.maxLength
        step = opened.description.step
        tokenizer = opened.loaded.tokenizer
        model = SequenceModel(
            encoder: opened.loaded.encoder, head: opened.head,
            workers: Workers(count: threads ?? ProcessInfo.processInfo.activeProcessorCount))
    }

    /// Loss and metrics on labelled data, and what a person should know about the rows.
    public func evaluate(_ dataset: Dataset) throws -> (
        evaluation: Evaluation, examples: Int, warnings: [String]
    ) {
        let targets =
            isRegression
            ? try Targets.scores(of: dataset)
            : try Targets.classes(of: dataset, labels: LabelSet(names: labels, source: "the adapter"))
        let data = try TokenizedDataset(
            dataset, targets: targets, tokenizer: tokenizer, maxLength: maxLength, longRows: .truncate)
        return (
            Evaluation(model, data), data.count,
            dataset.warnings + data.warnings(name: dataset.file, maxLength: maxLength)
        )
    }

    /// One prediction per example, in order.
    public func predict(_ dataset: Dataset) throws -> [Prediction] {
        let data = try TokenizedDataset(
            dataset, targets: nil, tokenizer: tokenizer, maxLength: maxLength, longRows: .truncate)
        let logits = model.logits(data)
        let classes = Evaluation.predictedClasses(logits)
        return (0..<data.count).map { row in
            let values = (0..<logits.columns).map { Double(logits.row(row)[$0]) }
            let lost = data.truncated[row]
            if isRegression {
                return Prediction(label: nil, probabilities: [], score: values[0], truncatedTokens: lost)
            }
            let top = values.max() ?? 0
            let exponentials = values.map { exp($0 - top) }
            let sum = exponentials.reduce(0, +)
            return Prediction(
                label: labels[Int(classes[row])], probabilities: exponentials.map { $0 / sum }, score: nil,
                truncatedTokens: lost)
        }
    }
}
