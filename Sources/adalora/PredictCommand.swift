import AdapterTools
import ArgumentParser
import Datasets
import Foundation
import ModelFiles
import RunConfiguration
import Tasks

struct PredictCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "predict", abstract: "Label rows with a trained adapter; JSONL out.",
        discussion: """
            One line a row, in order: {"label": …, "probability": …, "probabilities": {…}}, {"score": …} for \
            regression, {"labels": […], "probabilities": {…}} for multi-label, {"tokens": […], "labels": […], \
            "spans": […]} for token classification, {"answer": …, "start": …, "end": …, "score": …} for questions, with \
            places counted in characters. Rows come from --data or, as JSONL, from standard input.
            """)

    @OptionGroup var adapter: AdapterChoice
    @OptionGroup var answers: AnswerFlags
    @Option(help: "Rows, as for train (default: JSONL from standard input).") var data: String?
    @Option(name: .customLong("text-column"), help: "Text column, or two separated by a comma.")
    var textColumn: String?
    @OptionGroup var delimiter: DelimiterOption
    @Option(help: "List only the N most probable classes (default: all).") var top: Int?

    func validate() throws {
        if let top, top < 1 { throw ValidationError("--top must be at least 1, not \(top)") }
    }

    func run() throws {
        try Failure.run {
            let model = try adapter.open()
            let form = model.rowForm(labelSeparator: nil)
            let columns = Columns.parse(textColumn, nil, delimiter.choice)
            let dataset =
                try data.map {
                    try Dataset.read(
                        URL(fileURLWithPath: $0), form: form, columns: columns, requireLabels: false)
                }
                ?? Dataset.parse(
                    Array(FileHandle.standardInput.readDataToEndOfFile()), name: "standard input",
                    format: .jsonl, form: form,
                    columns: columns, requireLabels: false)
            for warning in model.warnings + dataset.warnings { Terminal.error("warning: \(warning)") }
            var options = answers.options
            options.top = top
            let predictions = try model.predict(dataset, options, workers: adapter.workers)
            let cut = predictions.count { $0.isCut }
            if cut > 0 {
                Terminal.error(
                    "warning: \(cut) rows are longer than \(model.description.maxLength) tokens and were cut")
            }
            var lines = ""
            for prediction in predictions {
                lines += JSONValue.object(prediction.line).text() + "\n"
            }
            Terminal.write(lines, to: .standardOutput)
        }
    }
}
