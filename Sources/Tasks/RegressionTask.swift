import Datasets
import ModelFiles
import Transformers

/// A score a row.
struct RegressionTask: LearningTask {
    let pooling: Pooling

    static let name = "regression"
    static let metrics: [Metric] = [.pearson, .spearman, .meanAbsoluteError, .rootMeanSquaredError]
    static let settings: Set = ["text-column", "label-column"]
    static var problemType: String? { "regression" }
    static var ofImages: (any LearningTask.Type)? { ImageRegressionTask.self }
    static var fixedOutputs: Int? { 1 }
    static func headForm(_ pooling: Pooling) -> HeadForm { .sequence(pooling) }
    static func rowForm(labelSeparator: String?) -> RowForm { .texts }
    static let answerMembers = ["score", Prediction.truncatedTokens]

    static func answers(problemType: String, outputs: Int) -> Bool {
        outputs == 1 && problemType != MultiLabelTask.problemType
    }

    static func tally(_ dataset: Dataset) -> LabelTally { LabelTally(scoresOf: dataset) }

    static func checkLabels(_ dataset: Dataset) throws { _ = try Targets.scores(of: dataset) }

    static func findings(_ files: [Dataset]) -> [DataFinding] {
        guard let train = files.first, case .scores(let range) = tally(train), range.count > 1,
            range.lowest == range.highest
        else { return [] }
        return [
            DataFinding(
                .constantScores, file: train.file, count: range.count,
                text:
                    "\(train.file): all \(range.count) scores are \(range.lowest), there is nothing to learn; check "
                    + "the label column")
        ]
    }

    static func oddities(_ file: Dataset) -> [DataFinding] {
        [file.oddTexts(), file.oddScores()].compactMap(\.self)
    }

    init(learningFrom dataset: Dataset, _ settings: TaskSettings) throws { pooling = settings.pooling }

    init(_ record: TaskRecord) throws { pooling = record.pooling }

    var record: TaskRecord { TaskRecord(kind, pooling: pooling) }
    var outputs: Int { 1 }

    func card(_ rows: TaskCard.Rows) -> TaskCard {
        TaskCard(
            pipelineTag: "text-classification", answers: "a score for \(rows.each)", batch: rows.batch,
            printing: ["print(logits[:, 0].tolist())"])
    }

    func tokenized(_ dataset: Dataset, isLabelled: Bool, _ limits: Tokenization) throws -> TokenizedDataset {
        let truth = isLabelled ? try Targets.scores(of: dataset) : nil
        return try TokenizedDataset(dataset, limits) { kept in
            truth.map { truth in ScoreObjective(truth: kept.map { truth[$0] }) }
        }
    }

    func predictions(
        _ dataset: Dataset, _ limits: Tokenization, _ options: AnswerOptions,
        read: ShardReading
    ) throws -> [Prediction] {
        let data = try tokenized(dataset, isLabelled: false, limits)
        let scores = try Self.scores(data, read: read)
        return zip(scores, data.truncated).map { score, truncated in
            Prediction(["score": .number(Double(score))], truncatedTokens: truncated)
        }
    }

    /// Of sequences, in their order.
    static func scores(_ data: TokenizedDataset, read: ShardReading) throws -> [Float] {
        let scores = RowResults<Float>(count: data.count)
        try read(data, [scores]) { scores.put($0.logits().value.values, at: $0.members) }
        return scores.all
    }
}

extension Metric {
    package static let pearson = Metric("pearson")
    package static let spearman = Metric("spearman")
    package static let meanAbsoluteError = Metric("mae", isHigherBetter: false, isUnbounded: true)
    package static let rootMeanSquaredError = Metric(
        "rmse", isHigherBetter: false, isUnbounded: true)
}

/// Squared error.
package struct ScoreObjective: Objective {
    let truth: [Float]

    package init(truth: [Float]) { self.truth = truth }

    package func loss(_ rows: ShardRows, divisor: Double) -> Double {
        rows.tape.squaredError(rows.logits(), targets: rows.members.map { truth[$0] }, divisor: divisor)
    }

    package func meter(_ options: AnswerOptions, outputs: Int) -> any Meter { ScoreMeter(truth: truth) }

    package func madeUp(lengths: [Int]) -> any Objective {
        ScoreObjective(truth: Array(repeating: 0, count: lengths.count))
    }

    /// The mean score. From 0, a head whose bias moves by a learning rate a step would spend its first steps on it.
    package func startingBias(outputs: Int) -> [Float]? {
        truth.isEmpty ? nil : [Float(truth.reduce(0.0) { $0 + Double($1) } / Double(truth.count))]
    }
}

private struct ScoreMeter: Meter {
    let truth: [Float]
    let scores: RowResults<Float>

    var kept: [any ExchangedResults] { [scores] }

    init(truth: [Float]) {
        self.truth = truth
        scores = RowResults(count: truth.count)
    }

    func read(_ rows: ShardRows) { scores.put(rows.logits().value.values, at: rows.members) }

    func evaluation() -> Evaluation {
        let predicted = scores.all
        var loss = 0.0
        for (guess, target) in zip(predicted, truth) {
            let difference = Double(guess) - Double(target)
            loss += difference * difference / Double(truth.count)
        }
        return Evaluation(
            loss: loss,
            metrics: [
                (.pearson, Metrics.pearson(truth: truth, predicted: predicted)),
                (.spearman, Metrics.spearman(truth: truth, predicted: predicted)),
                (.meanAbsoluteError, Metrics.meanAbsoluteError(truth: truth, predicted: predicted)),
                (.rootMeanSquaredError, Metrics.rootMeanSquaredError(truth: truth, predicted: predicted)),
            ], rows: .scores(predicted: predicted, truth: truth),
            hasOneAnswer: Self.range(predicted) < 1e-3 * Self.range(truth))
    }

    private static func range(_ values: [Float]) -> Float { (values.max() ?? 0) - (values.min() ?? 0) }
}
