import Datasets
import Matrices
import ModelFiles
import Tokenizers
import Transformers

/// Sends sequences through a model and calls with each shard, on any thread; what is left of each sequence goes into the results, which
/// in the end are of all sequences, whoever read them.
package typealias ShardReading = (
    _ data: TokenizedDataset, _ results: [any ExchangedResults], _ body: @Sendable (ShardRows) -> Void
) throws -> Void

/// What a task means: what its rows hold, which head answers, how rows become sequences with targets, and how answers
/// are told. What an answer is worth is its `Objective`'s affair. A task is one file and an entry in `TaskKind.allCases`.
package protocol LearningTask: Sendable {
    /// In settings and adapter folders.
    static var name: String { get }
    /// What an evaluation may show beside the loss, with the right labels all of it.
    static var metrics: [Metric] { get }
    /// What decides which evaluation is the best unless told otherwise; nil where that depends on the labels.
    static var usualMetric: Metric? { get }
    /// Whether its evaluations can tell the rows that were answered wrongly.
    static var tellsWrongRows: Bool { get }
    /// Whether its rows are images, which other models read than texts.
    static var readsImages: Bool { get }
    /// The same of images; nil of a task that means nothing there.
    static var ofImages: (any LearningTask.Type)? { get }
    /// Tokens of the longest row unless told otherwise
    static var usualMaxLength: Int { get }
    /// Keys of the settings that not every task reads, and that this one does.
    static var settings: Set<String> { get }
    static func rowForm(labelSeparator: String?) -> RowForm
    /// The members that answers may have, in their order.
    static var answerMembers: [String] { get }
    /// What rows are held out by, where there is no file of validation rows.
    static var splitRule: SplitRule { get }
    static func headForm(_ pooling: Pooling) -> HeadForm
    /// Columns of the logits, whatever the rows; nil where each is a label's.
    static var fixedOutputs: Int? { get }
    /// What transformers' `problem_type` calls it; nil for heads on tokens, which have one loss alone.
    static var problemType: String? { get }
    /// Whether a classifier of this task's form, saved with a `problem_type` and as many outputs, is this task's.
    static func answers(problemType: String, outputs: Int) -> Bool
    /// What an adapter folder remembers of this task alone.
    static var details: [TaskDetail] { get }
    /// The same of an adapter that another program trained.
    static func details(maxLength: Int) -> JSONObject

    /// The labels of a file for people.
    static func tally(_ dataset: Dataset) -> LabelTally
    /// What rows show before they are tokens; the training rows come first.
    static func findings(_ files: [Dataset]) -> [DataFinding]
    /// Labels and texts of a file that look as if meant for another task.
    static func oddities(_ file: Dataset) -> [DataFinding]
    /// Throws at the first label of which the task can make nothing, whatever was learned.
    static func checkLabels(_ dataset: Dataset) throws

    /// Learns what there is to predict from the training rows.
    init(learningFrom dataset: Dataset, _ settings: TaskSettings) throws
    /// As an adapter folder remembers it.
    init(_ record: TaskRecord) throws

    /// What an adapter folder remembers.
    var record: TaskRecord { get }
    /// Columns of the logits.
    var outputs: Int { get }
    /// What an evaluation shows beside the loss; the first decides which is the best unless told otherwise.
    var metrics: [Metric] { get }
    /// A chat template in place of the model's.
    func givenChat(_ tokenizer: Tokenizer) -> ChatFormat?
    /// What the card of an exported model says of the task.
    func card(_ rows: TaskCard.Rows) -> TaskCard

    /// Rows as a run learns from them.
    func learned(_ dataset: Dataset, _ limits: Tokenization) throws -> TokenizedDataset
    /// Rows as sequences, with what they ask of a model if they are labelled.
    func tokenized(_ dataset: Dataset, isLabelled: Bool, _ limits: Tokenization) throws -> TokenizedDataset
    /// An answer for each row, in order.
    ///
    /// - Parameter read: sends sequences through the model and calls with each shard, on any thread.
    func predictions(
        _ dataset: Dataset, _ limits: Tokenization, _ options: AnswerOptions,
        read: ShardReading
    ) throws -> [Prediction]
}

extension LearningTask {
    package static var usualMetric: Metric? { metrics.first }
    package static var usualMaxLength: Int { 128 }
    package static var tellsWrongRows: Bool { false }
    package static var readsImages: Bool { false }
    package static var ofImages: (any LearningTask.Type)? { nil }
    package static var splitRule: SplitRule { .rows }
    package static var fixedOutputs: Int? { nil }
    package static var problemType: String? { nil }
    package static func answers(problemType: String, outputs: Int) -> Bool { true }
    package static var details: [TaskDetail] { [] }
    package static func details(maxLength: Int) -> JSONObject { JSONObject() }
    package static func tally(_ dataset: Dataset) -> LabelTally { LabelTally(classesOf: dataset) }
    package static func findings(_ files: [Dataset]) -> [DataFinding] { [] }
    package static func oddities(_ file: Dataset) -> [DataFinding] {
        file.oddClasses(tally(file)) + [file.oddTexts()].compactMap(\.self)
    }
    package static func checkLabels(_ dataset: Dataset) throws {}

    package var kind: TaskKind { TaskKind(Self.self) }
    package func givenChat(_ tokenizer: Tokenizer) -> ChatFormat? { nil }
    package func learned(_ dataset: Dataset, _ limits: Tokenization) throws -> TokenizedDataset {
        try tokenized(dataset, isLabelled: true, limits)
    }
    package var headForm: HeadForm { Self.headForm(record.pooling) }
    package var metrics: [Metric] { Self.metrics }
}

/// What of a run's settings a task depends on.
package struct TaskSettings {
    package let pooling: Pooling
    package let stride: Int
    package let trainedParts: TrainedParts
    /// A chat template in place of the model's, in Jinja
    package let chatTemplate: String?
    /// Its file, for messages
    package let chatTemplateName: String?
    /// Whether the model has one
    package let isChatModel: Bool

    /// Tokens that two windows on one context share unless told otherwise.
    package static func usualStride(maxLength: Int) -> Int { min(128, maxLength / 3) }

    package init(
        pooling: Pooling, stride: Int, trainedParts: TrainedParts = .answers, chatTemplate: String? = nil,
        chatTemplateName: String? = nil,
        isChatModel: Bool = false
    ) {
        self.pooling = pooling
        self.stride = stride
        self.trainedParts = trainedParts
        self.chatTemplate = chatTemplate
        self.chatTemplateName = chatTemplateName
        self.isChatModel = isChatModel
    }
}

/// A task as an adapter folder remembers it.
package struct TaskRecord: Sendable, Equatable {
    package let kind: TaskKind
    /// Names of the logits' columns; empty where these are no labels.
    package var labels: [String]
    package var pooling: Pooling
    /// By the keys of the task's `details`.
    package var details: JSONObject

    package init(
        _ kind: TaskKind, labels: [String] = [], pooling: Pooling = .pooler,
        details: JSONObject = JSONObject()
    ) {
        self.kind = kind
        self.labels = labels
        self.pooling = pooling
        self.details = details
    }
}

/// A member of an adapter folder's description that one task has.
package struct TaskDetail: Sendable {
    package let key: String
    package let isRequired: Bool
    package let isSound: @Sendable (JSONValue) -> Bool

    package init(_ key: String, isRequired: Bool, isSound: @escaping @Sendable (JSONValue) -> Bool) {
        self.key = key
        self.isRequired = isRequired
        self.isSound = isSound
    }
}
