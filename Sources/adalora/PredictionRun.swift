import AdapterTools
import Datasets
import Matrices
import Messages
import Tasks
import Training

/// Rows answered and written until there are no more.
struct PredictionRun {
    let model: OpenedAdapter
    let rows: RowStream
    let answering: OpenedAdapter.Answering
    let workers: Workers
    let exchange: any GradientExchange
    var writer: AnswerWriter
    let progress: PredictionProgress
    private var answered = 0
    private var cut = 0
    private var bad: (count: Int, first: RowAnswer?) = (0, nil)
    /// So many lines are written at a time.
    private static let linesAtOnce = 256

    init(
        model: OpenedAdapter, rows: RowStream, answering: OpenedAdapter.Answering, workers: Workers,
        exchange: any GradientExchange, writer: AnswerWriter, progress: PredictionProgress
    ) {
        (self.model, self.rows, self.answering, self.workers) = (model, rows, answering, workers)
        self.exchange = exchange
        (self.writer, self.progress) = (writer, progress)
    }

    /// - Parameter named: the columns that were asked for.
    mutating func answerAll(_ limit: RowStream.Limit, _ named: ColumnNames) throws {
        let output = WholeLines(progress)
        var told = false
        while case let batch = try rows.next(limit), !batch.isEmpty {
            if !told, let columns = rows.columns {
                told = true
                let notes = model.description.columns?.notes(
                    read: columns, given: named, readsLabels: false, file: rows.file)
                for note in notes ?? [] { progress.error("note: \(note)") }
            }
            progress.begin(batch.count)
            let answers = try model.answers(
                batch, file: rows.file, answering, workers: workers, exchange: exchange
            ) { [progress] share in progress.share(share) }
            try write(answers, to: output)
        }
        progress.end()
        try tell()
    }

    private mutating func write(_ answers: [RowAnswer], to output: WholeLines) throws {
        var left = answers[...]
        while !left.isEmpty {
            output.write(writer.text(Array(left.prefix(Self.linesAtOnce)), kept: rows.keptNames))
            left = left.dropFirst(Self.linesAtOnce)
        }
        for answer in answers {
            switch answer.outcome {
            case .answer(let prediction):
                answered += 1
                cut += prediction.isCut ? 1 : 0
            case .problem(let problem):
                if answering.badRows == .stop {
                    progress.end()
                    throw problem.error
                }
                bad = (bad.count + 1, bad.first ?? answer)
            }
        }
    }

    /// What a person should know at the end.
    private func tell() throws {
        var warnings: [String]
        do {
            warnings = try rows.warnings()
        } catch let error as DataError where answering.badRows != .stop {
            warnings = ["\(error)"]
        }
        warnings += writer.notes
        if cut > 0 {
            warnings.append("\(cut) rows are longer than \(model.description.maxLength) tokens and were cut")
        }
        if let first = bad.first, case .problem(let problem) = first.outcome {
            let isSkipped = answering.badRows == .skip
            if isSkipped && answered == 0 { throw problem.error }
            warnings.append(
                "\(Figures.counted(bad.count, "row")) "
                    + (isSkipped ? "left out" : "with an error in place of an answer")
                    + ", first at line \(first.row.line): \(problem.text)")
        }
        for warning in warnings { Terminal.error("warning: \(warning)") }
    }
}
