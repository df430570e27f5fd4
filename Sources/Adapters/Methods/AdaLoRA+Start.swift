import Matrices
import Messages
import RankAllocation
import Transformers

/// Puts AdaLoRA on a model: initial ranks, the start of its factors, the schedule of its budget.
extension AdaLoRA {
    convenience init(_ start: MethodStart) throws {
        try self.init(start, trained: try start.trainedSums())
    }

    /// - Parameters:
    ///   - trained: what the run goes on from; nil for a fresh start
    ///   - budget: what of the budget triplets may take
    ///   - finish: what becomes of the adapters before anything counts them
    convenience init(
        _ start: MethodStart, trained: AdapterSet?,
        budget share: (Budget, [LinearLayer]) throws -> Budget = { budget, _ in budget },
        finish: (AdapterSet) -> Void = { _ in }
    ) throws {
        let settings = start.settings
        guard let budget = settings.budget else {
            throw AdapterError(description: "method \(settings.method.name) has no budget; give one")
        }
        let layers = try start.layers()
        let builder = AdaLoRAStart(
            start: start, trained: trained, settings: settings.adalora, budget: try share(budget, layers),
            layers: layers,
            costs: layers.map {
                TripletCost.parameters(outputs: $0.outputs, inputs: $0.inputs, hasLambda: true)
            })
        let set = try builder.adapters()
        finish(set)
        let ranks = settings.adalora.allocator == .fixed ? nil : try builder.rankController(set)
        try self.init(
            set, ranks: ranks,
            penalty: OrthogonalityPenalty(
                form: settings.adalora.resolvedOrthogonality.penalty,
                weight: Float(settings.adalora.orthogonalityWeight)),
            hasLongSteps: settings.adalora.resolvedOrthogonality == .exact
                && settings.adalora.tripletSteps == .lora,
            optimizer: settings.adapterOptimizer, changed: start.biases(beside: set))
    }
}

private struct AdaLoRAStart {
    let start: MethodStart
    let trained: AdapterSet?
    let settings: AdaLoRASettings
    let budget: Budget
    let layers: [LinearLayer]
    /// What a triplet of each layer costs in parameters
    let costs: [Int]

    private var counted: [Int] { budget.counted(costs) }

    func adapters() throws -> AdapterSet {
        var plan = try plan()
        if let trained {
            let exact = try trained.inExactTriplets(workers: start.workers)
            try raise(&plan, to: Dictionary(uniqueKeysWithValues: exact.adapters.map { ($0.site, $0.rank) }))
            return try AdapterSet(continuing: exact, plan: plan, on: start.backbone.linearLayers)
        }
        // Ranks that nobody allocates are those of the start, also where a checkpoint has the values.
        let isStarted = start.isResumed && settings.allocator != .fixed
        if settings.initialization == .activationSVD && !isStarted {
            try plan.check(layers)
            try startFromActivations(&plan)
        } else if plan.initialization == .activationSVD {
            plan.initialization = .orthonormal
        }
        return try AdapterSet(installing: plan, on: layers)
    }

    /// That every matrix can have
    private var largestRank: Int { layers.map { min($0.outputs, $0.inputs) }.min() ?? 1 }

    private func initialRank() -> Int {
        InitialRank.rank(settings.initialRank, budget: budget, costs: costs, largest: largestRank)
    }

    private func checkBudget() throws {
        let asked = budget.total(costs: costs)
        let most = counted.reduce(0) { $0 + $1 * largestRank }
        guard asked > most else { return }
        throw AdapterError(
            description:
                "the budget of \(asked) \(budget.unit.rawValue) is more than \(layers.count) matrices of rank \(largestRank) "
                + "hold; give \(most) or less")
    }

    private func plan() throws -> AdapterPlan {
        try checkBudget()
        var plan = start.plan(.adalora, rank: initialRank())
        plan.initialization = settings.initialization
        if settings.allocator == .prune { return plan }
        plan.ranks = Dictionary(
            uniqueKeysWithValues: zip(layers.map(\.site), budget.evenRanks(costs: costs)))
        plan.rank = plan.ranks.values.max() ?? 0
        try checkEveryMatrixHasRank(plan)
        return plan
    }

    private func checkEveryMatrixHasRank(_ plan: AdapterPlan) throws {
        guard plan.ranks.values.allSatisfy({ $0 > 0 }) else {
            throw AdapterError(
                description:
                    "\(SettingName.allocator) \(settings.allocator.rawValue) starts with a triplet in each of the \(layers.count) matrices, which the "
                    + "budget does not pay for; raise it, adapt fewer \(SettingName.targets), or use \(SettingName.allocator) prune"
            )
        }
    }

