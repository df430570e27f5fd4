import Adapters
import Matrices
import Testing
import Transformers

/// Cutting trained adapters to a budget by exact singular values.
@Suite struct TruncationTests {
    /// Adapters of rank 3 with random factors.
    static func trained(
        _ method: AdapterPlan.Method, roles: [LinearSite.Role] = Architecture.bert.roles,
        on layers: [LinearLayer]
    ) throws -> AdapterSet {
        let set = try AdapterSet(installing: plan(method, roles: roles), on: layers)
        var stream = RandomStream(seed: 41, purpose: "trained")
        for adapter in set.adapters {
            stream.fillNormal(adapter.factors.p.values, deviation: 1)
            stream.fillNormal(adapter.factors.q.values, deviation: 1)
            for index in adapter.lambda.indices {
                adapter.factors.lambda?.values.pointer[index] = Float(stream.normal())
            }
        }
        return set
    }

    private func dense(_ adapter: LowRankAdapter) -> Matrix {
        let lambda = adapter.lambda.isEmpty ? [Float](repeating: 1, count: adapter.rank) : adapter.lambda
        return ExactTripletsTests.dense(adapter.factors.p.values, lambda, adapter.factors.q.values)
    }

    /// The error of each site is what it says, and the whole is the largest singular values of the whole model.
    @Test(arguments: [AdapterPlan.Method.lora, .adalora]) func theLargestValuesStay(
        method: AdapterPlan.Method
    ) throws {
        let set = try Self.trained(method, on: tinyEncoder().linearLayers)
        let (cut, sites) = try set.truncated(to: 15, costs: nil, workers: Workers(count: 2))
        #expect(cut.ranks.reduce(0, +) == 15 && cut.ranks == sites.map(\.rank))
        let all = sites.flatMap(\.values).sorted(by: >)
        let kept = cut.adapters.flatMap(\.lambda).sorted(by: >)
        #expect(zip(kept, all).allSatisfy { abs($0 - $1) < 1e-5 * all[0] })
        for (index, adapter) in set.adapters.enumerated() {
            let error = ExactTripletsTests.relativeDistance(dense(cut.adapters[index]), dense(adapter))
            #expect(abs(error - sites[index].relativeError) < 1e-4)
        }
    }

    @Test func aLargeBudgetChangesNothing() throws {
        let set = try Self.trained(.lora, on: tinyEncoder().linearLayers)
        let (cut, sites) = try set.truncated(to: 1000, costs: nil, workers: Workers(count: 1))
        #expect(cut.ranks == set.ranks && sites.allSatisfy { $0.relativeError == 0 })
        for (before, after) in zip(set.adapters, cut.adapters) {
            #expect(ExactTripletsTests.relativeDistance(dense(after), dense(before)) < 1e-5)
        }
    }

    @Test func budgetsInParametersAreNotExceeded() throws {
        let set = try Self.trained(.adalora, on: tinyEncoder().linearLayers)
        let costs = set.adapters.map { $0.layer.outputs + $0.layer.inputs }
        for budget in [0, 63, 64, 500, 1234, 100_000] {
            let (cut, _) = try set.truncated(to: budget, costs: costs, workers: Workers(count: 1))
            #expect(zip(cut.ranks, costs).reduce(0) { $0 + $1.0 * $1.1 } <= budget)
        }
    }
}
