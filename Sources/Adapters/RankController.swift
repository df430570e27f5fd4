import Autodiff
import Matrices
import RankAllocation

/// How ranks are allocated.
package struct AllocationSettings: Sendable {
    package var schedule: BudgetSchedule
    package var measure: any ImportanceMeasure
    /// Whether the running averages see weights before the update (paper) or after it (PEFT).
    package var weightsAfterUpdate = false
    package var beta1: Float = 0.85
    package var beta2: Float = 0.85
    /// Which sites share a budget
    package var groups = SiteGroups.whole
    /// What budgets count.
    package var unit = BudgetUnit.triplets
    /// Whether P, Λ, Q are re-factorized into exact singular triplets after each step.
    package var keepsTripletsExact = false
    /// Exchange triplets under a constant budget instead of pruning: the share of them that the first exchange may
    /// replace, falling linearly to 0 at the end of budgeting. nil prunes.
    package var exchangeShare: Double?
    /// Allocations between two snapshots of all triplets.
    package var historyEvery = 1

    package init(schedule: BudgetSchedule, measure: any ImportanceMeasure) {
        self.schedule = schedule
        self.measure = measure
    }
}

/// What one allocation did.
package struct AllocationOutcome: Sendable {
    /// b(t) of each group of sites that has one, and what of it is in use, in triplets or parameters.
    package let budgets: [Int]
    package let spending: [Int]
    package let ranks: [Int]
    package let worstKept: Float?
    package let bestPruned: Float?
    /// Triplets that came back or left since the allocation before, and new ones.
    package let returned: Int
    package let left: Int
    package let added: Int
    /// All sites' triplets, when this allocation's history is kept.
    package let snapshot: [SiteSnapshot]?

    /// Over all groups
    package var budget: Int { budgets.reduce(0, +) }
    package var spent: Int { spending.reduce(0, +) }
}

/// One site after an allocation.
package struct SiteSnapshot: Sendable, Equatable {
    /// For each triplet that is physically there, whether it is alive.
    package let kept: [Bool]
    package let spectrum: AdapterSpectrum
    /// The score of each triplet; empty for LoRA.
    package let importance: [Float]
    /// The share of ‖ΔW‖_F² that this allocation's mask left; nil when nothing was there or nothing was masked.
    package let energyKept: Double?
}

