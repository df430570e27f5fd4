import Adapters
import Autodiff
import Foundation
import GoldenFiles
import Matrices
import ModelFiles
import RankAllocation
import Tasks
import Testing
import Training
import Transformers

/// Steps that do not depend on how the product of an adapter's factors is split.
@Suite struct BalancedStepsTests {
    private static let (rank, steps) = (3, 12)
    private let start: TensorStore
    private let batches: [TokenizedDataset]

    init() throws {
        start = try Golden.tensors("lora-variants/start.safetensors")
        let all = try #require(Golden.json("adalora/batches.json")["steps"]?.array)
        batches = try all.prefix(20).map { try PEFTParityTests.data($0) }
    }

    /// - Parameter svd: P·Λ·Q without anything that keeps it exact, in place of B·A
    private func trainer(svd: Bool, _ optimizer: AdapterOptimizer, clip: Double = 1) throws -> Trainer {
        let backbone = try PretrainedModel.open(Golden.url("bert/model")).openBackbone()
        let plan = AdapterPlan(
            method: svd ? .adalora : .lora, roles: backbone.architecture.roles, rank: Self.rank, scale: 1.5,
            dropout: 0, initialization: svd ? .lora : .orthonormal, seed: 5)
        let set = try AdapterSet(installing: plan, on: backbone.linearLayers)
        let method: any FineTuning =
            svd ? AdaLoRA(set, ranks: nil, optimizer: optimizer) : LoRA(set, optimizer: optimizer)
        let rate = LearningRate(peak: 5e-3, shape: .constant, warmupSteps: 0, totalSteps: 20)
        var settings = TrainerSettings(learningRate: rate, headLearningRate: rate)
        settings.weightDecay = 0.05
        settings.clip = clip
        return Trainer(
            model: try PEFTParityTests.model(backbone, start, threads: 2), method: method, settings: settings)
    }

    /// L·M and M⁻¹·R with M = D·O of lengths 1/3 … 3 and a rotation; with λ its sign and size go anywhere.
    private func split(_ adapter: LowRankAdapter, _ stream: inout RandomStream) throws {
        let factors = adapter.factors
        let rank = factors.rank
        let turn = Matrix(rows: rank, columns: rank)
        stream.fillNormal(turn, deviation: 1)
        _ = try Factorization.orthonormalizeRows(turn)
        let lengths = (0..<rank).map { _ in Float(exp(2.2 * (stream.uniform() - 0.5))) }
        let (p, q) = (Matrix(copying: factors.p.values), Matrix(copying: factors.q.values))
        for row in 0..<p.rows {
            for index in 0..<rank {
                p.row(row)[index] *= (adapter.lambda.isEmpty ? 1 : adapter.lambda[index]) * lengths[index]
            }
        }
        for index in 0..<rank {
            for column in 0..<q.columns { q.row(index)[column] /= lengths[index] }
        }
        Product.multiply(p, turn, into: factors.p.values)
        Product.transposedMultiply(turn, q, into: factors.q.values)
        guard let lambda = factors.lambda?.values else { return }
        for index in 0..<rank {
            let value = Float(exp(2 * (stream.uniform() - 0.5))) * (stream.uniform() < 0.5 ? -1 : 1)
            lambda.pointer[index] = value
            for row in 0..<p.rows { factors.p.values.row(row)[index] /= value }
        }
    }

    private func updates(_ trainer: Trainer) -> [[Float]] {
        trainer.adapters.adapters.map { adapter in
            let update = Matrix(rows: adapter.layer.outputs, columns: adapter.layer.inputs)
            let (kept, rank) = (adapter.keptFactors, adapter.rank)
            let p = Matrix(rows: update.rows, columns: rank, values: kept.p)
            for row in 0..<p.rows { for index in 0..<rank { p.row(row)[index] *= kept.lambda?[index] ?? 1 } }
            Product.multiply(p, Matrix(rows: rank, columns: update.columns, values: kept.q), into: update)
            return update.values
        }
    }

