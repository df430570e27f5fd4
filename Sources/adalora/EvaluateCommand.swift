import ArgumentParser
import Datasets
import Foundation
import ModelFiles
import Reports
import Training

/// Which adapter of a run, and on which base model.
struct AdapterChoice: ParsableArguments {
    @Argument(help: ArgumentHelp("Run folder, or an adapter folder inside it.", valueName: "run"))
    var folder: String
    @Option(help: "Base model folder (default: the one of the training run).") var model: String?
    @Flag(help: "Use the adapter of the last step instead of the best one.") var last = false
    @Option(help: "Threads (default: all cores).") var threads: Int?

    func validate() throws {
        if let threads, threads < 1 { throw ValidationError("--threads must be at least 1, not \(threads)") }
    }

    /// The adapter folder: the one given, or the best or last of the run.
    var url: URL { AdapterFolder(URL(fileURLWithPath: folder), last: last).url }

    func load() throws -> TrainedModel {
        try TrainedModel(
            adapter: url, modelFolder: model.map { URL(fileURLWithPath: $0) }, threads: threads)
    }
}

struct EvaluateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate", abstract: "Measure a trained adapter on labelled rows.",
        discussion: "The loss is the task's alone. Labels the adapter does not know are an error.")

    @OptionGroup var adapter: AdapterChoice
    @Option(help: "Labelled rows: JSONL, TSV or CSV.") var data: String
    @Option(name: .customLong("text-column"), help: "Text column, or two separated by a comma.")
    var textColumn: String?
    @Option(name: .customLong("label-column"), help: "Label column.") var labelColumn: String?
    @Flag(help: "List every class, not only the weakest.") var allClasses = false
    @Flag(help: "Print JSON instead of tables.") var json = false

    func run() throws {
        try Failure.run {
            let model = try adapter.load()
            let dataset = try Dataset.read(
                URL(fileURLWithPath: data), columns: Columns.parse(textColumn, labelColumn),
                requireLabels: true)
            let result = try model.evaluate(dataset)
            for warning in result.warnings { Terminal.error("warning: \(warning)") }
            let evaluation = result.evaluation
            if json {
                var metrics = JSONObject()
                for metric in evaluation.metrics {
                    metrics[metric.name] = metric.value.map { .number($0) } ?? .null
                }
                Terminal.output(
                    JSONValue.object([
                        "data": .string(data), "examples": JSONValue(result.examples),
                        "step": JSONValue(model.step),
                        "loss": .number(evaluation.loss), "metrics": .object(metrics),
                    ]).text())
                return
            }
            Terminal.output("\(data), adapter of step \(model.step)")
            Terminal.output(
                EvaluationReport.metrics(
                    evaluation.metrics, loss: evaluation.loss, examples: result.examples,
                    style: Terminal.style))
            if evaluation.perClass.isEmpty { return }
            let rows = evaluation.perClass.map { scores in
                (
                    name: model.labels[scores.index], precision: scores.precision, recall: scores.recall,
                    f1: scores.f1,
                    support: scores.support
                )
            }
            Terminal.output(
                EvaluationReport.perClassTable(rows: rows, style: Terminal.style, all: allClasses))
        }
    }
}

enum Columns {
    static func parse(_ text: String?, _ label: String?) -> ColumnNames {
        ColumnNames(
            text: text.map { $0.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) } },
            label: label)
    }
}
