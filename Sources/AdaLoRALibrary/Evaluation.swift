import Tasks

/// How good answers to labelled rows are.
public struct Evaluation: Sendable, Equatable {
    /// The task's, a mean over the rows or their labelled tokens
    public let loss: Double
    /// By their names (`accuracy`, `pearson`, `perplexity` …), without those that are undefined for these rows
    public let metrics: [String: Double]
    /// How many rows were measured
    public let rows: Int
    /// What a person should know of the rows and the answers, one line each
    public let warnings: [String]

    init(_ evaluation: Tasks.Evaluation, rows: Int, warnings: [String]) {
        loss = evaluation.loss
        let defined = evaluation.metrics.compactMap { metric in metric.value.map { (metric.name, $0) } }
        metrics = Dictionary(defined) { first, _ in first }
        (self.rows, self.warnings) = (rows, warnings)
    }
}
