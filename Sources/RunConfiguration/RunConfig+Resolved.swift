/// The values that an unset property stands for.
extension RunConfig {
    /// Where the task has labels of which one is right.
    public var usedLabelNames: String? { task.hasOneClass ? labelNames : nil }
    public var usedClassWeights: String? { task.hasOneClass ? classWeights : nil }

    /// `learningRate`, or else 3e-3 for adapters and heads and 1e-4 for the weights of a pretrained model.
    public var resolvedLearningRate: Double { learningRate ?? (method == .full ? 1e-4 : 3e-3) }

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

    /// `importance`, or else the paper's score: on exact triplets, unless something else that is set asks for others.
    /// On exact triplets it did better than with the penalty at every budget of `Benchmarks/results`.
    public var resolvedImportance: Importance {
        if let importance { return importance }
        let mayBeExact = orthogonality == nil || orthogonality == .exact
        return mayBeExact && allocator == .prune && importanceWeights == .paper
            ? .spectralSensitivity : .sensitivity
    }

    /// `orthogonality`, or else exact where the importance needs it, or the paper's penalty.
    public var resolvedOrthogonality: Orthogonality {
        orthogonality ?? (resolvedImportance.needsExactTriplets ? .exact : .squared)
    }

    /// `allocateEvery`, or else every step, and every 20 where new triplets need time to show what they are worth.
    public var resolvedAllocateEvery: Int { allocateEvery ?? (allocator == .exchange ? 20 : 1) }

    /// `historyEvery`, or else as few as keep a run of `allocations` at about a thousand records.
    public func resolvedHistoryEvery(allocations: Int) -> Int { historyEvery ?? max(1, allocations / 1000) }

    /// Whether budgets count parameters rather than triplets.
    public var countsParameters: Bool { budgetParameters != nil }

    /// b(T), in parameters if `countsParameters`, else in triplets; 0 when only the head trains.
    ///
    /// - Parameter costs: the parameters of one triplet of each adapted matrix.
    public func totalBudget(costs: [Int]) -> Int {
        if let budget = budget ?? budgetParameters { return budget }
        return Int(((averageRank ?? 0) * Double(costs.count)).rounded())
    }

    /// Triplets per adapted matrix at the start: `initialRank`, or else 1.5 times the average rank that the budget
    /// allows (the paper's choice), but at least 8: a tight budget needs more to choose from, and that costs a few per
    /// cent of a step's time.
    ///
    /// - Parameter largest: the smallest of the matrices' own ranks; only the 8 is limited by it.
    public func initialRank(costs: [Int], largest: Int) -> Int {
        precondition(!costs.isEmpty, "no adapted matrices have no average rank")
        let whole = countsParameters ? costs.reduce(0, +) : costs.count
        let average = averageRank ?? Double(totalBudget(costs: costs)) / Double(whole)
        switch initialRank {
        case .triplets(let rank): return rank
        case .multiple(let factor): return Int((factor * average).rounded(.up))
        case nil: return max(Int((1.5 * average).rounded(.up)), min(8, largest))
        }
    }

    /// The budget spread evenly: one rank everywhere, and one more for as many matrices as there is left for.
    public func evenRanks(costs: [Int]) -> [Int] {
        let counted = countsParameters ? costs : costs.map { _ in 1 }
        let budget = totalBudget(costs: costs)
        let whole = max(1, counted.reduce(0, +))
        var left = budget % whole
        return counted.map { cost in
            guard left >= cost else { return budget / whole }
            left -= cost
            return budget / whole + 1
        }
    }
}
