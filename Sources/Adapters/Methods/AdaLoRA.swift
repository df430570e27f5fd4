import Autodiff
import Matrices
import ModelFiles
import RankAllocation

/// AdaLoRA (Zhang et al. 2023): s·P·Λ·Q whose triplets are scored and allocated while they train.
package final class AdaLoRA: FineTuning {
    package let adapters: AdapterSet
    /// nil where ranks stay as they are
    package let ranks: RankController?
    package let changed: ChangedParts
    package let balanced: BalancedSteps?
    let penalty: OrthogonalityPenalty
    let allocator: AdaLoRASettings.Allocator
    /// nil where steps are as long as the optimizer makes them
    private let stepLengths: StepLengths?
    private(set) var isCompacted = false

    package init(
        _ adapters: AdapterSet, ranks: RankController?,
        penalty: OrthogonalityPenalty = OrthogonalityPenalty(form: .none, weight: 0),
        hasLongSteps: Bool = false, optimizer: AdapterOptimizer = .adam, changed: ChangedParts = .none
    ) {
        balanced = optimizer == .balanced ? BalancedSteps(adapters) : nil
        self.changed = changed
        // Balanced steps have LoRA's length of their own.
        stepLengths = hasLongSteps && optimizer == .adam ? StepLengths() : nil
        self.adapters = adapters
        self.ranks = ranks
        self.penalty = penalty
        allocator = ranks.map { $0.settings.exchangeShare == nil ? .prune : .exchange } ?? .fixed
    }

    package var groups: [ParameterGroup] { [ParameterGroup(adapters.parameters)] + changed.groups }

    package var rankPlan: RankPlan? {
        ranks.map {
            RankPlan(
                schedule: $0.schedule, groups: $0.settings.groups, unit: $0.settings.unit,
                allocator: allocator.rawValue)
        }
    }

    package var observesTaskGradient: Bool { ranks?.observesTaskGradient ?? false }

    package var averages: Int {
        (stepLengths == nil ? 0 : adapters.parameters.reduce(0) { $0 + $1.values.count })
            + (ranks?.averages.reduce(0) { $0 + 2 * ($1.p.count + $1.lambda.count + $1.q.count) } ?? 0)
    }

    /// λ goes into B and A where PEFT has no place for it.
    package var copies: Int {
        adapters.adapters.reduce(0) {
            $0 + ($1.rule == nil ? 0 : $1.factors.p.values.count + $1.factors.q.values.count)
        }
    }

    package func addPenalty(in vector: ParameterVector, to gradients: Matrix) -> Double {
        penalty.addGradient(of: adapters, in: vector, to: gradients)
    }

    package func observe(_ update: MethodUpdate) {
        if let ranks, !ranks.settings.weightsAfterUpdate { observe(update, ranks) }
        stepLengths?.begin(adapters)
    }

    private func observe(_ update: MethodUpdate, _ ranks: RankController) {
        ranks.observe(
            step: update.step, vector: update.arrays.vector, gradients: update.gradients,
            workers: update.workers)
    }

    /// Holds the mask → makes triplets exact → allocates and masks Λ, or exchanges; then what rules keep follows.
    package func afterUpdate(_ update: MethodUpdate, probing: () -> Void) throws -> AllocationOutcome? {
        defer { adapters.followUpdates(workers: update.workers) }
        stepLengths?.end(adapters, rate: update.rate, decay: update.decay, workers: update.workers)
        guard let ranks else { return nil }
        if ranks.settings.weightsAfterUpdate { observe(update, ranks) }
        ranks.holdMask(after: update.step)
        try makeTripletsExact(after: update.step, in: update.arrays, workers: update.workers)
        // Triplets are scored, and probed for, as they act now.
        if ranks.schedule.allocates(after: update.step) { adapters.followUpdates(workers: update.workers) }
        switch allocator {
        case .prune: return try ranks.allocate(after: update.step, workers: update.workers)
        case .exchange: return try exchange(update, ranks, probing)
        case .fixed: return nil
        }
    }

    /// With exact orthogonality: P, Λ, Q become the exact singular triplets of the same ΔW. Otherwise nothing.
    package func makeTripletsExact(after step: Int, in arrays: any TrainedArrays, workers: Workers) throws {
        guard let ranks, ranks.settings.keepsTripletsExact else { return }
        try ranks.refactorize(
            after: step, arrays.vector, firstMoments: balanced == nil ? arrays.firstMoments : nil,
            secondMoments: balanced == nil ? arrays.secondMoments : nil, workers: workers)
    }

    /// Swaps the worst triplets for new ones, where the step asks for it. The directions of the new ones come from
    /// the gradient of this step's examples at the updated weights.
    private func exchange(_ update: MethodUpdate, _ ranks: RankController, _ probing: () -> Void) throws
        -> AllocationOutcome?
    {
        guard let (plan, scores) = try ranks.planExchange(after: update.step, workers: update.workers)
        else { return nil }
        let probes = ranks.probes(for: plan)
        if !plan.isEmpty { probing() }
        let vector = update.arrays.vector
        let (reshaped, outcome) = try ranks.exchange(
            plan, scores: scores, probes: probes, after: update.step, vector: vector,
            others: others(in: vector),
            workers: update.workers)
        if let reshaped {
            update.arrays.take(reshaped)
            if balanced == nil { fillNewMoments(update) }
        }
        return outcome
    }

    /// Second moments of triplets made after the step start at the mean of their site's others: from 0, with the step
    /// count of the whole run, their first updates would be several times the learning rate.
    private func fillNewMoments(_ update: MethodUpdate) {
        let (vector, secondMoments) = (update.arrays.vector, update.arrays.secondMoments)
        for adapter in adapters.adapters {
            let isNew = adapter.book.births.map { $0 == update.step }
            let (rank, old) = (isNew.count, isNew.count { !$0 })
            guard old > 0, old < rank, let lambda = adapter.factors.lambda else { continue }
            for parameter in [adapter.factors.p, lambda, adapter.factors.q] {
                let range = vector.range(of: parameter)
                let moments = secondMoments.pointer + range.lowerBound
                // Element e belongs to row e / (elements per triplet) of Q, to column e mod R of P and λ.
                let isQ = parameter === adapter.factors.q
                func triplet(_ element: Int) -> Int { isQ ? element / adapter.layer.inputs : element % rank }
                var sum = 0.0
                for element in 0..<range.count { sum += Double(moments[element]) }
                let mean = Float(sum / Double(range.count / rank * old))
                for element in 0..<range.count where isNew[triplet(element)] { moments[element] = mean }
            }
        }
    }

    /// Cuts pruned triplets out, once the mask is final.
    package func compact(_ vector: ParameterVector) -> Reshaped? {
        guard let ranks, !isCompacted else { return nil }
        isCompacted = true
        let reshaped = ranks.compact(vector, others: others(in: vector))
        // To the bit as a run that is resumed from here has it.
        adapters.followUpdates()
        return reshaped
    }

    package func parametersChanged() { adapters.followUpdates() }

    /// What follows the adapters in the vector.
    private func others(in vector: ParameterVector) -> [Parameter] {
        Array(vector.parameters.dropFirst(adapters.parameters.count))
    }

    package func snapshot(workers: Workers) throws -> [SiteSnapshot] {
        try ranks?.snapshot(workers: workers) ?? adapters.snapshot(workers: workers)
    }

    /// Between allocations a pruned λ may have regrown, which must not count.
    package func masked<Result>(_ body: () throws -> Result) rethrows -> Result {
        let lambdas = adapters.adapters.map { $0.factors.lambda?.values.values }
        for adapter in adapters.adapters { adapter.applyMask() }
        adapters.followUpdates()
        defer {
            for (adapter, lambda) in zip(adapters.adapters, lambdas) {
                if let lambda { adapter.factors.lambda?.values.copyValues(from: lambda) }
            }
            adapters.followUpdates()
        }
        return try body()
    }

    package var state: MethodState {
        let averages = ranks?.averages ?? []
        return MethodState(
            adapters, isCompacted: isCompacted,
            tensors: [
                (
                    Self.sensitivity,
                    SavedFloats(
                        averages.flatMap { [$0.p.sensitivity, $0.lambda.sensitivity, $0.q.sensitivity] })
                ),
                (
                    Self.uncertainty,
                    SavedFloats(
                        averages.flatMap { [$0.p.uncertainty, $0.lambda.uncertainty, $0.q.uncertainty] })
                ),
            ])
    }

    private static let sensitivity = "importance.sensitivity"
    private static let uncertainty = "importance.uncertainty"

    package func restore(_ state: MethodState, in vector: ParameterVector) throws -> ParameterVector? {
        guard let ranks else {
            try state.checkFixed(adapters)
            return nil
        }
        try state.check(adapters)
        let reshaped = ranks.restoreShapes(
            state.books, dropEmpty: state.isCompacted, others: others(in: vector))
        isCompacted = state.isCompacted
        for (site, mask) in zip(adapters.adapters, state.masks) { site.mask = mask }
        ranks.restore(averages: try Self.averages(state, like: ranks.averages))
        return reshaped
    }

    private static func averages(_ state: MethodState, like shapes: [TripletAverages]) throws
        -> [TripletAverages]
    {
        func saved(_ name: String) -> [Float] { state.tensors.first { $0.name == name }?.values.values ?? [] }
        let (sensitivity, uncertainty) = (saved(sensitivity), saved(uncertainty))
        let expected = shapes.reduce(0) { $0 + $1.p.count + $1.lambda.count + $1.q.count }
        guard sensitivity.count == expected, uncertainty.count == expected else {
            throw StateMismatch(
                description:
                    "the checkpoint holds \(sensitivity.count) importance averages, \(expected) are needed; "
                    + "resume from another checkpoint")
        }
        var offset = 0
        func next(_ count: Int) -> SensitivityAverages {
            defer { offset += count }
            return SensitivityAverages(
                sensitivity: Array(sensitivity[offset..<offset + count]),
                uncertainty: Array(uncertainty[offset..<offset + count]))
        }
        return shapes.map { shape in
            let (p, lambda, q) = (next(shape.p.count), next(shape.lambda.count), next(shape.q.count))
            return TripletAverages(
                outputs: shape.outputs, rank: shape.rank, inputs: shape.inputs, p: p, lambda: lambda, q: q)
        }
    }
}

