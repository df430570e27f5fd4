import Datasets
import Matrices
import ModelFiles
import Transformers

/// One class an image.
struct ImageClassificationTask: LearningTask {
    private let head: ClassHead

    static let name = "image-classification"
    static let metrics = ClassificationTask.metrics
    static let tellsWrongRows = true
    static let readsImages = true
    static let splitRule = SplitRule.labels
    static let settings: Set = [
        "text-column", "label-column", "label-names", "class-weights", "image-flip", "image-crop",
    ]
    static var problemType: String? { ClassificationTask.problemType }
    static func headForm(_ pooling: Pooling) -> HeadForm { .sequence(pooling) }
    static func rowForm(labelSeparator: String?) -> RowForm { .images }
    static let answerMembers = ["label", "probability", Prediction.probabilities]

    static func answers(problemType: String, outputs: Int) -> Bool {
        ClassificationTask.answers(problemType: problemType, outputs: outputs)
    }

    static func oddities(_ file: Dataset) -> [DataFinding] { file.oddClasses(tally(file)) }

    init(learningFrom dataset: Dataset, _ settings: TaskSettings) throws {
        head = ClassHead(labels: try LabelSet(from: dataset), pooling: settings.pooling)
    }

    init(_ record: TaskRecord) throws { head = try ClassHead(record) }

    var record: TaskRecord { head.record(kind) }
    var outputs: Int { head.labels.names.count }

    func card(_ rows: TaskCard.Rows) -> TaskCard {
        TaskCard(
            pipelineTag: "image-classification", answers: "one of \(outputs) labels for each image",
            batch: TaskCard.imageBatch,
            printing: ClassHead.printing)
    }

    func learned(_ dataset: Dataset, _ limits: Tokenization) throws -> TokenizedDataset {
        try TokenizedDataset(images: dataset, limits, isTraining: true, objective: objective(dataset))
    }

    func tokenized(_ dataset: Dataset, isLabelled: Bool, _ limits: Tokenization) throws -> TokenizedDataset {
        try TokenizedDataset(
            images: dataset, limits, isTraining: false, objective: isLabelled ? objective(dataset) : nil)
    }

    private func objective(_ dataset: Dataset) throws -> any Objective {
        ClassObjective(truth: try Targets.classes(of: dataset, labels: head.labels))
    }

    func predictions(
        _ dataset: Dataset, _ limits: Tokenization, _ options: AnswerOptions,
        read: ShardReading
    ) throws -> [Prediction] {
        let data = try tokenized(dataset, isLabelled: false, limits)
        let lines = try head.lines(data, options, read: read)
        try data.checkImages()
        return lines.map { Prediction($0, truncatedTokens: 0) }
    }
}
