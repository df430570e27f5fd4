import Adapters
import Autodiff
import Foundation
import Matrices
import RankAllocation
import RunConfiguration
import Transformers

/// Puts a trainer together from a configuration and what it names.
struct TrainerAssembly {
    let config: RunConfig
    let inputs: RunInputs
    let totalSteps: Int
    let workers: Workers

    init(_ config: RunConfig, _ inputs: RunInputs, totalSteps: Int, threads: Int) {
        self.config = config
        self.inputs = inputs
        self.totalSteps = totalSteps
        workers = Workers(count: threads)
    }

    /// - Parameter isResumed: a checkpoint will give shapes and values, so that no data need be looked at for them.
    func trainer(isResumed: Bool) throws -> Trainer {
        let encoder = inputs.encoder
        let head = try inputs.startingAdapter?.head ?? freshHead()
        let model = SequenceModel(
            encoder: encoder, head: head, workers: workers, recomputesLayers: config.recompute == .layers)
        let set = try adapters(model, isResumed: isResumed)
        let isAllocated = config.method == .adalora && config.allocator != .fixed
        return Trainer(
            model: model, adapters: set, ranks: isAllocated ? try rankController(set) : nil,
            encoderWeights: config.method == .full ? encoder.parameters : [], settings: settings)
    }

    private func freshHead() throws -> SequenceHead {
        let head = try SequenceHead(
            encoder: inputs.encoder, outputs: inputs.task.outputs, form: inputs.task.headForm,
            dropout: Float(config.headDropout),
            stream: RandomStream(seed: config.seed, purpose: "initialize head"))
        if let bias = inputs.train.targets?.objective().startingBias(outputs: head.outputs) {
            head.startBias(at: bias)
        }
        return head
    }

    private func adapters(_ model: SequenceModel, isResumed: Bool) throws -> AdapterSet {
        guard config.method.hasAdapters else { return .none }
        let available = model.encoder.linearLayers
        let roles = config.targets.compactMap { LinearSite.Role(rawValue: $0.rawValue) }
        let layers = try AdapterPlan.layers(of: roles, in: available)
        if let start = inputs.startingAdapter {
            return try continued(start.set, model: model, layers: layers, roles: roles)
        }
        var plan = try adapterPlan(layers, roles: roles)
        // Ranks that nobody allocates are those of the start, also where a checkpoint has the values.
        let isStarted = isResumed && config.allocator != .fixed
        if config.method == .adalora && config.initialization == .activationSVD && !isStarted {
            try plan.check(layers)
            try startFromActivations(&plan, model: model, layers: layers)
        } else if plan.initialization == .activationSVD {
            plan.initialization = .orthonormal
        }
        return try AdapterSet(installing: plan, on: layers)
    }

    /// The adapters of the run at the updates of `trained`, which hang on the model; its logits must not change.
    private func continued(
        _ trained: AdapterSet, model: SequenceModel, layers: [LinearLayer], roles: [LinearSite.Role]
    ) throws -> AdapterSet {
        let samples = LogitCheck.samples(inputs.tokenizer, maxLength: config.maxLength)
        let before = model.logits(samples)
        let start: AdapterSet
        var plan: AdapterPlan
        if config.method == .lora {
            start = trained.asLoRA(scale: Float(config.scale))
            plan = basicPlan(roles, rank: 0)
        } else {
            start = try trained.inExactTriplets(workers: workers)
            plan = try adapterPlan(layers, roles: roles)
            let held = Dictionary(uniqueKeysWithValues: start.adapters.map { ($0.site, $0.rank) })
            try raise(&plan, to: held, layers)
        }
        let set = try AdapterSet(continuing: start, plan: plan, on: model.encoder.linearLayers)
        let difference = LogitDifference(before, model.logits(samples))
        guard difference.isWithin(1e-4) else {
            throw TrainingError(
                "the start of the run is not the adapter in --from-adapter: \(difference)")
        }
        return set
    }

    /// Initial ranks that hold what the adapter does. A budget that must not fall spreads its rest evenly.
    private func raise(_ plan: inout AdapterPlan, to held: [LinearSite: Int], _ layers: [LinearLayer]) throws
    {
        if config.allocator == .prune {
            for layer in layers { plan.ranks[layer.site] = max(plan.rank, held[layer.site] ?? 0) }
            return
        }
        let costs = config.countsParameters ? Self.costs(layers) : layers.map { _ in 1 }
        var ranks = layers.map { held[$0.site] ?? 0 }
        let budget = config.totalBudget(costs: Self.costs(layers))
        var left = budget - zip(ranks, costs).reduce(0) { $0 + $1.0 * $1.1 }
        guard left >= 0 else {
            throw TrainingError(
                .usage,
                "the adapter holds \(budget - left) of a budget of \(budget), and --allocator "
                    + "\(config.allocator.rawValue) prunes nothing; raise the budget, or use --allocator prune"
            )
        }
        while let next = layers.indices.filter({
            costs[$0] <= left && ranks[$0] < min(layers[$0].outputs, layers[$0].inputs)
        }).min(by: { (ranks[$0], $0) < (ranks[$1], $1) }) {
            ranks[next] += 1
            left -= costs[next]
        }
        for (layer, rank) in zip(layers, ranks) { plan.ranks[layer.site] = rank }
        plan.rank = ranks.max() ?? 0
        try checkEveryMatrixHasRank(plan, layers)
    }

