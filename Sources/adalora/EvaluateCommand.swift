import AdapterTools
import ArgumentParser
import Datasets
import Foundation
import Matrices
import Messages
import ModelFiles
import Reports
import RunConfiguration
import Runs
import Tasks
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

    func open(_ precision: PrecisionChoice) throws -> OpenedAdapter {
        let workers = workers
        let opened = try OpenedAdapter(
            url, modelFolder: model.map { URL(fileURLWithPath: $0) },
            layingOutFor: precision.precision == .float32 ? workers : nil)
        precision.apply(to: opened, workers)
        return opened
    }

    var workers: Workers { Workers(threads: threads ?? Together.threads) }
}

/// How products with the model's weights are computed.
struct PrecisionChoice: ParsableArguments {
    enum Precision: String, CaseIterable, ExpressibleByArgument { case float32, bf16 }

    @Option(
        help: """
            Products with the model's weights: float32, or bf16, which CPUs with AVX512-BF16 compute faster and which moves \
            probabilities in their third digit.
            """)
    var precision = Precision.float32

    /// Sets it up, with a warning where it gains nothing.
    fileprivate func apply(to model: OpenedAdapter, _ workers: Workers) {
        guard precision == .bf16 else { return }
        model.multiplyInBFloat16(workers)
        if !BFloat16Products.isFast {
            Terminal.error(
                "warning: this CPU has no products of bf16 (AVX512-BF16): plain loops give the same numbers, slower than "
                    + "\(SettingName.precision) float32")
        }
    }
}

/// How answers are chosen.
struct AnswerFlags: ParsableArguments {
    @Option(help: "Multi-label: probability from which a label is given.") var threshold = 0.5
    @Option(
        name: .customLong("no-answer-threshold"), parsing: .unconditional,
        help: "Questions: by how much the score of no answer must exceed the best answer's.")
    var noAnswerThreshold = 0.0

    func validate() throws {
        guard threshold >= 0, threshold <= 1 else {
            throw ValidationError("--threshold must be from 0 to 1, not \(threshold)")
        }
        guard noAnswerThreshold.isFinite else {
            throw ValidationError("--no-answer-threshold must be a number, not \(noAnswerThreshold)")
        }
    }

    var options: AnswerOptions {
        var options = AnswerOptions()
        options.threshold = threshold
        options.noAnswerThreshold = noAnswerThreshold
        return options
    }
}

