import Adapters
import Autodiff
import Foundation
import GoldenFiles
import Matrices
import ModelFiles
import Testing
import Transformers

func tinyEncoder() throws -> any Backbone {
    try PretrainedModel.open(Golden.url("bert/model")).openBackbone()
}

func plan(
    _ method: AdapterPlan.Method = .adalora, roles: [LinearSite.Role] = Architecture.bert.roles,
    rank: Int = 3,
    initialization: FactorInitialization = .orthonormal, seed: UInt64 = 7
) -> AdapterPlan {
    AdapterPlan(
        method: method, roles: roles, rank: rank, scale: 1, dropout: 0, initialization: initialization,
        seed: seed)
}

@Suite struct AdapterSetTests {
    @Test func sitesAreInOrderAndOnlyTheChosenRoles() throws {
        let backbone = try tinyEncoder()
        let set = try AdapterSet(installing: plan(roles: [.value, .query]), on: backbone.linearLayers)
        #expect(
            set.adapters.map { "\($0.site)" } == [
                "layer.0.query", "layer.0.value", "layer.1.query", "layer.1.value",
            ])
        #expect(backbone.linearLayers.filter { $0.adapter != nil }.count == 4)
    }

    // Orthonormal to Float32 rounding of 32-element dot products.
    @Test func orthonormalStart() throws {
        let set = try AdapterSet(installing: plan(), on: tinyEncoder().linearLayers)
        for adapter in set.adapters {
            let (p, q) = (adapter.factors.p.values, adapter.factors.q.values)
            let gramP = Matrix(rows: 3, columns: 3)
            let gramQ = Matrix(rows: 3, columns: 3)
            Product.transposedMultiply(p, p, into: gramP)
            Product.multiplyTransposed(q, q, into: gramQ)
            for row in 0..<3 {
                for column in 0..<3 {
                    let expected: Float = row == column ? 1 : 0
                    #expect(abs(gramP.row(row)[column] - expected) < 1e-5)
                    #expect(abs(gramQ.row(row)[column] - expected) < 1e-5)
                }
            }
            #expect(adapter.factors.lambda?.values.values == [0, 0, 0])
        }
    }

    @Test func seedsDecideTheStart() throws {
        func first(_ seed: UInt64) throws -> [Float] {
            try AdapterSet(installing: plan(seed: seed), on: tinyEncoder().linearLayers).adapters[0].factors.q
                .values.values
        }
        #expect(try first(7) == first(7))
        #expect(try first(7) != first(8))
    }

    @Test func loRAStartsAtZeroWithBoundedA() throws {
        let set = try AdapterSet(installing: plan(.lora), on: tinyEncoder().linearLayers)
        for adapter in set.adapters {
            #expect(adapter.factors.lambda == nil)
            #expect(adapter.factors.p.values.values.allSatisfy { $0 == 0 })
            let bound = 1 / Float(adapter.layer.inputs).squareRoot()
            let a = adapter.factors.q.values.values
            #expect(a.allSatisfy { abs($0) <= bound } && a.contains { abs($0) > bound / 2 })
        }
    }

    /// B = P·λ and A = Q of the start `lora` are LoRA's of the same seed.
    @Test func tripletsThatStartAsLoRA() throws {
        let set = try AdapterSet(installing: plan(initialization: .lora), on: tinyEncoder().linearLayers)
        let lora = try AdapterSet(installing: plan(.lora), on: tinyEncoder().linearLayers)
        for (adapter, other) in zip(set.adapters, lora.adapters) {
            #expect(adapter.lambda == [1, 1, 1])
            #expect(adapter.factors.p.values.values == other.factors.p.values.values)
            #expect(adapter.factors.q.values.values == other.factors.q.values.values)
            #expect(!adapter.hasUpdate)
        }
    }

    /// Until λ moves the adapted model is the base model, bit for bit but for −0.
    @Test func aFreshAdapterChangesNothing() throws {
        let backbone = try tinyEncoder()
        let batch = PackedBatch([(ids: [5, 6, 7], typeIDs: [0, 0, 0])])
        let before = backbone.hiddenStates(batch, on: Tape(evaluatingWith: BufferPool())).value.values
        _ = try AdapterSet(installing: plan(), on: backbone.linearLayers)
        let after = backbone.hiddenStates(batch, on: Tape(evaluatingWith: BufferPool())).value.values
        #expect(before == after)
    }

    /// Layers own their adapters and not the other way round: many models in one process must not add up.
    @Test func anEncoderGoesAwayWithItsAdapters() throws {
        weak var gone: (any Backbone)?
        do {
            let backbone = try tinyEncoder()
            gone = backbone
            let set = try AdapterSet(installing: plan(), on: backbone.linearLayers)
            #expect(gone != nil && set.layers.allSatisfy { $0.adapter != nil })
        }
        #expect(gone == nil)
    }

    /// With adapters in the last layer only, nothing flows back into the layers below.
    @Test func theBackwardPassStopsBelowTheLowestAdapter() throws {
        let backbone = try tinyEncoder()
        let last = backbone.linearLayers.filter { $0.site.layer == 1 }
        let set = try AdapterSet(installing: plan(), on: last)
        let vector = ParameterVector(set.parameters)
        for adapter in set.adapters { adapter.factors.lambda?.values.fill(1) }
        let gradients = Matrix(rows: 1, columns: vector.count)
        let tape = Tape(pool: BufferPool(), parameterGradients: gradients, dropoutStream: nil)
        var states: [Variable] = []
        let batch = PackedBatch([(ids: [5, 6, 7], typeIDs: [0, 0, 0])])
        let out = backbone.hiddenStates(batch, rows: .all, recomputing: false, on: tape) { _, state in
            states.append(state)
        }
        _ = tape.crossEntropy(out, labels: [1, 2, 3], divisor: 3)
        tape.backward()
        #expect(states.map(\.needsGradient) == [false, false, true])
        #expect(states[0].gradient == nil && states[1].gradient == nil && gradients.sumOfSquares > 0)
    }

    @Test func impossiblePlansAreNamed() throws {
        let backbone = try tinyEncoder()
        let queries = backbone.linearLayers.filter { $0.site.role == .query }
        #expect {
            try AdapterSet(installing: plan(roles: [.query, .value]), on: queries)
        } throws: {
            "\($0)" == "target \"value\" matches no matrix of this model; it has query"
        }
        #expect {
            try AdapterSet(installing: plan(rank: 33), on: backbone.linearLayers)
        } throws: {
            "\($0)".contains(
                "rank 33 is more than layer.0.query [32, 32] can have; use a lower budget or initial rank")
        }
    }
}
