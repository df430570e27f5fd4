import Autodiff
import Matrices
import Messages
import Transformers

extension AdapterSet {
    /// The same updates by their exact singular triplets alone: what is padding, or pruned, or depends on other
    /// triplets has the singular value 0 and goes.
    package func inExactTriplets(workers: Workers) throws -> AdapterSet {
        let triplets = try updateTriplets(workers: workers)
        let live = triplets.reduce(0) { $0 + $1.values.count { $0 > 0 } }
        return try Self.choosing(from: triplets, budget: live, costs: nil).set
    }

    /// The same updates as LoRA with the factor s of each rank, s·B·A, without the triplets that can never learn again: those
    /// with 0 in both factors, as padding has.
    ///
    /// A LoRA adapter of that factor keeps its factors; otherwise the ratio of the scales goes half into each, as λ
    /// does.
    package func asLoRA(scale: (_ rank: Int) -> Float) -> AdapterSet {
        let live = adapters.map { adapter in
            let triplets = Self.folded(adapter, rank: adapter.rank)
            let (b, a) = (triplets.factors.p.values, triplets.factors.q.values)
            let kept = (0..<adapter.rank).filter { triplet in
                (0..<b.rows).contains { b.row($0)[triplet] != 0 }
                    || (0..<a.columns).contains { a.row(triplet)[$0] != 0 }
            }
            let folded = Self.folded(adapter, rank: adapter.rank, factor: scale(kept.count))
            folded.reshape(keeping: kept, adding: nil, after: 0)
            return folded
        }
        return AdapterSet(adapters: live, layers: layers)
    }

    /// Adapters that start where `trained` ones are, in place of the usual start, and hangs them on the chosen layers.
    ///
    /// - With λ, each site of `plan` starts at the triplets of `trained`, which are exact, followed by new ones up to
    ///   the plan's rank there: λ = 0, orthonormal to the trained ones and each other (or Gaussian, where the plan
    ///   says so). s goes out of λ.
    /// - LoRA starts as `trained` is; sites that are not in it get nothing.
    ///
    /// Throws where `trained` adapts a matrix that the plan leaves out.
    package init(continuing trained: AdapterSet, plan: AdapterPlan, on available: [LinearLayer]) throws {
        let chosen = try AdapterPlan.layers(of: plan.roles, in: available)
        let bySite = Dictionary(uniqueKeysWithValues: trained.adapters.map { ($0.site, $0) })
        let sites = Set(chosen.map(\.site))
        if let left = trained.adapters.first(where: { $0.rank > 0 && !sites.contains($0.site) }) {
            throw AdapterError(
                description:
                    "the adapter holds rank \(left.rank) in \(left.site), which \(SettingName.targets) leaves out; "
                    + "add \(left.site.role.rawValue) to \(SettingName.targets)")
        }
        try plan.check(chosen)
        layers = chosen
        parts = []
        adapters = try chosen.map { layer in
            let old = bySite[layer.site]
            let factors =
                switch plan.method {
                case .adalora: try Self.continued(old, on: layer, plan)
                case .lora:
                    old?.factors
                        ?? LowRankFactors(
                            site: layer.site, b: Matrix(rows: layer.outputs, columns: 0),
                            a: Matrix(rows: 0, columns: layer.inputs), factor: plan.scale)
                }
            return LowRankAdapter(layer: AdaptedLayer(layer), factors: factors, dropout: plan.dropout)
        }
        for layer in available { layer.adapter = nil }
        install()
    }

    private static func continued(_ old: LowRankAdapter?, on layer: LinearLayer, _ plan: AdapterPlan) throws
        -> LowRankFactors
    {
        let rank = plan.rank(at: layer.site)
        let kept = old?.rank ?? 0
        precondition(kept <= rank, "\(layer.site) of rank \(kept) cannot go on with rank \(rank)")
        // Rows, so that the new ones come after the old in the orthonormalization.
        let pRows = Matrix(rows: rank, columns: layer.outputs)
        let q = Matrix(rows: rank, columns: layer.inputs)
        fillNormal(pRows, "P", layer.site, plan)
        fillNormal(q, "Q", layer.site, plan)
        let lambda = Matrix(rows: 1, columns: rank)
        func placeOld() {
            guard let old else { return }
            let (oldP, oldQ) = (old.factors.p.values, old.factors.q.values)
            for index in 0..<kept {
                for row in 0..<layer.outputs { pRows.row(index)[row] = oldP.row(row)[index] }
                q.row(index).update(from: oldQ.row(index), count: layer.inputs)
            }
        }
        placeOld()
        if plan.initialization != .gaussian {
            _ = try Factorization.orthonormalizeRows(pRows)
            _ = try Factorization.orthonormalizeRows(q)
            // They were orthonormal before: their bits need no rounding.
            placeOld()
        }
        let weights = old?.keptWeights ?? []
        for (index, weight) in weights.enumerated() { lambda.pointer[index] = weight / plan.scale }
        let p = Matrix(rows: layer.outputs, columns: rank)
        p.copyTransposed(from: pRows)
        return LowRankFactors(site: layer.site, p: p, lambda: lambda, q: q, factor: plan.scale)
    }
}
