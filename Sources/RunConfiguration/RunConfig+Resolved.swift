/// The values that an unset property stands for.
extension RunConfig {
    /// Where the task has labels of which one is right.
    public var usedLabelNames: String? { task.hasOneClass ? labelNames : nil }
    public var usedClassWeights: String? { task.hasOneClass ? classWeights : nil }

    /// `learningRate`, or else the usual one of the method.
    public var resolvedLearningRate: Double { learningRate ?? tuning.method.usualLearningRate }

    /// The head's learning rate: `headLearningRate`, or else the learning rate.
    public var resolvedHeadLearningRate: Double { headLearningRate ?? resolvedLearningRate }

    /// The metric of the best evaluation: `bestMetric`, or else the first of the task's; nil for token classification,
    /// where that depends on the tags.
    public var resolvedBestMetric: Metric? {
        if let bestMetric { return bestMetric }
        switch task {
        case .classification: return .accuracy
        case .regression: return .pearson
        case .multiLabel: return .microF1
        case .tokenClassification: return nil
        case .questionAnswering: return .f1
        }
    }

    /// `steps`, or else those of `epochs`, at least one.
    public func totalSteps(stepsPerEpoch: Int) -> Int {
        steps ?? max(1, Int((Double(stepsPerEpoch) * (epochs ?? 3)).rounded(.up)))
    }

    /// `stride`, or else 128, but at most a third of the longest row.
    public var resolvedStride: Int { stride ?? Self.usualStride(maxLength: maxLength) }

    public static func usualStride(maxLength: Int) -> Int { min(128, maxLength / 3) }
}