    /// Initial ranks that hold what the adapter does. A budget that must not fall spreads its rest evenly.
    private func raise(_ plan: inout AdapterPlan, to held: [LinearSite: Int]) throws {
        if settings.allocator == .prune {
            for layer in layers { plan.ranks[layer.site] = max(plan.rank, held[layer.site] ?? 0) }
            return
        }
        let counted = counted
        var ranks = layers.map { held[$0.site] ?? 0 }
        let total = budget.total(costs: costs)
        var left = total - zip(ranks, counted).reduce(0) { $0 + $1.0 * $1.1 }
        guard left >= 0 else {
            throw AdapterError(
                description:
                    "the adapter holds \(total - left) of a budget of \(total), and \(SettingName.allocator) "
                    + "\(settings.allocator.rawValue) prunes nothing; raise the budget, or use \(SettingName.allocator) prune"
            )
        }
        while let next = layers.indices.filter({
            counted[$0] <= left && ranks[$0] < min(layers[$0].outputs, layers[$0].inputs)
        }).min(by: { (ranks[$0], $0) < (ranks[$1], $1) }) {
            ranks[next] += 1
            left -= counted[next]
        }
        for (layer, rank) in zip(layers, ranks) { plan.ranks[layer.site] = rank }
        plan.rank = ranks.max() ?? 0
        try checkEveryMatrixHasRank(plan)
    }

    /// Looks at the inputs of a few batches: Q starts along their leading right singular vectors, and the initial
    /// budget goes where they explain most, with 1 to twice the uniform rank in each matrix.
    private func startFromActivations(_ plan: inout AdapterPlan) throws {
        let statistics = ActivationSVD(probing: layers)
        try start.lookAtBatches(settings.activationBatches) { try statistics.fold(workers: start.workers) }
        let largest = layers.map { min(2 * plan.rank, $0.outputs, $0.inputs) }
        let directions = try statistics.finish(
            count: largest.max() ?? 0, seed: start.seed, workers: start.workers)
        let initialBudget = zip(layers, counted).reduce(0) { sum, entry in
            sum + (plan.ranks[entry.0.site] ?? plan.rank) * entry.1
        }
        // The first direction of each matrix is always in: a matrix without triplets could never show its worth.
        let scores = zip(directions, largest).map { directions, largest in
            directions.explained.prefix(largest).enumerated().map { $0.offset == 0 ? .infinity : $0.element }
        }
        let initial = try RankAllocator.allocate(
            scores: scores, costs: budget.unit == .parameters ? costs : nil, budget: initialBudget)
        for (index, layer) in layers.enumerated() {
            plan.ranks[layer.site] = initial.ranks[index]
            plan.rightVectors[layer.site] = directions[index].vectors
        }
    }

    func rankController(_ set: AdapterSet) throws -> RankController {
        let counted = counted
        let final = budget.total(costs: costs)
        let isExchange = settings.allocator == .exchange
        let uniform = initialRank()
        // Ranks by explained variance may leave a little of a budget in parameters over; the schedule does not care.
        let ranks = set.adapters.map { trained == nil ? uniform : $0.factors.rank }
        let initial = isExchange ? final : zip(ranks, counted).reduce(0) { $0 + $1.0 * $1.1 }
        let unit = budget.unit
        guard final <= initial else {
            let shown = Set(ranks).sorted().map(String.init).joined(separator: ", ")
            throw AdapterError(
                description:
                    "the budget of \(final) \(unit.rawValue) is more than the \(initial) of the start "
                    + "(\(set.adapters.count) matrices of rank \(shown)); raise \(SettingName.initialRank) or lower it"
            )
        }
        if let cheapest = counted.min(), final < cheapest {
            throw AdapterError(
                description:
                    "the budget of \(final) \(unit.rawValue) does not pay for one triplet of \(cheapest); raise it"
            )
        }
        let schedule = try BudgetSchedule(
            initialBudget: initial, finalBudget: final, totalSteps: start.totalSteps,
            warmupSteps: Int(settings.warmupFraction * Double(start.totalSteps)),
            finalSteps: Int(settings.finalFraction * Double(start.totalSteps)),
            interval: settings.resolvedAllocateEvery)
        // The first exchange that still leaves its triplets an interval.
        let firstExchange = (schedule.warmupSteps / schedule.interval + 1) * schedule.interval
        guard !isExchange || firstExchange + schedule.interval <= schedule.lastBudgetingStep else {
            throw AdapterError(
                description:
                    "no exchange fits between steps \(schedule.warmupSteps) and \(schedule.lastBudgetingStep) with "
                    + "\(SettingName.allocateEvery) \(schedule.interval); lower it, or train for more steps")
        }
        return RankController(set: set, settings: allocation(schedule))
    }

    private func allocation(_ schedule: BudgetSchedule) -> AllocationSettings {
        var allocation = AllocationSettings(
            schedule: schedule, measure: settings.resolvedImportance.measure(seed: start.seed))
        allocation.weightsAfterUpdate = settings.importanceWeights == .peft
        allocation.beta1 = Float(settings.importanceBeta1)
        allocation.beta2 = Float(settings.importanceBeta2)
        allocation.unit = budget.unit
        allocation.keepsTripletsExact = settings.resolvedOrthogonality == .exact
        allocation.exchangeShare = settings.allocator == .exchange ? settings.exchangeShare : nil
        let allocations = (schedule.lastBudgetingStep - schedule.warmupSteps) / schedule.interval
        allocation.historyEvery = settings.resolvedHistoryEvery(allocations: allocations)
        return allocation
    }
}