struct EvaluateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate", abstract: "Measure a trained adapter on rows with their answers.",
        discussion: """
            The loss is the task's alone; of a language model it is the mean of the tokens that it learns to say, and perplexity \
            is e to its power. Labels the adapter does not know are an error. Columns are those that the adapter \
            was trained on, unless others are named. ece is the expected \
            calibration error over 15 bins of confidence: how far probabilities are from the share of right answers.
            """)

    @OptionGroup var adapter: AdapterChoice
    @OptionGroup var answers: AnswerFlags
    @OptionGroup var precision: PrecisionChoice
    @Option(help: "Labelled rows, as for train.") var data: String?
    @Flag(
        name: .customLong("validation-rows"),
        help: "Measure on the validation rows of the run itself: its file, or those that it held out.")
    var validationRows = false
    @Option(
        name: .customLong("text-column"),
        help: "Text column, or two separated by a comma (default: as in training).")
    var textColumn: String?
    @Option(
        name: .customLong("label-column"),
        help: """
            Label column, or of multi-label rows several columns of 0 and 1 with commas between them (default: as in \
            training).
            """)
    var labelColumn: String?
    @Option(
        name: .customLong("label-separator"),
        help:
            "Between the labels of a multi-label row in CSV and TSV (default: | or, where no row has it, ; or ,)."
    )
    var labelSeparator: String?
    @Option(
        name: .customLong("zero-shot"),
        help: ArgumentHelp(
            """
            Models of texts and images: tell the classes of --data (images with labels, or a folder of them) by what this text \
            says of each, with the label in place of {}; several are averaged.
            """, valueName: "text"))
    var zeroShot: [String] = []
    @OptionGroup var together: TogetherOptions
    @OptionGroup var delimiter: DelimiterOption
    @OptionGroup var labelOptions: LabelOptions
    @Flag(help: "List every class and every confusion, not only the weakest and the most frequent.")
    var allClasses = false
    @Option(
        name: .customLong("wrong-rows"),
        help: ArgumentHelp(
            """
            Write the rows answered wrongly to this file, as JSONL: line, text, truth, answer, and the most probable \
            classes with their probabilities (classification and multi-label).
            """, valueName: "file"))
    var wrongRows: String?
    @Flag(help: "Print JSON instead of tables.") var json = false

    func run() throws {
        try Failure.run {
            let exchange = try Together.join(patience: together.patience) { false }
            let model = try adapter.open(precision)
            try checkZeroShot(model.description.task.kind)
            let task = zeroShot.isEmpty ? model.description.task.kind : .imageClassification
            try checkWrongRows(task)
            let (rows, data) = try labelledRows(model)
            try ProcessAgreement.check(
                adapter: adapter.url, rows: fingerprint(rows), exchange,
                allowingOtherKernels: together.allowDifferentKernels)
            var options = answers.options
            options.keepsWrongRows = wrongRows != nil
            let result = try measured(model, rows, options, exchange)
            for warning in result.warnings { Terminal.error("warning: \(warning)") }
            let evaluation = result.evaluation
            let classNames = evaluation.classNames ?? result.labels
            if exchange.leads, let wrongRows, let wrong = evaluation.wrongRows {
                try WrongRowsFile.write(
                    wrong, of: rows, task, labels: classNames, to: URL(fileURLWithPath: wrongRows))
                Terminal.error(
                    "\(oneLine(wrongRows)): \(Figures.grouped(wrong.count)) wrong rows of "
                        + Figures.grouped(result.examples))
            }
            if json {
                Terminal.output(
                    Self.json(evaluation, classNames, data, result.examples, step: model.description.step))
                return
            }
            Terminal.output("\(data), adapter of step \(model.description.step)")
            Terminal.output(
                EvaluationReport.metrics(
                    evaluation.metrics, loss: evaluation.loss, examples: result.examples,
                    style: Terminal.style))
            if evaluation.perClass.isEmpty { return }
            let scores = evaluation.perClass.map { scores in
                (
                    name: classNames[scores.index], precision: scores.precision, recall: scores.recall,
                    f1: scores.f1,
                    support: scores.support
                )
            }
            Terminal.output(
                EvaluationReport.perClassTable(rows: scores, style: Terminal.style, all: allClasses))
            guard let confusion = evaluation.confusion else { return }
            Terminal.output(
                ConfusionReport(
                    names: classNames, cells: confusion.cells.map { ($0.truth, $0.answer, $0.count) },
                    style: Terminal.style
                ).text(all: allClasses))
        }
    }

    private func measured(
        _ model: OpenedAdapter, _ rows: Dataset, _ options: AnswerOptions, _ exchange: any GradientExchange
    ) throws -> (evaluation: Evaluation, examples: Int, labels: [String], warnings: [String]) {
        guard zeroShot.isEmpty else {
            return try model.zeroShot(
                rows, templates: zeroShot, options, workers: adapter.workers, exchange: exchange)
        }
        let result = try model.evaluate(rows, options, workers: adapter.workers, exchange: exchange)
        return (result.evaluation, result.examples, model.description.task.labels, result.warnings)
    }

    private func checkZeroShot(_ task: TaskKind) throws {
        if zeroShot.isEmpty || task.readsPairs { return }
        throw TrainingError(
            .usage,
            "--zero-shot: task \(task.rawValue) has classes of its own; leave it out, or take an adapter of task "
                + TaskKind.imageText.rawValue)
    }

    func validate() throws {
        guard zeroShot.isEmpty || data != nil else {
            throw ValidationError("--zero-shot goes with --data, images with labels or a folder of them")
        }
        guard (data != nil) != validationRows else {
            throw ValidationError(
                data == nil
                    ? "give labelled rows with --data FILE, or measure on the run's own with --validation-rows"
                    : "give --data or --validation-rows, not both")
        }
        let reading = [
            ("text-column", textColumn), ("label-column", labelColumn), ("label-separator", labelSeparator),
            ("delimiter", delimiter.delimiter), ("label-names", labelOptions.labelNames),
        ]
        if validationRows, let flag = reading.first(where: { $0.1 != nil }) {
            throw ValidationError(
                "--\(flag.0) goes with --data; --validation-rows are read as the run read them")
        }
    }

    private func fingerprint(_ rows: Dataset) throws -> String {
        guard let file = data.map({ URL(fileURLWithPath: $0) }), !Dataset.isImageFolder(file, .images) else {
            return rows.pathFingerprint()
        }
        return try Fingerprint.of(file: file)
    }

    private func labelledRows(_ model: OpenedAdapter) throws -> (rows: Dataset, name: String) {
        guard let data else { return try ValidationRows.read(URL(fileURLWithPath: adapter.folder)) }
        let trained = model.description.columns
        let columns = Columns.parse(textColumn, labelColumn, delimiter.choice)
        let dataset =
            zeroShot.isEmpty
            ? try Dataset.read(
                URL(fileURLWithPath: data), form: model.trainedRowForm(labelSeparator: labelSeparator),
                columns: columns.or(trained), requireLabels: true)
            : try Dataset.read(
                URL(fileURLWithPath: data), form: .images, columns: columns, requireLabels: true)
        guard zeroShot.isEmpty else { return (dataset, data) }
        let notes = trained?.notes(
            read: dataset.columns, given: columns, readsLabels: true, file: dataset.file)
        for note in notes ?? [] { Terminal.error("note: \(note)") }
        let names = try labelOptions.labelNames.map { try LabelNames(URL(fileURLWithPath: $0)) }
        return (try names?.named(dataset) ?? dataset, data)
    }

    private func checkWrongRows(_ task: TaskKind) throws {
        guard let wrongRows else { return }
        guard task.tellsWrongRows else {
            throw TrainingError(
                .usage,
                "--wrong-rows: task \(task.rawValue) tells no wrong rows; leave it out, and see each row's answer with "
                    + "adalora predict")
        }
        guard let data else { return }
        let (file, rows) = (URL(fileURLWithPath: wrongRows), URL(fileURLWithPath: data))
        guard
            file.standardizedFileURL.resolvingSymlinksInPath()
                != rows.standardizedFileURL.resolvingSymlinksInPath()
        else {
            throw TrainingError(
                .usage, "--wrong-rows: \(oneLine(wrongRows)) is the file of --data; give another name")
        }
    }

    private static func json(
        _ evaluation: Evaluation, _ names: [String], _ data: String, _ examples: Int, step: Int
    ) -> String {
        func number(_ value: Double?) -> JSONValue { value.map { .number($0) } ?? .null }
        var (metrics, classes) = (JSONObject(), JSONObject())
        for metric in evaluation.metrics { metrics[metric.name] = number(metric.value) }
        for scores in evaluation.perClass {
            classes[names[scores.index]] = .object([
                "precision": number(scores.precision), "recall": number(scores.recall),
                "f1": number(scores.f1), "support": JSONValue(scores.support),
            ])
        }
        var json: JSONObject = [
            "data": .string(data), "examples": JSONValue(examples), "step": JSONValue(step),
            "loss": .number(evaluation.loss), "metrics": .object(metrics), "classes": .object(classes),
        ]
        if let confusion = evaluation.confusion {
            json["confusion"] = .array(
                confusion.cells.map {
                    .object([
                        "truth": .string(names[$0.truth]), "answer": .string(names[$0.answer]),
                        "count": JSONValue($0.count),
                    ])
                })
        }
        return JSONValue.object(json).text()
    }
}

/// What stands between the columns of a file of rows.
struct DelimiterOption: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "What stands between columns in CSV and TSV: comma, semicolon, tab or pipe (default: by the file).",
            valueName: "name"))
    var delimiter: String?

    func validate() throws {
        if let delimiter, Delimiter(delimiter) == nil {
            throw ValidationError(
                "--delimiter must be comma, semicolon, tab or pipe, not '\(oneLine(delimiter))'")
        }
    }

    var choice: Delimiter? { delimiter.flatMap { Delimiter($0) } }
}

enum Columns {
    static func parse(_ text: String?, _ label: String?, _ delimiter: Delimiter? = nil) -> ColumnNames {
        ColumnNames(
            text: text.map { $0.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) } },
            label: label, delimiter: delimiter)
    }
}
