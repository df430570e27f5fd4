import Datasets
import Matrices
import Tasks
import Training

extension OpenedAdapter {
    /// Metrics on images with labels, of a model of two towers that reads the labels' texts and was trained on none of these classes.
    ///
    /// - Parameter templates: texts with `ZeroShot.place` where a label stands.
    package func zeroShot(
        _ rows: Dataset, templates: [String], _ options: AnswerOptions, workers: Workers,
        exchange: any GradientExchange = SoleProcess()
    ) throws -> (evaluation: Evaluation, examples: Int, labels: [String], warnings: [String]) {
        let question = try ZeroShot(rows, templates: templates, limits)
        let model = model(workers, exchange)
        let texts = RowResults<[Float]>(count: question.texts.count)
        try model.read(question.texts, keeping: [texts]) { texts.put($0.valuesOfRows, at: $0.members) }
        let meter = question.meter(texts.all, options)
        try model.read(question.images, keeping: meter.kept) { meter.read($0) }
        try question.images.checkImages()
        let evaluation = meter.evaluation()
        return (
            evaluation, question.images.count, question.labels.names,
            warnings + rows.warnings + question.warnings(maxLength: description.maxLength)
                + evaluation.warnings(name: rows.file)
        )
    }
}
