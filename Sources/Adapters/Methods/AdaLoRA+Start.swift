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
    ///   - budget: what of a budget triplets may take in these layers
    ///   - finish: what becomes of the adapters before anything counts them
    convenience init(
        _ start: MethodStart, trained: AdapterSet?,
        budget share: (Budget, [LinearLayer]) throws -> Budget = { budget, _ in budget },
        finish: (AdapterSet) -> Void = { _ in }
    ) throws {
        let settings = start.settings
        let layers = try start.layers()
        let shares = try settings.budgetShares(of: layers).map {
            var own = $0
            own.budget = try share($0.budget, $0.layers)
            return own
        }
        let builder = AdaLoRAStart(
            start: start, trained: trained, settings: settings.adalora, shares: shares, layers: layers)
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
    /// At least one; each layer is in one of them.
    let shares: [BudgetShare]
    let layers: [LinearLayer]

    private var unit: BudgetUnit { shares[0].budget.unit }

    /// Which layers share a budget
    private var groups: SiteGroups {
        if shares.count == 1 { return .whole }
        return SiteGroups(
            layers.map { layer in shares.firstIndex { $0.tower == layer.site.tower } ?? 0 })
    }

    /// What a triplet of each layer costs in parameters, where that is what budgets count
    private var costs: [Int]? {
        guard unit == .parameters else { return nil }
        return layers.map {
            TripletCost.parameters(outputs: $0.outputs, inputs: $0.inputs, hasLambda: true)
        }
    }

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

    private func plan() throws -> AdapterPlan {
        for share in shares { try share.check() }
        let initialRanks = shares.map { $0.initialRank(settings.initialRank) }
        var plan = start.plan(.adalora, rank: initialRanks.max() ?? 0)
        plan.initialization = settings.initialization
        for (share, rank) in zip(shares, initialRanks) where rank < plan.rank {
            for layer in share.layers { plan.ranks[layer.site] = rank }
        }
        if settings.allocator == .prune { return plan }
        for share in shares {
            for (layer, rank) in zip(share.layers, share.budget.evenRanks(costs: share.costs)) {
                plan.ranks[layer.site] = rank
            }
        }
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
            for layer in layers {
                plan.ranks[layer.site] = max(plan.rank(at: layer.site), held[layer.site] ?? 0)
            }
            return
        }
        for share in shares {
            for (layer, rank) in zip(share.layers, try filled(share, held)) { plan.ranks[layer.site] = rank }
        }
        plan.rank = layers.map { plan.rank(at: $0.site) }.max() ?? 0
        try checkEveryMatrixHasRank(plan)
    }

    /// The ranks held, and what a budget has left beyond them spread evenly.
    private func filled(_ share: BudgetShare, _ held: [LinearSite: Int]) throws -> [Int] {
        let (layers, counted) = (share.layers, share.counted)
        var ranks = layers.map { held[$0.site] ?? 0 }
        var left = share.total - share.spent(held)
        guard left >= 0 else {
            throw AdapterError(
                description:
                    "the adapter holds \(share.total - left) of a budget of \(share.total)\(share.place), and \(SettingName.allocator) "
                    + "\(settings.allocator.rawValue) prunes nothing; raise the budget, or use \(SettingName.allocator) prune"
            )
        }
        while let next = layers.indices.filter({
            counted[$0] <= left && ranks[$0] < min(layers[$0].outputs, layers[$0].inputs)
        }).min(by: { (ranks[$0], $0) < (ranks[$1], $1) }) {
            ranks[next] += 1
            left -= counted[next]
        }
        return ranks
    }

    /// Looks at the inputs of a few batches: Q starts along their leading right singular vectors, and the initial
    /// budget goes where they explain most, with 1 to twice the uniform rank in each matrix.
    private func startFromActivations(_ plan: inout AdapterPlan) throws {
        let statistics = ActivationSVD(probing: layers)
        try start.lookAtBatches(settings.activationBatches) { try statistics.fold(workers: start.workers) }
        let groups = groups
        let most = shares.map { $0.layers.map { plan.rank(at: $0.site) }.max() ?? 0 }
        let largest = layers.enumerated().map { min(2 * most[groups[$0]], $1.outputs, $1.inputs) }
        let directions = try statistics.finish(
            count: largest.max() ?? 0, seed: start.seed, workers: start.workers)
        let uniform = Dictionary(uniqueKeysWithValues: layers.map { ($0.site, plan.rank(at: $0.site)) })
        // The first direction of each matrix is always in: a matrix without triplets could never show its worth.
        let scores = zip(directions, largest).map { directions, largest in
            directions.explained.prefix(largest).enumerated().map { $0.offset == 0 ? .infinity : $0.element }
        }
        let initial = try RankAllocator.allocate(
            scores: scores, costs: costs, budgets: shares.map { $0.spent(uniform) }, groups: groups)
        for (index, layer) in layers.enumerated() {
            plan.ranks[layer.site] = initial.ranks[index]
            plan.rightVectors[layer.site] = directions[index].vectors
        }
    }

    func rankController(_ set: AdapterSet) throws -> RankController {
        let isExchange = settings.allocator == .exchange
        let held = Dictionary(uniqueKeysWithValues: set.adapters.map { ($0.site, $0.factors.rank) })
        let initialBudgets = try shares.map {
            let initial = isExchange ? $0.total : startingBudget($0, held)
            try check($0, initial: initial, held)
            return initial
        }
        let schedule = try BudgetSchedule(
            initialBudgets: initialBudgets, finalBudgets: shares.map(\.total), totalSteps: start.totalSteps,
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

    /// What the ranks that pruning starts at cost. Ranks by explained variance may leave a little of a budget in parameters
    /// over; the schedule does not care.
    private func startingBudget(_ share: BudgetShare, _ held: [LinearSite: Int]) -> Int {
        share.spent(startingRanks(share, held))
    }

    private func startingRanks(_ share: BudgetShare, _ held: [LinearSite: Int]) -> [LinearSite: Int] {
        let uniform = share.initialRank(settings.initialRank)
        return Dictionary(
            uniqueKeysWithValues: share.layers.map {
                ($0.site, trained == nil ? uniform : held[$0.site] ?? 0)
            })
    }

    private func check(_ share: BudgetShare, initial: Int, _ held: [LinearSite: Int]) throws {
        guard share.total <= initial else {
            let shown = Set(startingRanks(share, held).values).sorted().map(String.init).joined(
                separator: ", ")
            throw AdapterError(
                description:
                    "\(share.title) is more than the \(initial) of the start "
                    + "(\(share.layers.count) matrices of rank \(shown)); raise \(SettingName.initialRank) or lower it"
            )
        }
        if let cheapest = share.counted.min(), share.total < cheapest {
            throw AdapterError(
                description: "\(share.title) does not pay for one triplet of \(cheapest); raise it")
        }
    }

    private func allocation(_ schedule: BudgetSchedule) -> AllocationSettings {
        var allocation = AllocationSettings(
            schedule: schedule, measure: settings.resolvedImportance.measure(seed: start.seed))
        allocation.weightsAfterUpdate = settings.importanceWeights == .peft
        allocation.beta1 = Float(settings.importanceBeta1)
        allocation.beta2 = Float(settings.importanceBeta2)
        allocation.unit = unit
        allocation.groups = groups
        allocation.keepsTripletsExact = settings.resolvedOrthogonality == .exact
        allocation.exchangeShare = settings.allocator == .exchange ? settings.exchangeShare : nil
        let allocations = (schedule.lastBudgetingStep - schedule.warmupSteps) / schedule.interval
        allocation.historyEvery = settings.resolvedHistoryEvery(allocations: allocations)
        return allocation
    }
}
