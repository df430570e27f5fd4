import Adapters
import Datasets
import GoldenFiles
import Matrices
import RankAllocation
import Testing
import Training
import Transformers

/// Training with exact triplets, other importances and exchanges, on the tiny BERT.
@Suite struct ExactTrainingTests {
    private static let data = TrainerTests.rows(24, seed: 11)

    private static func train(_ trainer: Trainer, steps: ClosedRange<Int> = 1...30) throws -> [Trainer
        .StepResult]
    {
        try steps.map { step in
            let result = try trainer.step(step, data: data, indices: Array(0..<24))
            if step == 20 { trainer.compact() }
            return result
        }
    }

    /// After each step of every phase λ are the singular values of ΔW and P, Q are orthonormal; snapshots say so.
    @Test(arguments: [1, 3]) func tripletsAreExactAtEachStep(interval: Int) throws {
        let trainer = try TrainerTests.trainer(threads: 2, interval: interval, penalty: 0) {
            $0.keepsTripletsExact = true
        }
        var allocations = 0
        for step in 1...30 {
            let result = try trainer.step(step, data: Self.data, indices: Array(0..<24))
            if step == 20 { trainer.compact() }
            for (index, adapter) in trainer.adapters.adapters.enumerated() {
                let computed = try AdapterSpectrum(of: adapter, isExact: false)
                let claimed = try AdapterSpectrum(of: adapter, isExact: true)
                for (value, expected) in zip(claimed.values, computed.values) {
                    #expect(abs(value - expected) <= 1e-5 * (computed.values.first ?? 0))
                }
                #expect((computed.orthogonalityError ?? 0) < 1e-5)
                guard let site = result.allocation?.snapshot?[index] else { continue }
                #expect(site.spectrum == claimed && site.energyKept.map { 0...(1 + 1e-6) ~= $0 } ?? true)
                if step < 20 {
                    #expect(site.kept == adapter.mask && site.importance.count == site.kept.count)
                }
            }
            if result.allocation != nil { allocations += 1 }
        }
        #expect(allocations == (interval == 1 ? 16 : 6))
    }

