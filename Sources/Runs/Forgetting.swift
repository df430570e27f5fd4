import AdapterTools
import Autodiff
import Matrices
import RunRecords
import Tasks
import Training
import Transformers

/// Compares a model that trains with what it was, on a text that it does not learn. Keeps of the base model its last hidden
/// rows [T, C] of that text, from which logits are made again, some at a time.
final class Forgetting {
    private let data: TokenizedDataset
    private let model: SequenceModel
    /// Of the text's rows but the last token of each
    private let base: VocabularyRows
    /// Where each row of the text begins in these
    private let starts: [Int]

    /// Reads the text with the model as it stands, without its adapters.
    ///
    /// - Parameter trainsBackbone: the output matrix may change, and is copied.
    convenience init(_ text: HeldOutText, _ model: SequenceModel, trainsBackbone: Bool) {
        self.init(rows: text.rows, model, trainsBackbone: trainsBackbone)
    }

    /// - Parameter rows: of at least two tokens.
    private init(rows: [[Int32]], _ model: SequenceModel, trainsBackbone: Bool) {
        self.model = model
        let data = TokenizedDataset(nextTokensOf: rows)
        self.data = data
        var starts = [0]
        for row in rows { starts.append(starts[starts.count - 1] + row.count - 1) }
        self.starts = starts
        let places = starts
        // Each shard fills rows of its own.
        let hidden = Matrix(rows: places[places.count - 1], columns: model.backbone.sizes.hidden)
        model.backbone.withoutAdapters {
            model.read(data) { rows in
                let values = rows.hidden.value
                for (place, member) in rows.members.enumerated() {
                    let count = rows.offsets[place + 1] - rows.offsets[place]
                    hidden.row(places[member]).update(
                        from: values.row(rows.offsets[place]), count: count * values.columns)
                }
            }
        }
        let own = model.head.outputMatrix
        let weight: any Operand =
            trainsBackbone
            ? Parameter(
                name: own.name, values: Matrix(rows: own.rows, columns: own.columns, values: own.floats))
            : own
        base = VocabularyRows(hidden: hidden, weight: weight)
    }

    /// Of the model as it stands, its adapters on. Sums run in the order of the text.
    func measured() throws -> ForgettingMetrics {
        let results = RowResults<[TokenDrift]>(count: data.count)
        let (data, base, starts) = (data, base, starts)
        try model.read(data, keeping: [results]) { rows in
            // The base model's rows of the same tokens, as they lie in the shard.
            let values = rows.hidden.value
            let before = rows.tape.pool.matrix(rows: values.rows, columns: values.columns)
            var targets: [Int32] = []
            for (place, member) in rows.members.enumerated() {
                let count = starts[member + 1] - starts[member]
                before.row(rows.offsets[place]).update(
                    from: base.hidden.row(starts[member]), count: count * values.columns)
                targets += data.sequences[member].ids.dropFirst()
            }
            let drift = Self.drift(rows, from: VocabularyRows(hidden: before, weight: base.weight), targets)
            results.put(
                rows.members.indices.map { Array(drift[rows.offsets[$0]..<rows.offsets[$0 + 1]]) },
                at: rows.members)
        }
        let tokens = results.all.flatMap(\.self)
        func mean(_ value: (TokenDrift) -> Double) -> Double {
            tokens.reduce(0) { $0 + value($1) } / Double(tokens.count)
        }
        return ForgettingMetrics(
            loss: mean(\.loss), baseLoss: mean(\.baseLoss), divergence: mean(\.divergence),
            same: mean { $0.isSame ? 1 : 0 })
    }

    private static func drift(_ rows: ShardRows, from base: VocabularyRows, _ targets: [Int32])
        -> [TokenDrift]
    {
        rows.tape.vocabularyDrift(
            from: base, to: VocabularyRows(hidden: rows.hidden.value, weight: rows.head.outputMatrix),
            targets: targets, transform: rows.head.outputTransform)
    }
}

extension ForgettingMetrics {
    /// Of a finished adapter, as a run tells it of its own.
    package static func of(
        _ opened: OpenedAdapter, text file: String, workers: Workers
    ) throws -> ForgettingMetrics {
        let text = try HeldOutText(
            file, loaded: opened.loaded, maxLength: opened.description.maxLength, for: .forgetting)
        return try Forgetting(text, opened.model(workers), trainsBackbone: false).measured()
    }
}

/// What it costs, before it begins.
extension Forgetting {
    /// Bytes that are kept of the base model
    static func keptBytes(_ text: HeldOutText, _ model: SequenceModel, trainsBackbone: Bool) -> Int {
        let hidden = model.backbone.sizes.hidden
        let rows = text.rows.reduce(0) { $0 + $1.count - 1 }
        return (rows + (trainsBackbone ? model.head.outputs : 0)) * hidden * MemoryLayout<Float>.size
    }

    /// What the workers read at each evaluation.
    static func reading(_ text: HeldOutText, _ model: SequenceModel) -> PoolReading {
        let load = ShardLoad(
            evaluating: TokenizedDataset(nextTokensOf: text.rows), mayShare: model.sharesInEvaluations)
        return PoolReading(load) { lengths in
            let objective = NextTokenObjective(ids: lengths.map { [Int32](repeating: 0, count: $0) })
            return model.poolEvents(lengths: lengths, objective: objective) { rows in
                let values = rows.hidden.value
                let before = rows.tape.pool.matrix(rows: values.rows, columns: values.columns, zeroed: true)
                _ = drift(
                    rows, from: VocabularyRows(hidden: before, weight: rows.head.outputMatrix),
                    [Int32](repeating: 0, count: values.rows))
            }
        }
    }

    /// Some rows stand for all.
    private static let measuredTokens = 512

    /// Seconds of reading the text once with the base model, and of each comparison with it.
    static func seconds(_ text: HeldOutText, _ model: SequenceModel, trainsBackbone: Bool) throws -> (
        base: Double, comparison: Double
    ) {
        var tokens = 0
        let most = measuredTokens * model.workers.count
        let some = text.rows.prefix { row in
            let isWanted = tokens < most
            tokens += isWanted ? row.count : 0
            return isWanted
        }
        let started = ContinuousClock.now
        let forgetting = Forgetting(rows: Array(some), model, trainsBackbone: trainsBackbone)
        let isRead = ContinuousClock.now
        _ = try forgetting.measured()
        let ended = ContinuousClock.now
        let share = Double(text.rows.reduce(0) { $0 + $1.count }) / Double(tokens)
        return ((isRead - started).seconds * share, (ended - isRead).seconds * share)
    }
}