/// Carries out AdaLoRA's allocation on a set of adapters: observes importance, keeps triplets exact, chooses masks
/// on schedule, holds them, exchanges triplets, and at the end of budgeting cuts pruned ones out. AdaLoRA
/// calls it at every step.
package final class RankController {
    package let settings: AllocationSettings
    package var schedule: BudgetSchedule { settings.schedule }
    let set: AdapterSet
    /// One for each site.
    let sites: [SiteState]

    /// Unchecked Sendable: within a step each site is the business of one task.
    final class SiteState: @unchecked Sendable {
        var averages: TripletAverages

        init(_ averages: TripletAverages) { self.averages = averages }
    }

    package init(set: AdapterSet, settings: AllocationSettings) {
        precondition(
            settings.keepsTripletsExact || !settings.measure.needsExactTriplets,
            "\(type(of: settings.measure)) needs exact triplets")
        precondition(
            set.adapters.allSatisfy { $0.factors.lambda != nil }, "ranks of LoRA's adapters are not allocated"
        )
        self.set = set
        self.settings = settings
        sites = set.adapters.map {
            SiteState(
                TripletAverages(
                    outputs: $0.layer.outputs, rank: $0.factors.rank, inputs: $0.layer.inputs))
        }
    }

    package var averages: [TripletAverages] { sites.map(\.averages) }

    /// Puts back what a checkpoint held.
    package func restore(averages: [TripletAverages]) {
        for (site, averages) in zip(sites, averages) { site.averages = averages }
    }

    /// What one triplet of each site counts against the budget; nil when each counts 1.
    package var costs: [Int]? { settings.unit == .parameters ? set.adapters.map(\.tripletCost) : nil }

    /// Whether `observe` needs the gradient of the task alone.
    package var observesTaskGradient: Bool { settings.measure.observedGradient == .task }

    /// Takes the step's weights and gradients into the averages. Gradients [1, N] are those of the optimizer
    /// (orthogonality term and clipping included) or, where `observesTaskGradient`, of the task alone.
    package func observe(step: Int, vector: ParameterVector, gradients: Matrix, workers: Workers) {
        guard settings.measure.observedGradient != .none,
            schedule.observesImportance(at: step, peftCompatible: settings.weightsAfterUpdate)
        else { return }
        let (adapters, sites, settings) = (set.adapters, sites, settings)
        workers.run(tasks: adapters.count) { index, _ in
            let factors = adapters[index].factors
            guard let lambda = factors.lambda else { return }
            func gradient(_ parameter: Parameter) -> UnsafeBufferPointer<Float> {
                let range = vector.range(of: parameter)
                return UnsafeBufferPointer(start: gradients.pointer + range.lowerBound, count: range.count)
            }
            sites[index].averages.observe(
                p: factors.p.values.buffer, pGradient: gradient(factors.p),
                lambda: lambda.values.buffer, lambdaGradient: gradient(lambda),
                q: factors.q.values.buffer, qGradient: gradient(factors.q),
                beta1: settings.beta1, beta2: settings.beta2)
        }
    }

    /// Holds the mask in force, where step t neither lets pruned λ regrow nor chooses a new one: before triplets are
    /// made exact, so that pruned ones do not mix with those that stay.
    package func holdMask(after step: Int) {
        guard schedule.appliesMask(after: step), !schedule.allocates(after: step) else { return }
        for adapter in set.adapters { adapter.applyMask() }
    }

    /// After step t: replaces P, Λ, Q by the exact singular triplets of the same ΔW; Adam's moments [1, N] follow, if there are any,
    /// and the averages as long as they decide something (see `ChangeOfBasis`). A site whose P is 0 waits for its first
    /// step, at most until something may be pruned.
    package func refactorize(
        after step: Int, _ vector: ParameterVector, firstMoments: Matrix?, secondMoments: Matrix?,
        workers: Workers
    ) throws {
        let (adapters, sites) = (set.adapters, sites)
        let mixesAverages = settings.measure.observedGradient != .none && schedule.phase(at: step) != .final
        let warmup = schedule.warmupSteps
        _ = try workers.mapThrowing(tasks: adapters.count) { index in
            let factors = adapters[index].factors
            guard let lambda = factors.lambda, factors.rank > 0 else { return }
            // Nothing has moved it yet: P = 0 names no directions, and λ = 1 is what its first step needs.
            if step <= warmup, factors.p.values.buffer.allSatisfy({ $0 == 0 }) { return }
            let exact = try ExactTriplets(
                p: factors.p.values, lambda: lambda.values.values, q: factors.q.values)
            factors.p.values.copyTransposed(from: exact.pRows)
            lambda.values.copyValues(from: exact.values)
            factors.q.values.copyValues(from: exact.q)
            func part(_ all: Matrix, _ parameter: Parameter) -> Matrix {
                all.view(
                    offset: vector.range(of: parameter).lowerBound, rows: parameter.values.rows,
                    columns: parameter.values.columns)
            }
            if let firstMoments {
                exact.change.moveFirstMoments(
                    p: part(firstMoments, factors.p), lambda: part(firstMoments, lambda),
                    q: part(firstMoments, factors.q))
            }
            if let secondMoments {
                exact.change.moveSecondMoments(
                    p: part(secondMoments, factors.p), lambda: part(secondMoments, lambda),
                    q: part(secondMoments, factors.q))
            }
            guard mixesAverages else { return }
            let weights = exact.change.weights
            sites[index].averages.mix(p: weights.p, lambda: weights.lambda, q: weights.q)
        }
    }

    /// The score of each triplet now.
    package func scores(workers: Workers) -> [[Float]] {
        let (adapters, sites, measure, costs) = (set.adapters, sites, settings.measure, costs)
        return workers.map(tasks: adapters.count) { index in
            measure.scores(
                SiteTriplets(
                    site: index, averages: sites[index].averages, lambda: adapters[index].actingLambda,
                    originalIndices: adapters[index].originalIndices, cost: costs?[index] ?? 1))
        }
    }

    /// After the update of step t: a new mask if one is due, which is applied. Returns what was done if an allocation
    /// was made. With exchanges masks never change.
    package func allocate(after step: Int, workers: Workers) throws -> AllocationOutcome? {
        guard settings.exchangeShare == nil else { return nil }
        var outcome: AllocationOutcome?
        if schedule.allocates(after: step) {
            let scores = scores(workers: workers)
            let costs = self.costs
            let available = settings.groups.sums(
                zip(scores, costs ?? scores.map { _ in 1 }).map { $0.count * $1 })
            let new = try RankAllocator.allocate(
                scores: scores, costs: costs, budgets: zip(schedule.budgets(at: step), available).map(min),
                groups: settings.groups, previous: set.adapters.map(\.mask))
            let keepsHistory = keepsHistory(after: step)
            let energies = keepsHistory ? self.energies(left: new.keep, workers: workers) : []
            for (adapter, mask) in zip(set.adapters, new.keep) {
                adapter.mask = mask
                adapter.applyMask()
            }
            outcome = AllocationOutcome(
                budgets: schedule.budgets(at: step), spending: new.spending, ranks: new.ranks,
                worstKept: new.worstKept, bestPruned: new.bestPruned, returned: new.returned, left: new.left,
                added: 0,
                snapshot: keepsHistory
                    ? try snapshot(
                        scores: scores, energies: energies, areExact: settings.keepsTripletsExact,
                        workers: workers) : nil)
        }
        return outcome
    }

    func keepsHistory(after step: Int) -> Bool {
        step == schedule.lastBudgetingStep
            || (step / schedule.interval).isMultiple(of: max(1, settings.historyEvery))
    }

    func energies(left masks: [[Bool]], workers: Workers) -> [Double?] {
        let adapters = set.adapters
        return workers.map(tasks: adapters.count) { index in
            let factors = adapters[index].factors
            return FactorGrams.energyKept(
                p: factors.p.values, lambda: adapters[index].lambda, q: factors.q.values, mask: masks[index])
        }
    }

    /// All triplets as they are now.
    package func snapshot(workers: Workers) throws -> [SiteSnapshot] {
        try snapshot(scores: scores(workers: workers), energies: [], areExact: false, workers: workers)
    }

    func snapshot(scores: [[Float]], energies: [Double?], areExact: Bool, workers: Workers) throws
        -> [SiteSnapshot]
    {
        let spectra = try set.spectra(areExact: areExact, workers: workers)
        return set.adapters.indices.map { index in
            SiteSnapshot(
                kept: set.adapters[index].mask, spectrum: spectra[index], importance: scores[index],
                energyKept: energies.isEmpty ? nil : energies[index])
        }
    }
}

extension AdapterSet {
    /// All triplets of adapters whose ranks nobody controls.
    package func snapshot(workers: Workers) throws -> [SiteSnapshot] {
        zip(adapters, try spectra(areExact: false, workers: workers)).map { adapter, spectrum in
            SiteSnapshot(kept: adapter.mask, spectrum: spectrum, importance: [], energyKept: nil)
        }
    }
}
