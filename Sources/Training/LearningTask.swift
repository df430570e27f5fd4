import Datasets
import Matrices
import ModelFiles
import RunConfiguration
import Tokenizers
import Transformers

/// What a task means: what its rows hold, which head answers, how rows become sequences with targets, and how answers
/// are told. What an answer is worth is the targets' affair (`Objective`).
protocol LearningTask: Sendable {
    static func rowForm(labelSeparator: String?) -> RowForm
    static func headForm(_ pooling: Pooling) -> HeadForm
    /// What transformers' `problem_type` calls it; nil for heads on tokens, which have one loss alone.
    static var problemType: String? { get }

    /// Learns what there is to predict from the training rows.
    init(learningFrom dataset: Dataset, _ settings: TaskSettings) throws
    /// As an adapter folder remembers it.
    init(_ record: TaskRecord) throws

    /// What an adapter folder remembers.
    var record: TaskRecord { get }
    /// Columns of the logits.
    var outputs: Int { get }
    /// Names of what an evaluation shows beside the loss; the first decides which is the best unless told otherwise.
    var metrics: [String] { get }

    /// Rows as sequences, with targets if they are labelled.
    func tokenized(_ dataset: Dataset, isLabelled: Bool, _ limits: Tokenization) throws -> TokenizedDataset
    /// An answer for each row, in order.
    ///
    /// - Parameter logits: the model's, for sequences.
    func predictions(
        _ dataset: Dataset, _ limits: Tokenization, _ options: AnswerOptions,
        logits: (TokenizedDataset) -> Matrix
    ) throws -> [Prediction]
}

extension LearningTask {
    var headForm: HeadForm { Self.headForm(record.pooling) }
}

extension RunConfig.Task {
    /// The one place where the name of a task becomes what it means.
    var meaning: any LearningTask.Type {
        switch self {
        case .classification: ClassificationTask.self
        case .regression: RegressionTask.self
        case .multiLabel: MultiLabelTask.self
        case .tokenClassification: TokenClassificationTask.self
        case .questionAnswering: QuestionAnsweringTask.self
        }
    }
}

extension RunConfig.Task {
    /// What rows for this task hold.
    ///
    /// - Parameter labelSeparator: between the labels of a row in CSV and TSV; nil leaves it to the file.
    public func rowForm(labelSeparator: String?) -> RowForm {
        meaning.rowForm(labelSeparator: labelSeparator)
    }
}

extension ColumnNames {
    init(_ config: RunConfig) {
        self.init(
            text: config.textColumns, label: config.labelColumn,
            delimiter: config.delimiter.flatMap { Delimiter($0.rawValue) })
    }
}

/// What of a run's settings a task depends on.
struct TaskSettings {
    let pooling: Pooling
    let stride: Int

    init(_ config: RunConfig) {
        pooling = Pooling(rawValue: config.pooling.rawValue) ?? .pooler
        stride = config.resolvedStride
    }
}

/// A task as an adapter folder remembers it.
struct TaskRecord: Sendable, Equatable {
    let name: RunConfig.Task
    /// Names of the logits' columns; empty for scores and for the two of spans.
    var labels: [String] = []
    var pooling = Pooling.pooler
    /// Tokens that two windows on a context share.
    var stride = 0
    /// Whether a question may have no answer.
    var allowsNoAnswer = false
}

/// How texts become sequences.
struct Tokenization {
    let tokenizer: Tokenizer
    let maxLength: Int
    let longRows: TokenizedDataset.LongRows

    init(tokenizer: Tokenizer, maxLength: Int, longRows: TokenizedDataset.LongRows) {
        self.tokenizer = tokenizer
        self.maxLength = maxLength
        self.longRows = longRows
    }

    init(_ tokenizer: Tokenizer, _ config: RunConfig) {
        let longRows: TokenizedDataset.LongRows
        switch config.longRows {
        case .truncate: longRows = .truncate
        case .drop: longRows = .drop
        case .error: longRows = .error
        }
        self.init(tokenizer: tokenizer, maxLength: config.maxLength, longRows: longRows)
    }
}

/// How answers are chosen and told.
public struct AnswerOptions: Sendable {
    /// The probability from which a label of a multi-label row is given.
    public var threshold = 0.5
    /// By how much the score of no answer must exceed the best answer's.
    public var noAnswerThreshold = 0.0
    /// How many classes are listed; nil for all.
    public var top: Int?

    public init() {}
}

/// The answer for one row.
public struct Prediction: Sendable {
    /// As a line of JSON says it.
    public let line: JSONObject
    /// Whether the row was too long to be read whole.
    public let isCut: Bool
}