    /// What a person should know about what was put together.
    func warnings(_ trainer: Trainer) -> [String] {
        guard config.method == .lora, let budget = config.budgetParameters, config.fromAdapter == nil
        else { return [] }
        let spent = trainer.adapters.liveParameterCount
        if spent == budget { return [] }
        return [
            "LoRA of whole rank spends \(spent) of the budget of \(budget) parameters; \(budget - spent) stay unused"
        ]
    }

    private var settings: TrainerSettings {
        func rate(_ peak: Double) -> LearningRate {
            LearningRate(
                peak: peak,
                shape: LearningRate.Shape(rawValue: config.learningRateSchedule.rawValue) ?? .linear,
                warmupSteps: Int((config.learningRateWarmup * Double(totalSteps)).rounded()),
                totalSteps: totalSteps)
        }
        var settings = TrainerSettings(
            learningRate: rate(config.resolvedLearningRate),
            headLearningRate: rate(config.resolvedHeadLearningRate))
        settings.beta1 = Float(config.beta1)
        settings.beta2 = Float(config.beta2)
        settings.epsilon = Float(config.adamEpsilon)
        settings.weightDecay = Float(config.weightDecay)
        settings.clip = config.gradientClip
        // Exact re-factorization takes the place of a penalty.
        settings.penalty = OrthogonalityPenalty(
            form: OrthogonalityPenalty.Form(rawValue: config.resolvedOrthogonality.rawValue) ?? .none,
            weight: Float(config.orthogonalityWeight))
        settings.seed = config.seed
        return settings
    }

    /// What a triplet of each layer costs with method adalora.
    private static func costs(_ layers: [LinearLayer]) -> [Int] { layers.map { $0.outputs + $0.inputs + 1 } }

    private func basicPlan(_ roles: [LinearSite.Role], rank: Int) -> AdapterPlan {
        AdapterPlan(
            method: config.method == .lora ? .lora : .adalora, roles: roles, rank: rank,
            scale: Float(config.scale), dropout: Float(config.adapterDropout),
            initialization: FactorInitialization(rawValue: config.initialization.rawValue) ?? .orthonormal,
            seed: config.seed)
    }

    private func adapterPlan(_ layers: [LinearLayer], roles: [LinearSite.Role]) throws -> AdapterPlan {
        let costs = Self.costs(layers)
        let pattern = try config.method == .lora ? rankPattern(layers) : [:]
        var plan = basicPlan(
            roles,
            rank: try config.method == .lora
                ? (pattern.isEmpty ? fixedRank(layers) : 0)
                : config.initialRank(
                    costs: costs, largest: layers.map { min($0.outputs, $0.inputs) }.min() ?? 1))
        plan.ranks = pattern
        if config.method == .adalora && config.allocator != .prune {
            plan.ranks = Dictionary(
                uniqueKeysWithValues: zip(layers.map(\.site), config.evenRanks(costs: costs)))
            plan.rank = plan.ranks.values.max() ?? 0
            try checkEveryMatrixHasRank(plan, layers)
        }
        return plan
    }

    private func checkEveryMatrixHasRank(_ plan: AdapterPlan, _ layers: [LinearLayer]) throws {
        guard plan.ranks.values.allSatisfy({ $0 > 0 }) else {
            throw TrainingError(
                .usage,
                "--allocator \(config.allocator.rawValue) starts with a triplet in each of the \(layers.count) matrices, which the "
                    + "budget does not pay for; raise it, adapt fewer --targets, or use --allocator prune")
        }
    }

    /// Empty when the configuration names none.
    private func rankPattern(_ layers: [LinearLayer]) throws -> [LinearSite: Int] {
        guard let path = config.rankPattern else { return [:] }
        return try RankPattern(URL(fileURLWithPath: path)).ranks(of: layers)
    }

    private func fixedRank(_ layers: [LinearLayer]) throws -> Int {
        if let parameters = config.budgetParameters {
            let perRank = layers.reduce(0) { $0 + $1.outputs + $1.inputs }
            guard parameters >= perRank else {
                throw TrainingError(
                    .usage,
                    "a budget of \(parameters) parameters is less than the \(perRank) of rank 1 in "
                        + "\(layers.count) matrices; raise --budget-parameters, or adapt fewer --targets")
            }
            return parameters / perRank
        }
        let budget = config.totalBudget(costs: Self.costs(layers))
        guard budget > 0, budget % layers.count == 0 else {
            throw TrainingError(
                .usage,
                "a fixed rank must be whole: budget \(budget) over \(layers.count) matrices is "
                    + "\(Double(budget) / Double(layers.count)); use --average-rank or a multiple of \(layers.count)"
            )
        }
        return budget / layers.count
    }

