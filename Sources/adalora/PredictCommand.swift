import AdapterTools
import ArgumentParser
import Datasets
import Foundation
import Messages
import ModelFiles
import Runs
import Tasks
import Training

struct PredictCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "predict", abstract: "Answer rows with a trained adapter, as they come.",
        discussion: """
            One line a row, in order: {"label": …, "probability": …, "probabilities": {…}}, {"score": …} for \
            regression, {"labels": […], "probabilities": {…}} for multi-label, {"tokens": […], "labels": […], \
            "spans": […]} for token classification, {"answer": …, "start": …, "end": …, "score": …} for questions, with \
            places counted in characters, {"answer": …, "choice": …, "logLikelihoods": […], "normalized": […]} for multiple \
            choice, where the answer counts from 0, and {"tokens": …, "learnedTokens": …, "loss": …, "perplexity": …} for \
            language models, which adalora generate lets speak.

            Rows of a pipe are answered at once: tail -f log.jsonl | adalora predict RUN. Those that wait are answered \
            together; the last digits of a probability depend on which rows these are, and of a pipe so on time. \
            --batch-size 1 answers each row alone, always with the same digits. CoNLL files and SQuAD documents are read \
            whole, and what cannot be read there ends all.

            Columns are those that the adapter was trained on, unless others are named.
            """)

    @OptionGroup var adapter: AdapterChoice
    @OptionGroup var answers: AnswerFlags
    @OptionGroup var precision: PrecisionChoice
    @Option(help: "Rows, as for train; - or nothing for standard input.") var data: String?
    @Option(
        name: .customLong("data-format"),
        help: """
            How they are written: jsonl, csv, tsv, text (each line is a text), conll, squad or json (an array of rows) \
            (default: by the file's name, jsonl from standard input).
            """)
    var dataFormat: RowFormat?
    @Option(
        name: .customLong("text-column"),
        help: "Text column, or two separated by a comma (default: as in training).")
    var textColumn: String?
    @OptionGroup var delimiter: DelimiterOption
    @Option(
        help: ArgumentHelp(
            "Columns of the rows to write before each answer: names with commas between them, or all (of lines of text: text).",
            valueName: "columns"))
    var keep: String?
    @Option(help: "jsonl, or csv or tsv with a header and a column for each class.")
    var format = AnswerFormat.jsonl
    @Option(help: "List only the N most probable classes (default: all).") var top: Int?
    @Option(
        name: .customLong("on-error"),
        help: """
            A row that cannot be read: stop there, report it ({"error": …, "line": …} in place of an answer) or skip it.
            """)
    var onError = BadRows.stop
    @Option(
        name: .customLong("long-rows"),
        help: "Rows longer than the adapter's max-length: truncate, or error for --on-error.")
    var longRows = LongRows.truncate
    @Option(
        name: .customLong("batch-size"),
        help: "Rows answered together at most (default: 16384 of a file, 256 of those that wait in a pipe).")
    var batchSize: Int?

    @OptionGroup var together: TogetherOptions

    enum LongRows: String, CaseIterable, ExpressibleByArgument { case truncate, error }

    func validate() throws {
        if let top, top < 1 { throw ValidationError("--top must be at least 1, not \(top)") }
        if let batchSize, batchSize < 1 {
            throw ValidationError("--batch-size must be at least 1, not \(batchSize)")
        }
        if let keep, Self.columns(keep).isEmpty {
            throw ValidationError("--keep names no column")
        }
    }

    func run() throws {
        try Failure.run {
            let exchange = try Together.join(patience: together.patience) { false }
            if exchange.processes > 1 && data.map({ $0 == "-" }) ?? true {
                throw TrainingError(
                    .usage, "standard input reaches one process alone; give the rows as --data FILE")
            }
            let model = try adapter.open(precision)
            if let data {
                try ProcessAgreement.check(
                    adapter: adapter.url, rows: Fingerprint.of(file: URL(fileURLWithPath: data)),
                    exchange, allowingOtherKernels: together.allowDifferentKernels)
            }
            let form = model.rowForm(labelSeparator: nil)
            let file = data.flatMap { $0 == "-" ? nil : URL(fileURLWithPath: $0) }
            let input = try file.map(RowStream.open) ?? ByteStream()
            let usual = try file.map { try dataFormat ?? RowStream.format(of: $0, form: form) }
            let rows = try RowStream(
                input, format: dataFormat ?? usual ?? .jsonl, form: form,
                columns: named.or(model.description.columns), keep: kept)
            for warning in model.warnings { Terminal.error("warning: \(warning)") }
            var run = PredictionRun(
                model: model, rows: rows, answering: answering, workers: adapter.workers, exchange: exchange,
                writer: AnswerWriter(format, for: model.task, reportsProblems: onError == .report),
                progress: PredictionProgress(input))
            try run.answerAll(limit(input, outputs: model.task.outputs), named)
        }
    }

    private var named: ColumnNames { Columns.parse(textColumn, nil, delimiter.choice) }

    private var answering: OpenedAdapter.Answering {
        var answering = OpenedAdapter.Answering()
        answering.options = answers.options
        answering.options.top = top
        answering.badRows = onError
        answering.refusesLongRows = longRows == .error
        return answering
    }

    private static func columns(_ text: String) -> [String] {
        text.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
    }

    private var kept: KeptColumns {
        guard let keep else { return .none }
        let names = Self.columns(keep)
        return names == ["all"] ? .all : .named(names)
    }

    /// All rows of a file of usual size together, which fill shards best; of a pipe what takes about a second.
    private func limit(_ input: ByteStream, outputs: Int) -> RowStream.Limit {
        if let batchSize { return RowStream.Limit(rows: batchSize, bytes: .max) }
        if input.size == nil { return RowStream.Limit(rows: 256, bytes: 1 << 16) }
        // Answers are held until they can be written in order.
        return RowStream.Limit(rows: min(16_384, max(256, 4_000_000 / max(outputs, 1))), bytes: 32 << 20)
    }
}

extension RowFormat: ExpressibleByArgument {}
extension AnswerFormat: ExpressibleByArgument {}
extension BadRows: ExpressibleByArgument {}