    /// The largest relative error of a loss and of an update between a run and one whose products are split anew, at random,
    /// before each step, with clipping and decay.
    private func differences(svd: Bool, _ optimizer: AdapterOptimizer, clip: Double, seed: UInt64) throws -> (
        loss: Double, update: Double
    ) {
        let (one, other) = (
            try trainer(svd: svd, optimizer, clip: clip), try trainer(svd: svd, optimizer, clip: clip)
        )
        var stream = RandomStream(seed: seed, purpose: "splits", indices: [])
        var loss = 0.0
        for step in 1...Self.steps {
            for adapter in other.adapters.adapters { try split(adapter, &stream) }
            let data = batches[step - 1]
            let results = try [one, other].map {
                try $0.step(step, data: data, indices: Array(0..<data.count)).loss
            }
            loss = max(loss, abs(results[0] - results[1]) / results[0])
        }
        return (loss, zip(updates(one), updates(other)).map(relativeError).max() ?? 0)
    }

    /// 1e-4 and 1e-3: Float32 rounding of splits that differ by a factor of 9 in their lengths, over 12 steps. AdamW is 100 times as
    /// far off.
    @Test(arguments: [false, true], [1, 2, 3]) func anySplitTakesTheSameSteps(svd: Bool, seed: Int) throws {
        let clip = seed == 2 ? 0.2 : 1
        let balanced = try differences(svd: svd, .balanced, clip: clip, seed: UInt64(seed))
        #expect(balanced.loss < 1e-4 && balanced.update < 1e-3, "\(balanced)")
        let adam = try differences(svd: svd, .adam, clip: clip, seed: UInt64(seed))
        #expect(adam.update > 0.1, "\(adam)")
    }

    /// By hand: from B = 0 the first step of B, seen beside an A of orthonormal rows of length 1/√3, is η along all directions of the
    /// gradient alike: BᵀB = η²·O·1 there, and A stays. 1e-3: eigenvalues in Float32.
    @Test func theFirstStep() throws {
        let trainer = try trainer(svd: false, .balanced)
        let before = trainer.adapters.adapters.map(\.factors.q.values.values)
        let data = batches[0]
        _ = try trainer.step(1, data: data, indices: Array(0..<data.count))
        for (adapter, a) in zip(trainer.adapters.adapters, before) {
            let (b, outputs) = (adapter.factors.p.values, Float(adapter.layer.outputs))
            for one in 0..<Self.rank {
                for other in 0...one {
                    let dot = (0..<b.rows).reduce(Float(0)) { $0 + b.row($1)[one] * b.row($1)[other] }
                    let expected: Float = one == other ? 25e-6 * outputs : 0
                    #expect(abs(dot - expected) < 1e-3 * 25e-6 * outputs, "\(adapter.site) \(one) \(other)")
                }
            }
            // The same rows, made orthonormal and as long as A's are on average.
            let rows = Matrix(rows: Self.rank, columns: adapter.layer.inputs, values: a)
            _ = try Factorization.orthonormalizeRows(rows)
            let kept = 1 - 5e-3 * 0.05 as Float
            let expected = rows.values.map { $0 * StepLengths.rowLength * kept }
            #expect(relativeError(adapter.factors.q.values.values, expected) < 1e-4)
        }
    }

