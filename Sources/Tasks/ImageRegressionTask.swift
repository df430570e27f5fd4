import Datasets
import ModelFiles
import Transformers

/// A score an image.
struct ImageRegressionTask: LearningTask {
    private let pooling: Pooling

    static let name = "image-regression"
    static let metrics = RegressionTask.metrics
    static let readsImages = true
    static let settings: Set = ["text-column", "label-column", "image-flip", "image-crop"]
    static var problemType: String? { RegressionTask.problemType }
    static var fixedOutputs: Int? { 1 }
    static func headForm(_ pooling: Pooling) -> HeadForm { .sequence(pooling) }
    static func rowForm(labelSeparator: String?) -> RowForm { .images }
    static let answerMembers = ["score"]

    static func answers(problemType: String, outputs: Int) -> Bool {
        RegressionTask.answers(problemType: problemType, outputs: outputs)
    }

    static func tally(_ dataset: Dataset) -> LabelTally { RegressionTask.tally(dataset) }
    static func checkLabels(_ dataset: Dataset) throws { try RegressionTask.checkLabels(dataset) }
    static func findings(_ files: [Dataset]) -> [DataFinding] { RegressionTask.findings(files) }
    static func oddities(_ file: Dataset) -> [DataFinding] { [file.oddScores()].compactMap(\.self) }

    init(learningFrom dataset: Dataset, _ settings: TaskSettings) throws { pooling = settings.pooling }
    init(_ record: TaskRecord) throws { pooling = record.pooling }

    var record: TaskRecord { TaskRecord(kind, pooling: pooling) }
    var outputs: Int { 1 }

    func card(_ rows: TaskCard.Rows) -> TaskCard {
        TaskCard(
            pipelineTag: "image-classification", answers: "a score for each image",
            batch: TaskCard.imageBatch, printing: ["print(logits[:, 0].tolist())"])
    }

    func learned(_ dataset: Dataset, _ limits: Tokenization) throws -> TokenizedDataset {
        try TokenizedDataset(
            images: dataset, limits, isTraining: true,
            objective: ScoreObjective(truth: Targets.scores(of: dataset)))
    }

    func tokenized(_ dataset: Dataset, isLabelled: Bool, _ limits: Tokenization) throws -> TokenizedDataset {
        try TokenizedDataset(
            images: dataset, limits, isTraining: false,
            objective: isLabelled ? ScoreObjective(truth: Targets.scores(of: dataset)) : nil)
    }

    func predictions(
        _ dataset: Dataset, _ limits: Tokenization, _ options: AnswerOptions,
        read: ShardReading
    ) throws -> [Prediction] {
        let data = try tokenized(dataset, isLabelled: false, limits)
        let scores = try RegressionTask.scores(data, read: read)
        try data.checkImages()
        return scores.map { Prediction(["score": .number(Double($0))], truncatedTokens: 0) }
    }
}
