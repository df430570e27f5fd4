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
    package var status: Status
    /// By metric name (`macro-f1`); nil where a metric is undefined.
    package var validationMetrics: [String: Double?] = [:]
    package var testMetrics: [String: Double?] = [:]
    /// Everything that trained, the head included.
    package var trainableParameters: Int?
    /// The adapters' part at the end, by which arms are matched.
    package var adapterParameters: Int?
    /// Final rank by site, `layer.3.query`.
    package var ranks: [String: Int] = [:]
    package var steps: Int?
    package var secondsPerStep: Double?
    package var tokensPerSecond: Double?
    package var peakMemoryBytes: Int?
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
            learningRate: trial.learningRate, seed: trial.seed, status: status)
    }

    package init(
        id: String, stage: Trial.Stage, arm: String, budget: Budget?, learningRate: Double, seed: UInt64,
        status: Status
    ) {
        self.id = id
        self.stage = stage
        self.arm = arm
        self.budget = budget
        self.learningRate = learningRate
        self.seed = seed
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

extension TrialResult: Codable {
    enum Key: String, CodingKey, CaseIterable {
        case id, stage, arm, budget, seed, status, reason, ranks, steps, machine, commit, kernel, started,
            warnings
        case learningRate = "learning-rate"
        case validationMetrics = "validation"
        case testMetrics = "test"
        case trainableParameters = "trainable-parameters"
        case adapterParameters = "adapter-parameters"
        case secondsPerStep = "seconds-per-step"
        case tokensPerSecond = "tokens-per-second"
        case peakMemoryBytes = "peak-memory-bytes"
        case bestStep = "best-step"
    }

    private struct AnyKey: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    package init(from decoder: any Decoder) throws {
        let names = Key.allCases.map(\.rawValue)
        for key in try decoder.container(keyedBy: AnyKey.self).allKeys where !names.contains(key.stringValue)
        {
            throw ComparisonError("\(quoted(key.stringValue)) is not a field of a result")
        }
        let fields = try decoder.container(keyedBy: Key.self)
        id = try fields.decode(String.self, forKey: .id)
        stage = try fields.decode(Trial.Stage.self, forKey: .stage)
        arm = try fields.decode(String.self, forKey: .arm)
        budget = try fields.decodeIfPresent(Budget.self, forKey: .budget)
        learningRate = try fields.decode(Double.self, forKey: .learningRate)
        seed = try fields.decode(UInt64.self, forKey: .seed)
        switch try fields.decode(String.self, forKey: .status) {
        case "ok": status = .ok
        case "failed": status = .failed(try fields.decode(String.self, forKey: .reason))
        case let other: throw ComparisonError("status \(quoted(other)) is neither ok nor failed")
        }
        validationMetrics = try fields.decode([String: Double?].self, forKey: .validationMetrics)
        testMetrics = try fields.decode([String: Double?].self, forKey: .testMetrics)
        trainableParameters = try fields.decodeIfPresent(Int.self, forKey: .trainableParameters)
        adapterParameters = try fields.decodeIfPresent(Int.self, forKey: .adapterParameters)
        ranks = try fields.decode([String: Int].self, forKey: .ranks)
        steps = try fields.decodeIfPresent(Int.self, forKey: .steps)
        secondsPerStep = try fields.decodeIfPresent(Double.self, forKey: .secondsPerStep)
        tokensPerSecond = try fields.decodeIfPresent(Double.self, forKey: .tokensPerSecond)
        peakMemoryBytes = try fields.decodeIfPresent(Int.self, forKey: .peakMemoryBytes)
        bestStep = try fields.decodeIfPresent(Int.self, forKey: .bestStep)
        machine = try fields.decodeIfPresent(String.self, forKey: .machine)
        commit = try fields.decodeIfPresent(String.self, forKey: .commit)
        kernel = try fields.decodeIfPresent(String.self, forKey: .kernel)
        started = try fields.decodeIfPresent(String.self, forKey: .started)
        warnings = try fields.decodeIfPresent([String].self, forKey: .warnings) ?? []
    }

    /// JSON has no NaN: numbers that are not finite are written as undefined.
    package func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: Key.self)
        try fields.encode(id, forKey: .id)
        try fields.encode(stage, forKey: .stage)
        try fields.encode(arm, forKey: .arm)
        try fields.encodeIfPresent(budget, forKey: .budget)
        try fields.encode(learningRate, forKey: .learningRate)
        try fields.encode(seed, forKey: .seed)
        try fields.encode(isOK ? "ok" : "failed", forKey: .status)
        try fields.encodeIfPresent(failure, forKey: .reason)
        try fields.encode(validationMetrics.mapValues { finite($0) }, forKey: .validationMetrics)
        try fields.encode(testMetrics.mapValues { finite($0) }, forKey: .testMetrics)
        try fields.encodeIfPresent(trainableParameters, forKey: .trainableParameters)
        try fields.encodeIfPresent(adapterParameters, forKey: .adapterParameters)
        try fields.encode(ranks, forKey: .ranks)
        try fields.encodeIfPresent(steps, forKey: .steps)
        try fields.encodeIfPresent(finite(secondsPerStep), forKey: .secondsPerStep)
        try fields.encodeIfPresent(finite(tokensPerSecond), forKey: .tokensPerSecond)
        try fields.encodeIfPresent(peakMemoryBytes, forKey: .peakMemoryBytes)
        try fields.encodeIfPresent(bestStep, forKey: .bestStep)
        try fields.encodeIfPresent(machine, forKey: .machine)
        try fields.encodeIfPresent(commit, forKey: .commit)
        try fields.encodeIfPresent(kernel, forKey: .kernel)
        try fields.encodeIfPresent(started, forKey: .started)
        if !warnings.isEmpty { try fields.encode(warnings, forKey: .warnings) }
    }

    private func finite(_ value: Double?) -> Double? { value.flatMap { $0.isFinite ? $0 : nil } }
}