extension FineTuningMethod {
    static let adalora = FineTuningMethod(
        name: "adalora", size: "r(O + I + 1)", peft: .adalora, rows: AdaLoRA.rows,
        rankChoice: { $0.adalora.rankChoice },
        parameters: { $3 * TripletCost.parameters(outputs: $1, inputs: $2, hasLambda: true) },
        check: { $0.adalora.check($0, &$1) }, start: { try AdaLoRA($0) })
}

extension PEFTForm {
    /// `lora_A` (r, I) is Q, `lora_E` (r, 1) is λ, `lora_B` (O, r) is P, without `.weight`; `rank_pattern` holds init_r
    /// booleans per module, as many true as rows saved; ΔW = lora_alpha / (init_r + 1e-5) · B(A ⊙ E).
    package static let adalora = PEFTForm(
        fits: { $0.rule == nil && $0.factors.lambda != nil }, type: "ADALORA",
        tensors: { adapter, path in
            let (p, lambda, q) = adapter.keptFactors
            let rank = adapter.rank
            var tensors = [
                TensorToWrite(name: "\(path).lora_A", shape: [rank, adapter.layer.inputs], values: q)
            ]
            if let lambda {
                tensors.append(TensorToWrite(name: "\(path).lora_E", shape: [rank, 1], values: lambda))
            }
            tensors.append(
                TensorToWrite(name: "\(path).lora_B", shape: [adapter.layer.outputs, rank], values: p))
            return tensors
        },
        configure: { config, set, rank, scale in
            config["lora_alpha"] = .number(scale * (Double(rank) + PEFTForm.rankOffset))
            config["init_r"] = JSONValue(rank)
            config["total_step"] = JSONValue(1)
            var pattern = JSONObject()
            for adapter in set.adapters {
                let numbers = adapter.mask.indices.filter { adapter.mask[$0] }.map {
                    adapter.originalIndices[$0]
                }
                // Triplets made later have numbers past the pattern; PEFT needs only how many there are.
                let places = numbers.allSatisfy { $0 < rank } ? Set(numbers) : Set(0..<numbers.count)
                pattern[adapter.layer.modulePath + ".lora_E"] = .array(
                    (0..<rank).map { .bool(places.contains($0)) })
            }
            config["rank_pattern"] = .object(pattern)
        })
}
