/// The values that an unset property stands for.
extension RunConfig {
    /// The head's learning rate: `headLearningRate`, or else the learning rate.
    public var resolvedHeadLearningRate: Double { headLearningRate ?? learningRate }

    /// The metric of the best evaluation: `bestMetric`, or else accuracy or Pearson correlation by task.
    public var resolvedBestMetric: Metric {
        bestMetric ?? (task == .classification ? .accuracy : .pearson)
    }

    /// b(T) in triplets over `matrices` adapted matrices; 0 when only the head trains.
    public func totalBudget(matrices: Int) -> Int {
        precondition(matrices >= 0, "a model cannot have \(matrices) adapted matrices")
        if let budget { return budget }
        return Int(((averageRank ?? 0) * Double(matrices)).rounded())
    }

    /// Triplets per adapted matrix at the start: `initialRank`, or else 1.5 times the average rank of the
    /// budget over `matrices` adapted matrices, rounded up. Not limited by the matrices' own ranks.
    public func initialRank(matrices: Int) -> Int {
        precondition(matrices > 0, "\(matrices) adapted matrices have no average rank")
        if let initialRank { return initialRank }
        let average = averageRank ?? Double(totalBudget(matrices: matrices)) / Double(matrices)
        return Int((1.5 * average).rounded(.up))
    }
}