    private func pruning(_ optimizer: AdapterOptimizer = .balanced, dora: Bool = false) throws -> Trainer {
        let backbone = try PretrainedModel.open(Golden.url("bert/model")).openBackbone()
        var settings = TuningSettings(
            method: try #require(FineTuningMethod.named(dora ? "adadora" : "adalora")))
        settings.budget = .averageRank(1)
        settings.adapterOptimizer = optimizer
        settings.adalora.initialRank = .triplets(4)
        settings.adalora.initialization = .lora
        let method = try settings.method.start(
            MethodStart(
                settings: settings, backbone: backbone, totalSteps: 20, seed: 1, isResumed: false,
                trained: nil, headForm: .sequence(.pooler), workers: Workers(count: 2),
                lookAtBatches: { _, _ in }, readRanks: { _, _ in [:] }))
        return Trainer(
            model: try PEFTParityTests.model(backbone, start, threads: 2), method: method,
            settings: PEFTRun.settings(steps: 20))
    }

    /// Cutting pruned triplets out changes no later step: moments live in the span of what is left. 1e-4: products of other
    /// shapes, over eight steps.
    @Test func momentsFollowPruning() throws {
        let (one, other) = (try pruning(), try pruning())
        for step in 1...20 {
            let data = batches[step - 1]
            let losses = try [one, other].map {
                try $0.step(step, data: data, indices: Array(0..<data.count)).loss
            }
            #expect(abs(losses[0] - losses[1]) < 1e-4 * losses[0], "step \(step): \(losses)")
            if step == 12 { #expect(one.compact()) }
        }
        #expect(one.adapters.ranks == other.adapters.ranks && one.adapters.ranks.reduce(0, +) == 12)
        #expect(one.trainableParameters < other.trainableParameters)
    }

    /// A checkpoint in the middle, before and after ranks are final, goes on to the bit; AdamW keeps moments of the rest alone.
    @Test(arguments: [6, 14], [false, true]) func stateIsAllThereIs(at stop: Int, dora: Bool) throws {
        let (one, other) = (try pruning(dora: dora), try pruning(dora: dora))
        func step(_ trainer: Trainer, _ step: Int) throws -> Double {
            let data = batches[step - 1]
            defer { if step == 12 { trainer.compact() } }
            return try trainer.step(step, data: data, indices: Array(0..<data.count)).loss
        }
        for number in 1...stop { _ = try step(one, number) }
        let state = one.state
        let magnitudes = dora ? 12 * 32 + 2 * (64 - 32) : 0
        #expect(state.firstMoments.count == 5 * 32 + 5 + magnitudes)
        try other.restore(
            TrainerState(
                method: MethodState(
                    books: state.method.books, masks: state.method.masks,
                    isCompacted: state.method.isCompacted,
                    tensors: state.method.tensors.map { ($0.name, SavedFloats([$0.values.values])) }),
                values: SavedFloats([state.values.values]),
                firstMoments: SavedFloats([state.firstMoments.values]),
                secondMoments: SavedFloats([state.secondMoments.values])))
        for number in (stop + 1)...18 {
            let losses = [try step(one, number), try step(other, number)]
            #expect(losses[0] == losses[1], "step \(number)")
        }
        #expect(one.vector.values.values == other.vector.values.values)
        // What it keeps of the adapters is no more than was told.
        let kept = state.method.tensors.filter { $0.name.hasPrefix("balanced.") }.reduce(0) {
            $0 + $1.values.count
        }
        let most = try #require(one.method.balanced).count + 12
        #expect(kept > 0 && kept <= most)
    }

    @Test func aCheckpointOfAnotherShapeIsRefused() throws {
        let trainer = try pruning()
        let balanced = try #require(trainer.method.balanced)
        for (directions, moments) in [
            ([Float]([1]), [Float]()), ([Float](repeating: 1, count: 12), [1]),
            ([Float](repeating: .nan, count: 12), [1]), ([Float](repeating: 99, count: 12), [1]),
        ] {
            #expect(throws: StateMismatch.self) {
                try balanced.restore([
                    ("balanced.directions", SavedFloats([directions])),
                    ("balanced.moments", SavedFloats([moments])),
                ])
            }
        }
    }

    /// From λ = 0, where the product names no direction, λ alone is set going, and then all learns.
    @Test func startsFromZero() throws {
        let backbone = try PretrainedModel.open(Golden.url("bert/model")).openBackbone()
        let plan = AdapterPlan(
            method: .adalora, roles: backbone.architecture.roles, rank: 2, scale: 1, dropout: 0,
            initialization: .orthonormal, seed: 5)
        let set = try AdapterSet(installing: plan, on: backbone.linearLayers)
        let trainer = Trainer(
            model: try PEFTParityTests.model(backbone, start, threads: 1),
            method: AdaLoRA(set, ranks: nil, optimizer: .balanced), settings: PEFTRun.settings(steps: 20))
        let data = batches[0]
        var losses: [Double] = []
        for step in 1...15 {
            losses.append(try trainer.step(step, data: data, indices: Array(0..<data.count)).loss)
            if step == 1 { #expect(set.adapters.allSatisfy { $0.lambda.allSatisfy { abs($0) == 1e-3 } }) }
        }
        #expect((losses.last ?? 9) < (losses.first ?? 0) - 0.01, "\(losses)")
    }
}
