import Adapters
import Foundation
import Matrices
import RankAllocation
import RunConfiguration
import RunRecords
import Training

/// What a run writes down of itself, as values.
struct SessionRecords {
    let config: RunConfig
    let inputs: RunInputs
    let trainer: Trainer
    let stepsPerEpoch: Int
    let totalSteps: Int
    let threads: Int
    /// The share of a step's tokens that its rows begin with alike, computed once
    let sharedPrefix: Double?

    private var isFull: Bool { config.tuning.method.trainsBackbone }

    /// - Parameter completed: steps that were taken before
    func start(after completed: Int, environment: [(name: String, value: String)]) -> RunRecord.Start {
        let plan = trainer.method.rankPlan
        let schedule = plan?.schedule
        let total = trainer.adapters.adapters.reduce(0) { $0 + $1.initialRank }
        return RunRecord.Start(
            method: config.tuning.method.name, totalSteps: totalSteps, stepsPerEpoch: stepsPerEpoch,
            completedSteps: completed, trainExamples: inputs.train.count,
            validationExamples: inputs.validation?.rows ?? 0, labels: inputs.task.record.labels,
            sites: trainer.adapters.ranked.adapters.map {
                .init($0.layer, trained: .init($0, config.tuning))
            },
            parts: RunRecord.Part.all(trainer.adapters, trainer.method.changed), allocator: plan?.allocator,
            budgetUnit: plan?.unit ?? .triplets,
            initialBudget: schedule?.initialBudget ?? total, finalBudget: schedule?.finalBudget ?? total,
            towerBudgets: plan.map { RunRecord.TowerBudget.all($0, trainer.adapters) } ?? [],
            warmupSteps: schedule?.warmupSteps ?? 0, finalSteps: schedule?.finalSteps ?? 0,
            trainableParameters: trainer.trainableParameters,
            frozenParameters: isFull
                ? 0 : inputs.backbone.parameterCount - trainer.method.changed.parameterCount,
            threads: threads,
            sharedPrefix: sharedPrefix, kernel: KernelSelection.currentKernel,
            precision: config.usedPrecision.rawValue,
            date: ISO8601DateFormatter().string(from: Date()),
            environment: environment.map { .init(name: $0.name, value: $0.value) },
            hashes: inputs.fingerprints.map { .init(name: $0.name, value: $0.hash) })
    }

    func step(_ result: Trainer.StepResult, step: Int, seconds: Double) -> RunRecord.Step {
        let rank = trainer.adapters.ranked.ranks.reduce(0, +)
        let plan = trainer.method.rankPlan
        return RunRecord.Step(
            step: step, epoch: Double(step) / Double(stepsPerEpoch),
            phase: plan?.schedule.phase(at: step).rawValue ?? "fixed", loss: result.loss,
            orthogonality: result.orthogonality, gradientNorm: result.gradientNorm, learningRate: result.rate,
            budget: plan?.schedule.budget(at: step) ?? rank, rank: rank, tokens: result.tokens,
            seconds: seconds)
    }
}

extension RunRecord.TowerBudget {
    /// Of a plan whose groups of adapters are towers; none where one budget is over all.
    static func all(_ plan: RankPlan, _ set: AdapterSet) -> [Self] {
        guard plan.groups.count > 1 else { return [] }
        return (0..<plan.groups.count).map { group in
            let first = set.adapters.indices.first { plan.groups[$0] == group }
            return Self(
                tower: first.flatMap { set.adapters[$0].site.tower?.rawValue } ?? "group \(group)",
                initial: plan.schedule.initialBudgets[group], final: plan.schedule.finalBudgets[group])
        }
    }
}

extension RunRecord.Allocation {
    init(_ allocation: AllocationOutcome, step: Int) {
        let towers = zip(allocation.budgets, allocation.spending).map {
            TowerShare(budget: $0, spent: $1)
        }
        self.init(
            step: step, budget: allocation.budget, spent: allocation.spent,
            towers: towers.count > 1 ? towers : [], ranks: allocation.ranks,
            worstKept: allocation.worstKept.map(Double.init),
            bestPruned: allocation.bestPruned.map(Double.init), returned: allocation.returned,
            left: allocation.left,
            added: allocation.added)
    }
}
