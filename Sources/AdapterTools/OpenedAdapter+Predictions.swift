import Datasets
import Matrices
import Messages
import Synchronization
import Tasks
import Training

/// What stands where a row cannot be answered.
package enum BadRows: String, CaseIterable, Sendable {
    /// Nothing: the rows before it are answered, then the error ends all.
    case stop
    /// The error, in the answer's place.
    case report
    /// Nothing; they are counted.
    case skip
}

/// A row with its answer, or with what is wrong with it.
package struct RowAnswer: Sendable {
    package enum Outcome: Sendable {
        case answer(Prediction)
        case problem(RowProblem)
    }

    package let row: RowStream.Row
    package let outcome: Outcome
}

/// What is wrong with a row.
package struct RowProblem: Sendable {
    /// In one line, without the row's place
    package let text: String
    /// With its place, as a command ends with it
    package let error: any Error

    init(_ error: DataError) {
        text = oneLine("\(error.problem); \(error.advice)", limit: 4_000)
        self.error = error
    }

    init(_ error: TaskError, _ row: RowStream.Row, file: String) {
        let place = oneLine("\(file):\(row.line): ", limit: 4_000)
        let all = error.description
        text = all.hasPrefix(place) ? String(all.dropFirst(place.count)) : all
        self.error = error
    }
}

/// How much of a set of sequences was sent through a model, told as it grows.
private final class Share: Sendable {
    private let done = Mutex(0)
    private let told: @Sendable (Double) -> Void

    init(_ told: @escaping @Sendable (Double) -> Void) { self.told = told }

    func add(_ count: Int, of all: Int) {
        let sum = done.withLock { done in
            done += count
            return done
        }
        told(Double(sum) / Double(max(all, 1)))
    }
}

/// A finished adapter at work: prediction.
extension OpenedAdapter {
    /// How rows are answered.
    package struct Answering: Sendable {
        package var options = AnswerOptions()
        package var badRows = BadRows.stop
        /// Whether a row longer than the model's limit is a bad one; it is cut otherwise.
        package var refusesLongRows = false

        package init() {}
    }

    /// Answers in the order of the rows; longer ones than the model's limit are cut.
    ///
    /// - Throws: for a row that cannot be answered.
    package func predictions(_ rows: Dataset, workers: Workers) throws -> [Prediction] {
        let model = model(workers)
        return try task.predictions(rows, limits, AnswerOptions()) { try model.read($0, keeping: $1, $2) }
    }

    /// Answers in the order of the rows, up to the first bad row where such an end is wanted, which then is the last answer.
    ///
    /// - Parameters:
    ///   - file: where the rows come from, for messages.
    ///   - progress: told from any thread which share of the rows was sent through the model.
    package func answers(
        _ rows: [RowStream.Row], file: String, _ answering: Answering, workers: Workers,
        exchange: any GradientExchange = SoleProcess(),
        progress: @escaping @Sendable (Double) -> Void = { _ in }
    ) throws -> [RowAnswer] {
        var batch = RowBatch(rows, file: file, ending: answering.badRows == .stop)
        let limits = Tokenization(
            tokenizer: loaded.tokenizer, maxLength: description.maxLength,
            longRows: answering.refusesLongRows ? .error : .truncate,
            longRowAdvice: "shorten the text, or use \(SettingName.longRows) truncate", chat: loaded.chat,
            images: loaded.images, pair: loaded.pair)
        let model = model(workers, exchange)
        func predictions(_ batch: RowBatch) throws -> [Prediction] {
            if batch.usable.isEmpty { return [] }
            let share = Share(progress)
            return try task.predictions(batch.dataset(batch.usable), limits, answering.options) {
                data, results, body in
                try model.read(data, keeping: results) { shard in
                    body(shard)
                    share.add(shard.members.count, of: data.count)
                }
            }
        }
        do {
            return batch.answers(try predictions(batch))
        } catch let error as TaskError where error.kind == .data {
            // Which rows are at fault is asked only where some are.
            let found = try batch.reject { rows in
                try task.tokenized(rows, isLabelled: false, limits).readImages()
            }
            if !found { throw error }
            return batch.answers(try predictions(batch))
        }
    }
}

/// Rows that are answered together, and what is wrong with some of them.
private struct RowBatch {
    let rows: [RowStream.Row]
    let file: String
    /// Whether the first bad row is the last one.
    let ending: Bool
    private var problems: [Int: RowProblem] = [:]

    init(_ rows: [RowStream.Row], file: String, ending: Bool) {
        (self.rows, self.file, self.ending) = (rows, file, ending)
        for (index, row) in rows.enumerated() {
            if case .failure(let error) = row.example { problems[index] = RowProblem(error) }
        }
    }

    private var first: Int? { ending ? problems.keys.min() : nil }

    /// Positions of the rows to answer.
    var usable: [Int] { rows.indices.prefix(first ?? rows.count).filter { problems[$0] == nil } }

    func dataset(_ indices: [Int]) -> Dataset {
        Dataset(examples: indices.compactMap { try? rows[$0].example.get() }, file: file)
    }

    /// Takes out the usable rows with which a check fails, each by itself. False where it fails with none.
    mutating func reject(_ check: (Dataset) throws -> Void) throws -> Bool {
        var found = false
        for index in usable {
            do {
                try check(dataset([index]))
            } catch let error as TaskError where error.kind == .data {
                problems[index] = RowProblem(error, rows[index], file: file)
                found = true
                if ending { break }
            }
        }
        return found
    }

    /// - Parameter predictions: of the usable rows.
    func answers(_ predictions: [Prediction]) -> [RowAnswer] {
        let usable = usable
        precondition(
            predictions.count == usable.count, "\(predictions.count) answers to \(usable.count) rows")
        var answers = rows.map { _ in RowAnswer.Outcome?.none }
        for (index, prediction) in zip(usable, predictions) { answers[index] = .answer(prediction) }
        for (index, problem) in problems { answers[index] = .problem(problem) }
        return rows.indices.prefix(first.map { $0 + 1 } ?? rows.count).compactMap { index in
            answers[index].map { RowAnswer(row: rows[index], outcome: $0) }
        }
    }
}