    /// The first step from LoRA's start is LoRA's, and exact triplets of it from then on. 1e-5 of an SVD in Float32.
    @Test(arguments: [false, true]) func theFirstStepFromLoRAsStartIsLoRAs(hasLongSteps: Bool) throws {
        let exact = try TrainerTests.trainer(
            threads: 2, dropout: 0, penalty: 0, initialization: .lora, hasLongSteps: hasLongSteps
        ) { $0.keepsTripletsExact = true }
        let backbone = exact.model.backbone
        let adapted = exact.adapters.layers
        let bare = try PretrainedModel.open(Golden.url("bert/model")).openBackbone()
        let plan = AdapterPlan(
            method: .lora, roles: backbone.architecture.roles, rank: 3, scale: 1, dropout: 0,
            initialization: .orthonormal, seed: 3)
        let head = try SequenceHead(
            backbone: bare, outputs: 5, pooling: .pooler, dropout: 0,
            stream: RandomStream(seed: 3, purpose: "initialize head"))
        let lora = Trainer(
            model: SequenceModel(backbone: bare, head: head, workers: Workers(count: 2)),
            method: LoRA(try AdapterSet(installing: plan, on: bare.linearLayers)),
            settings: exact.settings)
        let results = try [exact, lora].map {
            try $0.step(1, data: Self.data, indices: Array(0..<24))
        }
        #expect(results[0].loss == results[1].loss)
        #expect(abs(results[0].gradientNorm - results[1].gradientNorm) < 1e-6 * results[1].gradientNorm)
        #expect(adapted.count == 12)
        for (one, other) in zip(exact.adapters.adapters, lora.adapters.adapters) {
            let ours = ExactTripletsProduct.dense(one)
            #expect(
                relativeError(ours.values, ExactTripletsProduct.dense(other).values) < 1e-5, "\(one.site)")
            #expect((try AdapterSpectrum(of: one, isExact: false).orthogonalityError ?? 1) < 1e-5)
        }
        // All triplets are alive until the warm-up is over, and exact at each step.
        for step in 2...4 { _ = try exact.step(step, data: Self.data, indices: Array(0..<24)) }
        #expect(exact.adapters.ranks.allSatisfy { $0 == 3 })
    }

    /// A matrix that no gradient reaches waits at P = 0, λ = 1 until something may be pruned.
    @Test func aMatrixWithoutAGradientWaits() throws {
        let trainer = try TrainerTests.trainer(
            threads: 1, dropout: 0, penalty: 0, initialization: .lora
        ) { $0.keepsTripletsExact = true }
        let method = try #require(trainer.method as? AdaLoRA)
        let first = trainer.adapters.adapters[0]
        let rows = first.factors.q.values.values
        for step in 1...4 {
            try method.makeTripletsExact(after: step, in: trainer, workers: trainer.model.workers)
            #expect(first.lambda == [1, 1, 1] && first.factors.q.values.values == rows)
        }
        try method.makeTripletsExact(after: 5, in: trainer, workers: trainer.model.workers)
        #expect(first.lambda == [0, 0, 0])
        #expect((try AdapterSpectrum(of: first, isExact: false).orthogonalityError ?? 1) < 1e-5)
    }

    /// Without pruning, re-factorizing is a change of coordinates that leaves what the model computes alone.
    @Test func refactorizingChangesNoPrediction() throws {
        let trainer = try TrainerTests.trainer(threads: 1, interval: 1, final: 36, dropout: 0, penalty: 0) {
            $0.keepsTripletsExact = true
        }
        _ = try Self.train(trainer, steps: 1...12)
        // Away from exact, as an optimizer step would leave them.
        for index in 0..<trainer.vector.count {
            trainer.vector.values.pointer[index] *= 1 + 0.01 * Float(index % 7)
        }
        let before = try trainer.evaluate(Self.data).loss
        let values = trainer.vector.values.values
        try #require(trainer.method as? AdaLoRA).makeTripletsExact(
            after: 12, in: trainer, workers: trainer.model.workers)
        #expect(trainer.vector.values.values != values)
        #expect(try abs(trainer.evaluate(Self.data).loss - before) < 1e-5 * before)
        #expect(trainer.optimizer.secondMoments.values.allSatisfy { $0 >= 0 })
    }

    /// Training on after compaction equals training on with masks, with exact triplets too: pruned ones yield to live
    /// ones. Products of other widths round differently, hence 1e-4.
    @Test func compactionChangesNothing() throws {
        let losses = try [true, false].map { compacts in
            let trainer = try TrainerTests.trainer(
                threads: 2, interval: 1, final: 10, dropout: 0, rate: 2e-3, penalty: 0, steps: 70
            ) { $0.keepsTripletsExact = true }
            return try (1...70).map { step in
                let loss = try trainer.step(step, data: Self.data, indices: Array(0..<24)).loss
                if step == 20 && compacts { trainer.compact() }
                return loss
            }
        }
        for (a, b) in zip(losses[0], losses[1]) { #expect(abs(a - b) < 1e-4 * b) }
    }

    @Test func exactBitsDoNotDependOnThreads() throws {
        let trainers = try [1, 2, 5].map { threads in
            try TrainerTests.trainer(threads: threads, penalty: 0, measure: SpectralSensitivity()) {
                $0.keepsTripletsExact = true
            }
        }
        for trainer in trainers { _ = try Self.train(trainer, steps: 1...15) }
        #expect(trainers[0].vector.values.values == trainers[1].vector.values.values)
        #expect(trainers[0].vector.values.values == trainers[2].vector.values.values)
    }

    private static let measures: [(name: String, measure: any ImportanceMeasure, isExact: Bool)] = [
        ("sensitivity-only", SensitivityOnly(), false), ("task", TaskSensitivity(), false),
        ("magnitude", Magnitude(), false), ("singular value", SingularValue(), true),
        ("spectral", SpectralSensitivity(), true),
        ("random", RandomImportance { site, index in Float((site * 31 + index * 17) % 97) }, false),
    ]

    @Test(arguments: measures.indices) func everyMeasureKeepsTheBudget(index: Int) throws {
        let (_, measure, isExact) = Self.measures[index]
        let trainer = try TrainerTests.trainer(threads: 2, measure: measure) {
            $0.keepsTripletsExact = isExact
        }
        let results = try Self.train(trainer)
        for allocation in results.compactMap(\.allocation) {
            #expect(
                allocation.spent == allocation.budget && allocation.ranks.reduce(0, +) == allocation.budget)
        }
        #expect(trainer.adapters.ranks.reduce(0, +) == 10)
        #expect(results.allSatisfy { $0.loss.isFinite })
    }

    /// The task's importance does not see the penalty: with a heavy one only the total gradient's choice changes.
    @Test func taskSensitivityIgnoresThePenalty() throws {
        func averages(_ measure: any ImportanceMeasure, penalty: Float) throws -> [Float] {
            let trainer = try TrainerTests.trainer(threads: 1, dropout: 0, penalty: penalty, measure: measure)
            for adapter in trainer.adapters.adapters { adapter.factors.p.values.pointer[0] += 1 }
            _ = try Self.train(trainer, steps: 1...1)
            return try #require((trainer.method as? AdaLoRA)?.ranks).averages.flatMap(\.p.sensitivity)
        }
        #expect(try averages(TaskSensitivity(), penalty: 0) == averages(TaskSensitivity(), penalty: 10))
        #expect(try averages(Sensitivity(), penalty: 0) != averages(Sensitivity(), penalty: 10))
    }

    /// A triplet costs its parameters: the budget is never exceeded, and what is left buys no triplet.
    @Test(arguments: [700, 1500, 2340]) func parameterBudgets(budget: Int) throws {
        // Tiny BERT: 4 matrices [32, 32] a layer, of cost 65, and two of [64, 32], of cost 97; 454 a rank and layer.
        let trainer = try TrainerTests.trainer(threads: 2, interval: 1, final: budget, initial: 6 * 454) {
            $0.unit = .parameters
        }
        let costs = trainer.adapters.adapters.map(\.tripletCost)
        for allocation in try Self.train(trainer).compactMap(\.allocation) {
            let spent = zip(allocation.ranks, costs).reduce(0) { $0 + $1.0 * $1.1 }
            #expect(spent == allocation.spent && spent <= allocation.budget)
            let pruned = zip(allocation.ranks, costs).filter { $0.0 < 3 }.map(\.1)
            #expect(allocation.budget - spent < pruned.min() ?? Int.max)
        }
    }
}

private enum ExactTripletsProduct {
    /// P·Λ·Q
    static func dense(_ adapter: LowRankAdapter) -> Matrix {
        let factors = adapter.factors
        let p = Matrix(copying: factors.p.values)
        for row in 0..<p.rows {
            for (column, lambda) in adapter.lambda.enumerated() { p.row(row)[column] *= lambda }
        }
        let product = Matrix(rows: p.rows, columns: factors.q.values.columns)
        Product.multiply(p, factors.q.values, into: product)
        return product
    }
}
