import Autodiff
import Datasets
import Foundation
import ModelFiles
import Transformers

/// The next token of a text, by the model's own output matrix: every token is predicted from those before it.
struct CausalLanguageModelTask: LearningTask {
    static let name = "causal-lm"
    static let metrics: [Metric] = [.perplexity]
    static let settings: Set = ["text-column"]
    static var fixedOutputs: Int? { 0 }
    static func headForm(_ pooling: Pooling) -> HeadForm { .vocabulary }
    static func rowForm(labelSeparator: String?) -> RowForm { .bareTexts }
    static let answerMembers = ["tokens", "loss", "perplexity", Prediction.truncatedTokens]
    static func tally(_ dataset: Dataset) -> LabelTally { .classes([]) }
    static func oddities(_ file: Dataset) -> [DataFinding] { [file.oddTexts()].compactMap(\.self) }

    init(learningFrom dataset: Dataset, _ settings: TaskSettings) throws {}
    init(_ record: TaskRecord) throws {}

    var record: TaskRecord { TaskRecord(kind) }
    /// The head's columns are the model's words.
    var outputs: Int { 0 }

    func card(_ rows: TaskCard.Rows) -> TaskCard {
        TaskCard(
            pipelineTag: "text-generation", answers: "the next tokens of a text",
            batch: ["batch = tokenizer(\"The beginning of a text\", return_tensors=\"pt\")"],
            printing: [
                "tokens = model.generate(input_ids=batch[\"input_ids\"], max_new_tokens=40)[0]",
                "print(tokenizer.decode(tokens))",
            ])
    }

    func tokenized(_ dataset: Dataset, isLabelled: Bool, _ limits: Tokenization) throws -> TokenizedDataset {
        let rows = try TokenizedDataset(dataset, limits) { _ in nil }
        guard isLabelled else { return rows }
        let objective = NextTokenObjective(ids: rows.sequences.map(\.ids))
        guard objective.weight(of: Array(rows.sequences.indices)) > 0 else {
            throw TaskError(
                "\(dataset.file): no row has two tokens, so that none follows another; give longer texts")
        }
        return rows.asking(objective)
    }

    func predictions(
        _ dataset: Dataset, _ limits: Tokenization, _ options: AnswerOptions,
        read: (TokenizedDataset, @Sendable (ShardRows) -> Void) -> Void
    ) throws -> [Prediction] {
        let data = try tokenized(dataset, isLabelled: false, limits)
        let objective = NextTokenObjective(ids: data.sequences.map(\.ids))
        let losses = RowResults<Double>(count: data.count)
        read(data) { losses.put(objective.losses($0), at: $0.members) }
        return losses.all.enumerated().map { row, sum in
            let count = objective.count(row)
            var line: JSONObject = ["tokens": JSONValue(data.sequences[row].ids.count)]
            line["loss"] = count > 0 ? .number(sum / Double(count)) : .null
            line["perplexity"] = count > 0 ? .number(exp(sum / Double(count))) : .null
            return Prediction(line, truncatedTokens: data.truncated[row])
        }
    }
}

extension Metric {
    /// exp of the mean loss of a token
    package static let perplexity = Metric("perplexity", isHigherBetter: false, isExponential: true)
}

/// Softmax cross-entropy of each token given those before it, a mean over all tokens but the first of each sequence, as
/// transformers' `ForCausalLM` computes it.
package struct NextTokenObjective: Objective {
    /// For each token the one after it, or `Tape.ignoredLabel` for the last.
    private let targets: [[Int32]]

    /// - Parameter ids: of each sequence.
    package init(ids: [[Int32]]) { targets = ids.map { $0.dropFirst() + [Tape.ignoredLabel] } }

    func count(_ member: Int) -> Int { max(0, targets[member].count - 1) }

    package func weight(of members: [Int]) -> Double { members.reduce(0) { $0 + Double(count($1)) } }

    package func loss(_ rows: ShardRows, divisor: Double) -> Double {
        rows.tape.vocabularyCrossEntropy(
            rows.hidden, weight: rows.head.outputMatrix, targets: rows.members.flatMap { targets[$0] },
            divisor: divisor)
    }

    /// Of each sequence of a shard, the sum over its tokens.
    func losses(_ rows: ShardRows) -> [Double] {
        let losses = rows.tape.vocabularyLosses(
            rows.hidden, weight: rows.head.outputMatrix, targets: rows.members.flatMap { targets[$0] })
        return rows.members.indices.map { place in
            losses[rows.offsets[place]..<rows.offsets[place + 1]].reduce(0) { $0 + ($1 ?? 0) }
        }
    }

    package func meter(_ options: AnswerOptions, outputs: Int) -> any Meter {
        NextTokenMeter(objective: self, rows: targets.count)
    }

    package func madeUp(lengths: [Int]) -> any Objective {
        NextTokenObjective(ids: lengths.map { Array(repeating: 0, count: $0) })
    }
}

private struct NextTokenMeter: Meter {
    let objective: NextTokenObjective
    let losses: RowResults<Double>

    init(objective: NextTokenObjective, rows: Int) {
        self.objective = objective
        losses = RowResults(count: rows)
    }

    func read(_ rows: ShardRows) { losses.put(objective.losses(rows), at: rows.members) }

    func evaluation() -> Evaluation {
        let sums = losses.all
        let weight = objective.weight(of: Array(sums.indices))
        let loss = sums.reduce(0) { $0 + $1 / weight }
        return Evaluation(
            loss: loss, metrics: [(.perplexity, exp(loss))],
            rows: .shares([
                .perplexity: sums.enumerated().map { (part: $1, whole: Double(objective.count($0))) }
            ]), hasOneAnswer: false)
    }
}
