extension RunConfig {
    /// What the head predicts.
    public enum Task: String, CaseIterable, Sendable {
        /// One class a row, a score a row, or any number of labels a row.
        case classification, regression
        case multiLabel = "multi-label"
        /// A class for each word.
        case tokenClassification = "token-classification"
        /// The passage of a context that answers a question.
        case questionAnswering = "question-answering"

        /// Whether the head reads one row of each sequence, which pooling makes.
        public var poolsRows: Bool { self != .tokenClassification && self != .questionAnswering }
        /// Whether a row, or each word, has one class.
        public var hasOneClass: Bool { self == .classification || self == .tokenClassification }
    }

    /// The head that a run from an adapter starts with: the adapter's own, or a new one.
    public enum HeadStart: String, CaseIterable, Sendable { case adapter, fresh }

    /// How the rows of a sequence become the one that the head reads.
    public enum Pooling: String, CaseIterable, Sendable { case pooler, mean, first }

    /// What stands between the columns of a CSV or TSV file.
    public enum Delimiter: String, CaseIterable, Sendable { case comma, semicolon, tab, pipe }

    /// How the learning rate falls after its warm-up.
    public enum LearningRateSchedule: String, CaseIterable, Sendable { case linear, cosine, constant }

    /// What happens to examples longer than `maxLength`: cut and counted, left out and counted, or refused.
    public enum LongRows: String, CaseIterable, Sendable { case truncate, drop, error }

    /// What the backward pass computes again instead of keeping it: nothing, or the inside of each layer.
    public enum Recompute: String, CaseIterable, Sendable { case none, layers }

    /// What an evaluation can be judged by. All but `loss` are better when larger.
    public enum Metric: String, CaseIterable, Sendable {
        case accuracy
        case macroF1 = "macro-f1"
        case matthews, pearson, spearman
        case microF1 = "micro-f1"
        case subsetAccuracy = "subset-accuracy"
        case f1, precision, recall
        case exactMatch = "exact-match"
        case loss

        /// Whether this metric exists for `task`. Of token classification f1, precision and recall do only where tags
        /// make spans.
        public func suits(_ task: Task) -> Bool {
            switch self {
            case .accuracy: task == .classification || task == .tokenClassification
            case .macroF1: task == .classification || task == .multiLabel
            case .matthews: task == .classification
            case .pearson, .spearman: task == .regression
            case .microF1, .subsetAccuracy: task == .multiLabel
            case .f1: task == .tokenClassification || task == .questionAnswering
            case .precision, .recall: task == .tokenClassification
            case .exactMatch: task == .questionAnswering
            case .loss: true
            }
        }
    }
}
