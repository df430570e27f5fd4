import Autodiff
import Matrices
import RankAllocation

extension AdapterSet {
    /// What a truncation left of one site.
    public struct Truncated: Sendable {
        public let rank: Int
        /// ‖ΔW − truncated ΔW‖_F / ‖ΔW‖_F; 0 where ΔW is 0.
        public let relativeError: Double
        /// All singular values before, descending, scale included.
        public let values: [Float]
    }

    /// Cuts trained adapters to a global budget by exact singular values: the squared error Σσ² of the whole model is
    /// the least that any choice with this budget has (Eckart–Young for each matrix, and matrices do not share any);
    /// in parameters, where costs differ, the greedy choice by σ² per parameter.
    ///
    /// The result is in SVD form, also where LoRA went in: P and Q orthonormal, Λ = σ, the scale as before.
    ///
    /// - Parameters:
    ///   - budget: what may stay; more than there is keeps everything.
    ///   - costs: what a triplet of each site costs; nil counts triplets.
    public func truncated(to budget: Int, costs: [Int]?, workers: Workers) throws -> (
        set: AdapterSet, sites: [Truncated]
    ) {
        let adapters = adapters
        let exact = try workers.mapThrowing(tasks: adapters.count) { index in
            let kept = adapters[index].keptFactors
            let (rank, layer) = (adapters[index].rank, adapters[index].layer)
            return try ExactTriplets(
                p: Matrix(rows: layer.outputs, columns: rank, values: kept.p),
                lambda: kept.lambda ?? [Float](repeating: 1, count: rank),
                q: Matrix(rows: rank, columns: layer.inputs, values: kept.q))
        }
        let scores = zip(adapters, exact).map { adapter, exact in
            exact.values.map { $0 * $0 * adapter.factors.factor * adapter.factors.factor }
        }
        let available = zip(scores, costs ?? scores.map { _ in 1 }).reduce(0) { $0 + $1.0.count * $1.1 }
        let allocation = try RankAllocator.allocate(
            scores: scores, costs: costs, budget: min(budget, available))
        var cut: [LowRankAdapter] = []
        var sites: [Truncated] = []
        for (index, adapter) in adapters.enumerated() {
            let kept = allocation.keptIndices(at: index).sorted {
                exact[index].values[$0] > exact[index].values[$1]
            }
            cut.append(Self.adapter(like: adapter, exact[index], kept: kept))
            let lost = exact[index].values.indices.filter { !kept.contains($0) }
            func energy(_ indices: some Sequence<Int>) -> Double {
                indices.reduce(0.0) { $0 + Double(exact[index].values[$1]) * Double(exact[index].values[$1]) }
            }
            let all = energy(exact[index].values.indices)
            let scale = adapter.factors.factor.magnitude
            sites.append(
                Truncated(
                    rank: kept.count, relativeError: all > 0 ? (energy(lost) / all).squareRoot() : 0,
                    values: exact[index].values.map { scale * $0 }.sorted(by: >)))
        }
        return (AdapterSet(adapters: cut, layers: layers), sites)
    }

    /// Not hung on the layer: the caller decides which of the two is.
    private static func adapter(like adapter: LowRankAdapter, _ exact: ExactTriplets, kept: [Int])
        -> LowRankAdapter
    {
        let (outputs, inputs) = (adapter.layer.outputs, adapter.layer.inputs)
        let p = Matrix(rows: outputs, columns: kept.count)
        let q = Matrix(rows: kept.count, columns: inputs)
        for (to, from) in kept.enumerated() {
            for row in 0..<outputs { p.row(row)[to] = exact.pRows.row(from)[row] }
            q.row(to).update(from: exact.q.row(from), count: inputs)
        }
        let lambda = Matrix(rows: 1, columns: kept.count, values: kept.map { exact.values[$0] })
        let name = "\(adapter.site)"
        return LowRankAdapter(
            layer: adapter.layer,
            factors: LowRankFactors(
                p: Parameter(name: name + ".P", values: p),
                lambda: Parameter(name: name + ".Λ", values: lambda),
                q: Parameter(name: name + ".Q", values: q), factor: adapter.factors.factor),
            dropout: adapter.dropout)
    }

    /// Hangs one adapter on its layer, which stays bare if nothing of it is physically there.
    func hang(_ index: Int) {
        layers[index].adapter = adapters[index].factors.rank == 0 ? nil : adapters[index]
    }

    /// Hangs the adapters on their layers.
    public func install() {
        for index in adapters.indices { hang(index) }
    }
}
