import Tasks

/// What a finished trial gave; one line of `results.jsonl`.
package struct TrialResult: Sendable, Equatable {
    package enum Status: Sendable, Equatable {
        case ok
        case failed(String)
    }

    package var id: String
    package var stage: Trial.Stage
    package var arm: String
    package var budget: Budget?
    package var learningRate: Double
    package var seed: UInt64
    /// From 1; nil in a plan without folds.
    package var fold: Int?
    package var status: Status
    /// By metric name (`macro-f1`); nil where a metric is undefined.
    package var validationMetrics: [String: Double?] = [:]
    package var testMetrics: [String: Double?] = [:]
    /// Everything that trained, the head included.
    package var trainableParameters: Int?
    /// The same at the first step, before anything was pruned; nil for results of earlier versions.
    package var parametersAtStart: Int?
    /// The adapters' part at the end, by which arms are matched.
    package var adapterParameters: Int?
    /// Final rank by site, `layer.3.query`.
    package var ranks: [String: Int] = [:]
    package var steps: Int?
    package var secondsPerStep: Double?
    package var tokensPerSecond: Double?
    package var peakMemoryBytes: Int?
    /// Cores that other work kept busy while the run was made, on average; nil where nothing told, and for results of earlier
    /// versions.
    package var otherCores: Double?
    package var bestStep: Int?
    package var machine: String?
    package var commit: String?
    /// What the run and its evaluation warned of.
    package var warnings: [String] = []
    /// The BLAS kernel.
    package var kernel: String?
    /// When the run began, ISO 8601.
    package var started: String?

    /// A result of `trial` with nothing measured yet.
    package init(of trial: Trial, status: Status) {
        self.init(
            id: trial.id, stage: trial.stage, arm: trial.arm, budget: trial.budget,
            learningRate: trial.learningRate, seed: trial.seed, fold: trial.fold, status: status)
    }

    package init(
        id: String, stage: Trial.Stage, arm: String, budget: Budget?, learningRate: Double, seed: UInt64,
        fold: Int? = nil, status: Status
    ) {
        self.id = id
        self.stage = stage
        self.arm = arm
        self.budget = budget
        self.learningRate = learningRate
        self.seed = seed
        self.fold = fold
        self.status = status
    }

    package var isOK: Bool { status == .ok }

    /// Why it failed; nil when it did not.
    package var failure: String? {
        if case .failed(let reason) = status { reason } else { nil }
    }

    /// The metric on the test data; nil when undefined or not measured.
    package func test(_ metric: Metric) -> Double? { isOK ? testMetrics[metric.rawValue] ?? nil : nil }

    package func validation(_ metric: Metric) -> Double? {
        isOK ? validationMetrics[metric.rawValue] ?? nil : nil
    }
}
