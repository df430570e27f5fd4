import Adapters
import Autodiff
import Datasets
import Foundation
import GoldenFiles
import Matrices
import ModelFiles
import RankAllocation
import Tasks
import Testing
import Training
import Transformers

/// The trainer on the tiny BERT with random rows: what must hold at every step.
@Suite struct TrainerTests {
    static func rows(_ count: Int, seed: UInt64) -> TokenizedDataset {
        var stream = RandomStream(seed: seed, purpose: "rows")
        var sequences: [TokenizedDataset.Sequence] = []
        var labels: [Int32] = []
        for _ in 0..<count {
            let length = 3 + Int(stream.uniform() * 12)
            let ids = (0..<length).map { _ in Int32(5 + stream.uniform() * 90) }
            sequences.append(.init(ids: ids, typeIDs: Array(repeating: 0, count: length)))
            labels.append(ids[1] % 5)
        }
        return TokenizedDataset(sequences: sequences, objective: ClassObjective(truth: labels))
    }

    static func trainer(
        threads: Int, interval: Int = 2, final: Int = 10, dropout: Float = 0.1, rate: Double = 5e-3,
        rank: Int = 3, initial: Int = 36, penalty: Float = 0.1,
        initialization: FactorInitialization = .orthonormal, hasLongSteps: Bool = false,
        measure: any ImportanceMeasure = Sensitivity(),
        steps: Int = 30, exchange: any GradientExchange = SoleProcess(),
        _ configure: (inout AllocationSettings) -> Void = { _ in }
    ) throws -> Trainer {
        let backbone = try PretrainedModel.open(Golden.url("bert/model")).openBackbone()
        let plan = AdapterPlan(
            method: .adalora, roles: backbone.architecture.roles, rank: rank, scale: 1, dropout: dropout,
            initialization: initialization, seed: 3)
        let set = try AdapterSet(installing: plan, on: backbone.linearLayers)
        let head = try SequenceHead(
            backbone: backbone, outputs: 5, pooling: .pooler, dropout: dropout,
            stream: RandomStream(seed: 3, purpose: "initialize head"))
        let schedule = try BudgetSchedule(
            initialBudget: initial, finalBudget: final, totalSteps: steps, warmupSteps: 4,
            finalSteps: steps - 20,
            interval: interval)
        var allocation = AllocationSettings(schedule: schedule, measure: measure)
        configure(&allocation)
        let ranks = RankController(set: set, settings: allocation)
        let peak = LearningRate(peak: rate, shape: .linear, warmupSteps: 2, totalSteps: steps)
        var settings = TrainerSettings(learningRate: peak, headLearningRate: peak)
        if steps > 30 { settings.clip = 0 }
        return Trainer(
            model: SequenceModel(
                backbone: backbone, head: head, workers: Workers(count: threads), exchange: exchange),
            method: AdaLoRA(
                set, ranks: ranks, penalty: OrthogonalityPenalty(form: .squared, weight: penalty),
                hasLongSteps: hasLongSteps),
            settings: settings)
    }

    @Test func bitsDoNotDependOnThreads() throws {
        let data = Self.rows(64, seed: 1)
        let (one, two, five) = (
            try Self.trainer(threads: 1), try Self.trainer(threads: 2), try Self.trainer(threads: 5)
        )
        for step in 1...12 {
            let results = try [one, two, five].map { try $0.step(step, data: data, indices: Array(0..<64)) }
            #expect(Set(results.map(\.loss)).count == 1 && Set(results.map(\.gradientNorm)).count == 1)
        }
        #expect(one.vector.values.values == two.vector.values.values)
        #expect(one.vector.values.values == five.vector.values.values)
        #expect(one.adapters.adapters.map(\.mask) == five.adapters.adapters.map(\.mask))
    }

