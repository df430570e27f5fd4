import Adapters
import Datasets
import Foundation
import Matrices
import ModelFiles
import Tasks
import Tokenizers
import Training
import Transformers

/// A finished adapter on its base model, for evaluation and prediction.
package struct TrainedModel: Sendable {
    package let maxLength: Int
    package let step: Int
    /// What a person should know of how the model's files were read.
    package let warnings: [String]
    private let model: SequenceModel
    private let task: any LearningTask
    private let limits: Tokenization

    /// Class names in logit order; empty for scores and spans.
    package var labels: [String] { task.record.labels }

    /// - Parameters:
    ///   - adapter: an adapter folder written by `adalora train`
    ///   - modelFolder: the base model; nil for the path the adapter was trained with
    package init(adapter: URL, modelFolder: URL?, threads: Int?) throws {
        let opened = try OpenedAdapter(adapter, modelFolder: modelFolder)
        task = opened.task
        maxLength = opened.description.maxLength
        step = opened.description.step
        warnings = opened.warnings
        limits = opened.limits
        model = SequenceModel(
            backbone: opened.loaded.backbone, head: opened.head,
            workers: Workers(count: threads ?? ProcessInfo.processInfo.activeProcessorCount))
    }

    /// What rows for this model hold.
    ///
    /// - Parameter labelSeparator: between the labels of a row in CSV and TSV; nil leaves it to the file.
    package func rowForm(labelSeparator: String?) -> RowForm {
        type(of: task).rowForm(labelSeparator: labelSeparator)
    }

    /// Loss and metrics on labelled data, and what a person should know about the rows.
    package func evaluate(_ dataset: Dataset, _ options: AnswerOptions = AnswerOptions()) throws -> (
        evaluation: Evaluation, examples: Int, warnings: [String]
    ) {
        let data = try task.tokenized(dataset, isLabelled: true, limits)
        let evaluation = model.evaluation(data, options)
        return (
            evaluation, dataset.examples.count - data.droppedRows,
            warnings + dataset.warnings + data.warnings(name: dataset.file, maxLength: maxLength)
                + evaluation.warnings(name: dataset.file)
        )
    }

    /// One prediction per example, in order.
    package func predict(_ dataset: Dataset, _ options: AnswerOptions = AnswerOptions()) throws
        -> [Prediction]
    {
        try task.predictions(dataset, limits, options, read: model.read)
    }
}
