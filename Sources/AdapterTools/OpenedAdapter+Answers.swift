import Datasets
import Matrices
import Tasks
import Training

/// A finished adapter at work: evaluation.
extension OpenedAdapter {
    /// What rows for this model hold.
    ///
    /// - Parameter labelSeparator: between the labels of a row in CSV and TSV; nil leaves it to the file.
    package func rowForm(labelSeparator: String?) -> RowForm {
        type(of: task).rowForm(labelSeparator: labelSeparator)
    }

    /// As above, with what stood between the labels of the training rows where nothing is given.
    package func trainedRowForm(labelSeparator: String?) -> RowForm {
        rowForm(labelSeparator: labelSeparator ?? description.columns?.labelSeparator)
    }

    /// Loss and metrics on labelled data, and what a person should know about the rows.
    package func evaluate(
        _ dataset: Dataset, _ options: AnswerOptions = AnswerOptions(), workers: Workers,
        exchange: any GradientExchange = SoleProcess()
    ) throws -> (
        evaluation: Evaluation, examples: Int, warnings: [String]
    ) {
        let data = try task.tokenized(dataset, isLabelled: true, limits)
        let evaluation = try model(workers, exchange).evaluation(data, options)
        try data.checkImages()
        return (
            evaluation, dataset.examples.count - data.droppedRows,
            warnings + dataset.warnings + data.warnings(name: dataset.file, maxLength: description.maxLength)
                + evaluation.warnings(name: dataset.file)
        )
    }
}
