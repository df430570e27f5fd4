import Datasets
import Matrices

/// Loss and metrics of one data set. The loss is the task's alone, without the orthogonality term.
public struct Evaluation: Sendable {
    /// What was predicted for each row beside what was true.
    public enum Rows: Sendable {
        case none
        /// Class indices
        case classes(predicted: [Int32], truth: [Int32])
        case scores(predicted: [Float], truth: [Float])
        /// By metric, of each row a part and a whole: the metric is the sum of the parts over that of the wholes.
        case shares([String: [(part: Double, whole: Double)]])
    }

    public let loss: Double
    /// In the order they are shown; nil where undefined (constant predictions).
    public let metrics: [(name: String, value: Double?)]
    /// By class, label or type of span
    public let perClass: [ClassScores]
    /// Names of these; nil for the model's labels.
    public let classNames: [String]?
    public let rows: Rows
    /// Whether all rows got one answer, although their truth differs.
    public let hasOneAnswer: Bool

    public init(_ model: SequenceModel, _ data: TokenizedDataset, _ options: AnswerOptions = AnswerOptions())
    {
        self.init(model, data, options, logits: model.logits(data))
    }

    /// nil if `shouldStop` said so before the end.
    init?(_ model: SequenceModel, _ data: TokenizedDataset, unless shouldStop: () -> Bool) {
        guard let logits = model.logits(data, unless: shouldStop) else { return nil }
        self.init(model, data, AnswerOptions(), logits: logits)
    }

    private init(
        _ model: SequenceModel, _ data: TokenizedDataset, _ options: AnswerOptions, logits: Matrix
    ) {
        loss = model.meanLoss(logits, data)
        let findings = data.targets?.objective().findings(logits, options)
        metrics = findings?.metrics ?? []
        perClass = findings?.perClass ?? []
        classNames = findings?.classNames
        rows = findings?.rows ?? .none
        hasOneAnswer = findings?.hasOneAnswer ?? false
    }

    public func value(of metric: String) -> Double? {
        metric == "loss" ? loss : metrics.first { $0.name == metric }?.value
    }

    /// What a person should know about the answers to the rows of `name`.
    func warnings(name: String) -> [String] { hasOneAnswer ? [answersWarning(name: name)] : [] }

    /// That all rows get one answer, or that they do no longer.
    func answersWarning(name: String) -> String {
        hasOneAnswer
            ? "\(name): every row gets the same answer; where it stays so, train longer, or with a lower learning rate"
            : "\(name): rows no longer all get the same answer"
    }

    /// The first largest logit of each row.
    package static func predictedClasses(_ logits: Matrix) -> [Int32] {
        (0..<logits.rows).map { row in
            var best = 0
            for column in 1..<max(logits.columns, 1) where logits.row(row)[column] > logits.row(row)[best] {
                best = column
            }
            return Int32(best)
        }
    }
}
