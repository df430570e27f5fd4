import Adapters
import Autodiff
import Matrices
import Testing
import Transformers

/// Adapters that start where trained ones are.
@Suite struct ContinuingTests {
    private func trained(_ method: AdapterPlan.Method, on backbone: any Backbone) throws -> AdapterSet {
        try TruncationTests.trained(method, roles: [.query, .value], on: backbone.linearLayers)
    }

    /// s·P·Λ·Q
    private func update(_ adapter: LowRankAdapter) -> Matrix {
        let weights = (0..<adapter.rank).map {
            adapter.factors.factor * (adapter.lambda.isEmpty ? 1 : adapter.lambda[$0])
        }
        return ExactTripletsTests.dense(adapter.factors.p.values, weights, adapter.factors.q.values)
    }

    private func continuing(_ scale: Float, rank: Int, _ initialization: FactorInitialization = .orthonormal)
        -> AdapterPlan
    {
        AdapterPlan(
            method: .adalora, roles: Architecture.bert.roles, rank: rank, scale: scale, dropout: 0,
            initialization: initialization, seed: 5)
    }

    /// The same updates under another scale, then triplets with λ = 0; all orthonormal.
    @Test(arguments: [AdapterPlan.Method.lora, .adalora]) func triplets(method: AdapterPlan.Method) throws {
        let backbone = try tinyEncoder()
        let old = try trained(method, on: backbone)
        let exact = try old.inExactTriplets(workers: Workers(count: 2))
        let set = try AdapterSet(
            continuing: exact, plan: continuing(0.25, rank: 5), on: backbone.linearLayers)
        #expect(set.adapters.count == 12 && set.ranks.allSatisfy { $0 == 5 })
        for adapter in set.adapters {
            let lambda = adapter.lambda
            let before = old.adapters.first { $0.site == adapter.site }
            #expect(lambda.count { $0 > 0 } == (before?.rank ?? 0))
            #expect(lambda.dropFirst(before?.rank ?? 0).allSatisfy { $0 == 0 })
            // Orthonormal, and the same product, to Float32 rounding.
            let spectrum = try AdapterSpectrum(of: adapter, isExact: false)
            #expect(try #require(spectrum.orthogonalityError) < 1e-5)
            guard let before else { continue }
            #expect(ExactTripletsTests.relativeDistance(update(adapter), update(before)) < 1e-5)
        }
        #expect(backbone.linearLayers.allSatisfy { $0.adapter != nil })
    }

    /// New triplets may be PEFT's Gaussian ones instead.
    @Test func gaussianTriplets() throws {
        let backbone = try tinyEncoder()
        let exact = try trained(.lora, on: backbone).inExactTriplets(workers: Workers(count: 1))
        let set = try AdapterSet(
            continuing: exact, plan: continuing(1, rank: 4, .gaussian), on: backbone.linearLayers)
        let q = try #require(set.adapters.first).factors.q.values
        let length = (0..<q.columns).reduce(Float(0)) { $0 + q.row(3)[$1] * q.row(3)[$1] }.squareRoot()
        // 32 values of deviation 0.02
        #expect(length > 0.06 && length < 0.17)
    }

    @Test func paddingGoes() throws {
        let backbone = try tinyEncoder()
        let old = try trained(.lora, on: backbone)
        let first = try #require(old.adapters.first)
        for row in 0..<first.layer.outputs { first.factors.p.values.row(row)[1] = 0 }
        for column in 0..<first.layer.inputs { first.factors.q.values.row(1)[column] = 0 }
        #expect(try old.inExactTriplets(workers: Workers(count: 1)).ranks == [2, 3, 3, 3])
        #expect(old.asLoRA { _ in 1 }.ranks == [2, 3, 3, 3])
    }

    /// B = 0, as before any training, is not padding: it learns.
    @Test func loRAKeepsItsFactors() throws {
        let backbone = try tinyEncoder()
        let fresh = try AdapterSet(installing: plan(.lora), on: backbone.linearLayers)
        #expect(fresh.asLoRA { _ in 1 }.ranks == fresh.ranks)
        #expect(fresh.adapters.allSatisfy { !$0.hasUpdate })
        let old = try trained(.lora, on: tinyEncoder())
        let same = old.asLoRA { _ in 1 }
        for (before, after) in zip(old.adapters, same.adapters) {
            #expect(before.hasUpdate)
            #expect(after.factors.p.values.values == before.factors.p.values.values)
            #expect(after.factors.q.values.values == before.factors.q.values.values)
        }
        let other = old.asLoRA { _ in 4 }
        let set = try AdapterSet(
            continuing: other, plan: plan(.lora, rank: 0), on: backbone.linearLayers)
        #expect(set.ranks.reduce(0, +) == 12 && set.adapters.count == 12)
        for adapter in set.adapters where adapter.rank > 0 {
            let before = try #require(old.adapters.first { $0.site == adapter.site })
            #expect(adapter.factors.factor == 4)
            #expect(ExactTripletsTests.relativeDistance(update(adapter), update(before)) < 1e-6)
        }
    }

    @Test func aMatrixLeftOutIsNamed() throws {
        let backbone = try tinyEncoder()
        let old = try trained(.lora, on: backbone)
        let narrow = plan(.lora, roles: [.query], rank: 0)
        #expect {
            try AdapterSet(continuing: old.asLoRA { _ in 1 }, plan: narrow, on: backbone.linearLayers)
        } throws: {
            "\($0)"
                == "the adapter holds rank 3 in layer.0.value, which --targets leaves out; add value to --targets"
        }
    }
}
