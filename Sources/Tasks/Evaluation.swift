import Datasets

/// Loss and metrics of one data set. The loss is the task's alone, without the orthogonality term.
package struct Evaluation: Sendable {
    /// What was predicted for each row beside what was true.
    package enum Rows: Sendable {
        /// Class indices
        case classes(predicted: [Int32], truth: [Int32])
        case scores(predicted: [Float], truth: [Float])
        /// By metric, of each row a part and a whole: the metric is the sum of the parts over that of the wholes.
        case shares([Metric: [(part: Double, whole: Double)]])
    }

    package let loss: Double
    /// In the order they are shown; nil where undefined (constant predictions).
    package let metrics: [(name: String, value: Double?)]
    /// By class, label or type of span
    package let perClass: [ClassScores]
    /// Names of these; nil for the model's labels.
    package let classNames: [String]?
    package let rows: Rows
    /// Whether all rows got one answer, although their truth differs.
    package let hasOneAnswer: Bool
    /// In the order of the data; nil unless asked for, and for tasks that tell none.
    package let wrongRows: [WrongRow]?

    package init(
        loss: Double, metrics: [(Metric, Double?)], perClass: [ClassScores] = [], classNames: [String]? = nil,
        rows: Rows, hasOneAnswer: Bool, wrongRows: [WrongRow]? = nil
    ) {
        self.loss = loss
        self.metrics = metrics.map { ($0.rawValue, $1) }
        self.perClass = perClass
        self.classNames = classNames
        self.rows = rows
        self.hasOneAnswer = hasOneAnswer
        self.wrongRows = wrongRows
    }

    package func value(of metric: Metric) -> Double? {
        metric == .loss ? loss : metrics.first { $0.name == metric.rawValue }?.value
    }

    /// What a person should know about the answers to the rows of `name`.
    package func warnings(name: String) -> [String] { hasOneAnswer ? [answersWarning(name: name)] : [] }

    /// That all rows get one answer, or that they do no longer.
    ///
    /// - Parameter advice: for the first
    package func answersWarning(
        name: String, advice: String = "train longer, or with a lower learning rate"
    ) -> String {
        hasOneAnswer
            ? "\(name): every row gets the same answer; where it stays so, \(advice)"
            : "\(name): rows no longer all get the same answer"
    }

    /// Whether `predicted` is one value over and over and `truth` is not.
    static func areAlike<Answer: Hashable>(_ predicted: [Answer], truth: [Answer]) -> Bool {
        Set(predicted).count == 1 && Set(truth).count > 1
    }
}
