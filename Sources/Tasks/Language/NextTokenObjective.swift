import Autodiff
import Foundation
import Transformers

/// Softmax cross-entropy of tokens given those before them, a mean over all that are learned, in every sequence of a step
/// however it is cut, as transformers' `ForCausalLM` computes it.
package struct NextTokenObjective: Objective {
    /// What stands before a learned token, and the token
    private struct Prediction: Sendable {
        let row: Int
        let target: Int32
    }

    /// Of each sequence
    private let learned: [[Prediction]]
    /// UTF-8 bytes of the learned tokens' text, of each sequence
    private let bytes: [Int]

    init(rows: [TrainedRow]) {
        learned = rows.map { row in
            let found = row.ids.indices.dropFirst().filter { row.trained[$0] }.map {
                Prediction(row: $0 - 1, target: row.ids[$0])
            }
            // So that every sequence has a row in its shard.
            return found.isEmpty ? [Prediction(row: 0, target: Tape.ignoredLabel)] : found
        }
        bytes = rows.map { row in
            row.ids.indices.dropFirst().reduce(0) { $0 + (row.trained[$1] ? row.bytes[$1] : 0) }
        }
    }

    /// - Parameter trained: whether each token is learned; nil for all but the first of each sequence.
    package init(ids: [[Int32]], trained: [[Bool]]? = nil) {
        self.init(
            rows: ids.indices.map { row in
                TrainedRow(
                    ids: ids[row], trained: trained?[row] ?? ids[row].map { _ in true },
                    bytes: ids[row].map { _ in 0 })
            })
    }

    func count(_ member: Int) -> Int {
        learned[member].reduce(0) { $0 + ($1.target == Tape.ignoredLabel ? 0 : 1) }
    }
    func byteCount(_ member: Int) -> Int { bytes[member] }

    package func weight(of members: [Int]) -> Double { members.reduce(0) { $0 + Double(count($1)) } }

    package func rowsRead(_ member: Int) -> [Int]? { learned[member].map(\.row) }

    package func loss(_ rows: ShardRows, divisor: Double) -> Double {
        loss(rows, divisor: divisor) { _ in true }
    }

    /// - Parameter counts: whether a sequence has a part in the loss.
    func loss(_ rows: ShardRows, divisor: Double, where counts: (_ member: Int) -> Bool) -> Double {
        rows.tape.vocabularyCrossEntropy(
            rows.distinct, places: rows.places, weight: rows.head.outputMatrix,
            targets: targets(rows, where: counts),
            divisor: divisor, transform: rows.head.outputTransform)
    }

    private func targets(_ rows: ShardRows, where counts: (Int) -> Bool = { _ in true }) -> [Int32] {
        rows.members.flatMap { member in
            learned[member].map { counts(member) ? $0.target : Tape.ignoredLabel }
        }
    }

    /// Of each sequence of a shard, the sum over its tokens, and how many of them are the model's first choice.
    func scores(_ rows: ShardRows) -> [LearnedScore] {
        let scores = rows.tape.vocabularyScores(
            rows.distinct, places: rows.places, weight: rows.head.outputMatrix, targets: targets(rows),
            transform: rows.head.outputTransform)
        return rows.members.indices.map { place in
            let tokens = scores[rows.offsets[place]..<rows.offsets[place + 1]]
            return LearnedScore(
                loss: tokens.reduce(0) { $0 + $1.loss }, hits: tokens.reduce(0) { $0 + ($1.isFirst ? 1 : 0) })
        }
    }

    package func meter(_ options: AnswerOptions, outputs: Int) -> any Meter {
        NextTokenMeter(objective: self, rows: learned.count)
    }

    package func madeUp(lengths: [Int]) -> any Objective {
        NextTokenObjective(ids: lengths.map { Array(repeating: 0, count: $0) })
    }
}

/// Of the learned tokens of a sequence
struct LearnedScore: Codable {
    /// −log p, summed
    let loss: Double
    /// How many are the model's first choice
    let hits: Int
}

private struct NextTokenMeter: Meter {
    let objective: NextTokenObjective
    let scores: RowResults<LearnedScore>

    var kept: [any ExchangedResults] { [scores] }

    init(objective: NextTokenObjective, rows: Int) {
        self.objective = objective
        scores = RowResults(count: rows)
    }

    func read(_ rows: ShardRows) { scores.put(objective.scores(rows), at: rows.members) }

    func evaluation() -> Evaluation {
        let all = scores.all
        let weight = objective.weight(of: Array(all.indices))
        let loss = all.reduce(0) { $0 + $1.loss / weight }
        let bytes = all.indices.reduce(0) { $0 + objective.byteCount($1) }
        let bits = all.reduce(0) { $0 + $1.loss } / log(2)
        let hits = all.reduce(0) { $0 + $1.hits }
        // A row is answered exactly where greedy writing, which follows the first choices, comes to all that it teaches.
        let answered = all.enumerated().map { row, score in
            let count = objective.count(row)
            return (part: count > 0 && score.hits == count ? 1.0 : 0.0, whole: count > 0 ? 1.0 : 0.0)
        }
        let answers = answered.reduce(0) { $0 + $1.whole }
        return Evaluation(
            loss: loss,
            metrics: [
                (.perplexity, exp(loss)), (.bitsPerByte, bytes > 0 ? bits / Double(bytes) : nil),
                (.tokenAccuracy, Double(hits) / weight),
                (.exactMatch, answers > 0 ? answered.reduce(0) { $0 + $1.part } / answers : nil),
            ],
            rows: .shares([
                .perplexity: all.enumerated().map { (part: $1.loss, whole: Double(objective.count($0))) },
                .bitsPerByte: all.enumerated().map {
                    (part: $1.loss / log(2), whole: Double(objective.byteCount($0)))
                },
                .tokenAccuracy: all.enumerated().map {
                    (part: Double($1.hits), whole: Double(objective.count($0)))
                },
                .exactMatch: answered,
            ]), hasOneAnswer: false)
    }
}

extension TokenizedDataset {
    /// Texts without a second part, of which each token but the first is learned.
    package init(nextTokensOf rows: [[Int32]]) {
        self.init(
            sequences: rows.map { .init(ids: $0, typeIDs: $0.map { _ in 0 }) },
            objective: NextTokenObjective(ids: rows))
    }
}

extension Metric {
    /// exp of the mean loss of a token
    package static let perplexity = Metric(
        "perplexity", isHigherBetter: false, isExponential: true, isUnbounded: true)
    /// Loss in bits over the bytes of the text that is learned: comparable between tokenizers.
    package static let bitsPerByte = Metric(
        "bits-per-byte", isHigherBetter: false, isUnbounded: true)
    /// The share of learned tokens that are the model's first choice
    package static let tokenAccuracy = Metric("token-accuracy", isHigherBetter: true)
}