    @Test(arguments: [0, 1, 10, 36]) func theBudgetIsExact(_ final: Int) throws {
        let data = Self.rows(16, seed: 2)
        let trainer = try Self.trainer(threads: 2, final: final)
        for step in 1...30 {
            let result = try trainer.step(step, data: data, indices: Array(0..<16))
            if let allocation = result.allocation {
                #expect(allocation.ranks.reduce(0, +) == allocation.budget)
                #expect(trainer.adapters.ranks == allocation.ranks)
                for adapter in trainer.adapters.adapters {
                    let lambda = adapter.factors.lambda?.values.values ?? []
                    for (index, kept) in adapter.mask.enumerated() where !kept { #expect(lambda[index] == 0) }
                }
            }
            if step == 20 { trainer.compact() }
        }
        #expect(trainer.adapters.ranks.reduce(0, +) == final)
        #expect(try trainer.evaluate(data).loss.isFinite)
    }

    /// Between allocations (ΔT = 5) pruned λ regrow; evaluation must show the masked model and disturb nothing.
    @Test func evaluationShowsTheMaskedModelAndLeavesTrainingAlone() throws {
        let data = Self.rows(16, seed: 3)
        let trainer = try Self.trainer(threads: 1, interval: 5, dropout: 0)
        for step in 1...13 { _ = try trainer.step(step, data: data, indices: Array(0..<16)) }
        let before = trainer.vector.values.values
        let pruned = trainer.adapters.adapters.flatMap { adapter in
            adapter.mask.indices.filter { !adapter.mask[$0] }.map {
                adapter.factors.lambda?.values.values[$0] ?? 0
            }
        }
        #expect(pruned.contains { $0 != 0 }, "no pruned λ has regrown: the test tests nothing")
        let masked = try trainer.evaluate(data).loss
        #expect(trainer.vector.values.values == before)
        for adapter in trainer.adapters.adapters {
            for (index, kept) in adapter.mask.enumerated() where !kept {
                adapter.factors.lambda?.values.pointer[index] = 0
            }
        }
        #expect(try trainer.evaluate(data).loss == masked)
    }

    /// Training on after compaction equals training on with masks. Without penalty and clipping, whose terms see
    /// the pruned rows; products of other widths may round differently, hence 1e-4.
    @Test func compactionChangesNothing() throws {
        let data = Self.rows(24, seed: 4)
        var losses: [[Double]] = []
        for compacts in [true, false] {
            let backbone = try PretrainedModel.open(Golden.url("bert/model")).openBackbone()
            let plan = AdapterPlan(
                method: .adalora, roles: backbone.architecture.roles, rank: 3, scale: 1, dropout: 0,
                initialization: .orthonormal, seed: 3)
            let set = try AdapterSet(installing: plan, on: backbone.linearLayers)
            let head = try SequenceHead(
                backbone: backbone, outputs: 5, pooling: .mean, dropout: 0,
                stream: RandomStream(seed: 3, purpose: "head"))
            let schedule = try BudgetSchedule(
                initialBudget: 36, finalBudget: 8, totalSteps: 80, warmupSteps: 5, finalSteps: 55, interval: 1
            )
            let ranks = RankController(
                set: set, settings: AllocationSettings(schedule: schedule, measure: Sensitivity()))
            let peak = LearningRate(peak: 3e-3, shape: .linear, warmupSteps: 2, totalSteps: 80)
            var settings = TrainerSettings(learningRate: peak, headLearningRate: peak)
            settings.clip = 0
            let trainer = Trainer(
                model: SequenceModel(backbone: backbone, head: head, workers: Workers(count: 2)),
                method: AdaLoRA(set, ranks: ranks), settings: settings)
            var run: [Double] = []
            for step in 1...75 {
                run.append(try trainer.step(step, data: data, indices: Array(0..<24)).loss)
                if step == 25 && compacts {
                    let before = try trainer.evaluate(data).loss
                    trainer.compact()
                    #expect(try abs(trainer.evaluate(data).loss - before) < 1e-5 * before)
                    let set = trainer.adapters
                    #expect(zip(set.adapters, set.layers).contains { $0.rank == 0 && $1.adapter == nil })
                }
            }
            losses.append(run)
        }
        for (a, b) in zip(losses[0], losses[1]) { #expect(abs(a - b) < 1e-4 * b) }
    }

    @Test func aSteadyStepTakesNoBuffers() throws {
        let data = Self.rows(32, seed: 5)
        let trainer = try Self.trainer(threads: 1)
        for step in 1...3 { _ = try trainer.step(step, data: data, indices: Array(0..<32)) }
        let before = trainer.model.workers.allocations
        for step in 4...8 { _ = try trainer.step(step, data: data, indices: Array(0..<32)) }
        #expect(trainer.model.workers.allocations == before)
    }

    @Test func aNonFiniteLossStopsBeforeTheUpdate() throws {
        let data = Self.rows(8, seed: 6)
        let trainer = try Self.trainer(threads: 1)
        _ = try trainer.step(1, data: data, indices: Array(0..<8))
        trainer.model.head.weight.values.pointer[0] = .nan
        let before = trainer.vector.values.values.map(\.bitPattern)
        #expect {
            try trainer.step(2, data: data, indices: Array(0..<8))
        } throws: {
            "\($0)".hasPrefix("step 2: the loss is not finite") && "\($0)".contains("Lower --learning-rate")
        }
        #expect(trainer.vector.values.values.map(\.bitPattern) == before)
    }

    /// The loss of a step is the mean over its examples however they are sharded: one step on 40 examples has the
    /// gradient norm and loss of the weighted sum of its parts.
    @Test func examplesWeighTheSameHoweverSharded() throws {
        let data = Self.rows(40, seed: 7)
        let trainer = try Self.trainer(threads: 2, dropout: 0)
        let whole = Matrix(rows: 1, columns: trainer.vector.count)
        let part = Matrix(rows: 1, columns: trainer.vector.count)
        let sum = Matrix(rows: 1, columns: trainer.vector.count)
        var buffers: [Matrix] = []
        let loss = try trainer.model.lossAndGradient(
            data, indices: Array(0..<40), into: whole, shardGradients: &buffers, seed: 1, step: 1
        ).loss
        var parts = 0.0
        for range in [0..<7, 7..<40] {
            parts +=
                try Double(range.count) / 40
                * trainer.model.lossAndGradient(
                    data, indices: Array(range), into: part, shardGradients: &buffers, seed: 1, step: 1
                ).loss
            for index in 0..<part.count {
                sum.pointer[index] += part.pointer[index] * Float(range.count) / 40
            }
        }
        #expect(abs(loss - parts) < 1e-6 * loss)
        #expect(relativeError(whole.values, sum.values) < 1e-5)
    }
}
