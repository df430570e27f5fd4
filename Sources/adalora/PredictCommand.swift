import ArgumentParser
import Datasets
import Foundation
import ModelFiles
import Training

struct PredictCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "predict", abstract: "Label rows with a trained adapter; JSONL out.",
        discussion: """
            One line a row, in order: {"label": …, "probability": …, "probabilities": {…}}, or {"score": …} for \
            regression. Rows come from --data or, as JSONL, from standard input.
            """)

    @OptionGroup var adapter: AdapterChoice
    @Option(help: "Rows: JSONL, TSV or CSV (default: JSONL from standard input).") var data: String?
    @Option(name: .customLong("text-column"), help: "Text column, or two separated by a comma.")
    var textColumn: String?
    @Option(help: "List only the N most probable classes (default: all).") var top: Int?

    func validate() throws {
        if let top, top < 1 { throw ValidationError("--top must be at least 1, not \(top)") }
    }

    func run() throws {
        try Failure.run {
            let model = try adapter.load()
            let columns = Columns.parse(textColumn, nil)
            let dataset =
                try data.map {
                    try Dataset.read(URL(fileURLWithPath: $0), columns: columns, requireLabels: false)
                }
                ?? Dataset.parse(
                    Array(FileHandle.standardInput.readDataToEndOfFile()), name: "standard input",
                    format: .jsonl,
                    columns: columns, requireLabels: false)
            for warning in dataset.warnings { Terminal.error("warning: \(warning)") }
            let predictions = try model.predict(dataset)
            let cut = predictions.filter { $0.truncatedTokens > 0 }.count
            if cut > 0 {
                Terminal.error("warning: \(cut) rows are longer than \(model.maxLength) tokens and were cut")
            }
            var lines = ""
            for prediction in predictions {
                lines += JSONValue.object(line(prediction, labels: model.labels)).text() + "\n"
            }
            Terminal.write(lines, to: .standardOutput)
        }
    }

    private func line(_ prediction: TrainedModel.Prediction, labels: [String]) -> JSONObject {
        var line = JSONObject()
        if let score = prediction.score { line["score"] = .number(score) }
        if let label = prediction.label {
            line["label"] = .string(label)
            let ranked = prediction.probabilities.indices.sorted {
                (prediction.probabilities[$1], $0) < (prediction.probabilities[$0], $1)
            }
            line["probability"] = .number(ranked.first.map { prediction.probabilities[$0] } ?? 0)
            var probabilities = JSONObject()
            for index in ranked.prefix(top ?? ranked.count) {
                probabilities[labels[index]] = .number(prediction.probabilities[index])
            }
            line["probabilities"] = .object(probabilities)
        }
        if prediction.truncatedTokens > 0 { line["truncatedTokens"] = JSONValue(prediction.truncatedTokens) }
        return line
    }
}