    private func rankController(_ set: AdapterSet) throws -> RankController {
        let costs = set.adapters.map { config.countsParameters ? $0.tripletCost : 1 }
        let final = config.totalBudget(costs: set.adapters.map(\.tripletCost))
        let isExchange = config.allocator == .exchange
        let uniform = config.initialRank(
            costs: set.adapters.map(\.tripletCost),
            largest: set.adapters.map { min($0.layer.outputs, $0.layer.inputs) }.min() ?? 1)
        // Ranks by explained variance may leave a little of a budget in parameters over; the schedule does not care.
        let ranks = set.adapters.map { inputs.startingAdapter == nil ? uniform : $0.factors.rank }
        let initial = isExchange ? final : zip(ranks, costs).reduce(0) { $0 + $1.0 * $1.1 }
        let unit = config.countsParameters ? BudgetUnit.parameters : .triplets
        guard final <= initial else {
            let shown = Set(ranks).sorted().map(String.init).joined(separator: ", ")
            throw TrainingError(
                .usage,
                "the budget of \(final) \(unit.rawValue) is more than the \(initial) of the start "
                    + "(\(set.adapters.count) matrices of rank \(shown)); raise --initial-rank or lower it"
            )
        }
        if let cheapest = costs.min(), final < cheapest {
            throw TrainingError(
                .usage,
                "the budget of \(final) \(unit.rawValue) does not pay for one triplet of \(cheapest); raise it"
            )
        }
        let schedule = try BudgetSchedule(
            initialBudget: initial, finalBudget: final, totalSteps: totalSteps,
            warmupSteps: Int(config.warmupFraction * Double(totalSteps)),
            finalSteps: Int(config.finalFraction * Double(totalSteps)), interval: config.resolvedAllocateEvery
        )
        // The first exchange that still leaves its triplets an interval.
        let firstExchange = (schedule.warmupSteps / schedule.interval + 1) * schedule.interval
        guard !isExchange || firstExchange + schedule.interval <= schedule.lastBudgetingStep else {
            throw TrainingError(
                .usage,
                "no exchange fits between steps \(schedule.warmupSteps) and \(schedule.lastBudgetingStep) with "
                    + "--allocate-every \(schedule.interval); lower it, or train for more steps")
        }
        var settings = AllocationSettings(schedule: schedule, measure: measure)
        settings.weightsAfterUpdate = config.importanceWeights == .peft
        settings.beta1 = Float(config.importanceBeta1)
        settings.beta2 = Float(config.importanceBeta2)
        settings.unit = unit
        settings.keepsTripletsExact = config.resolvedOrthogonality == .exact
        settings.exchangeShare = isExchange ? config.exchangeShare : nil
        let allocations = (schedule.lastBudgetingStep - schedule.warmupSteps) / schedule.interval
        settings.historyEvery = config.resolvedHistoryEvery(allocations: allocations)
        return RankController(set: set, settings: settings)
    }

    private var measure: any ImportanceMeasure {
        switch config.resolvedImportance {
        case .sensitivity: return Sensitivity()
        case .sensitivityOnly: return SensitivityOnly()
        case .taskSensitivity: return TaskSensitivity()
        case .spectralSensitivity: return SpectralSensitivity()
        case .singularValue: return SingularValue()
        case .magnitude: return Magnitude()
        case .random:
            let seed = config.seed
            return RandomImportance { site, triplet in
                var stream = RandomStream(seed: seed, purpose: "random importance", indices: [site, triplet])
                return Float(stream.uniform())
            }
        }
    }

    /// Looks at the inputs of a few batches: Q starts along their leading right singular vectors, and the initial
    /// budget goes where they explain most, with 1 to twice the uniform rank in each matrix.
    private func startFromActivations(_ plan: inout AdapterPlan, model: SequenceModel, layers: [LinearLayer])
        throws
    {
        let sampler = BatchSampler(
            examples: inputs.train.count, batch: config.batchSize, seed: config.seed)
        let order = sampler.order(epoch: 0)
        let statistics = ActivationSVD(probing: layers)
        for batch in 1...min(config.activationBatches, sampler.stepsPerEpoch) {
            model.probe(
                inputs.train, indices: Array(sampler.indices(step: batch, order: order)), backwardInto: nil)
            try statistics.fold(workers: workers)
        }
        let largest = layers.map { min(2 * plan.rank, $0.outputs, $0.inputs) }
        let directions = try statistics.finish(
            count: largest.max() ?? 0, seed: config.seed, workers: workers)
        let costs = config.countsParameters ? Self.costs(layers) : layers.map { _ in 1 }
        let budget = zip(layers, costs).reduce(0) { sum, entry in
            sum + (plan.ranks[entry.0.site] ?? plan.rank) * entry.1
        }
        // The first direction of each matrix is always in: a matrix without triplets could never show its worth.
        let scores = zip(directions, largest).map { directions, largest in
            directions.explained.prefix(largest).enumerated().map { $0.offset == 0 ? .infinity : $0.element }
        }
        let initial = try RankAllocator.allocate(
            scores: scores, costs: config.countsParameters ? costs : nil, budget: budget)
        for (index, layer) in layers.enumerated() {
            plan.ranks[layer.site] = initial.ranks[index]
            plan.rightVectors[layer.site] = directions[index].vectors
        }
    }
}
