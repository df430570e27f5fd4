import Autodiff
import Matrices
import RankAllocation
import Transformers

/// The singular triplets of one site's update s·P·diag(σ)·Q, from which a truncation chooses.
package struct UpdateTriplets: Sendable {
    package let layer: LinearLayer
    /// P transposed, `[R, O]`: orthonormal rows
    let pRows: Matrix
    /// σ ≥ 0, `[R]`, in any order
    let values: [Float]
    /// `[R, I]`: orthonormal rows
    let q: Matrix
    /// s
    let factor: Float
    let dropout: Float
    /// The part of ‖ΔW‖_F² that lies in none of them, where only the leading ones were computed.
    let rest: Double

    /// All of an adapter's, by QR and the SVD of the small core.
    package init(of adapter: LowRankAdapter, on layer: LinearLayer) throws {
        let kept = adapter.keptFactors
        let rank = adapter.rank
        let exact = try ExactTriplets(
            p: Matrix(rows: layer.outputs, columns: rank, values: kept.p),
            lambda: kept.lambda ?? [Float](repeating: 1, count: rank),
            q: Matrix(rows: rank, columns: layer.inputs, values: kept.q))
        self.init(
            exact, on: layer, factor: adapter.factors.factor, dropout: adapter.dropout)
    }

    init(_ exact: ExactTriplets, on layer: LinearLayer, factor: Float, dropout: Float) {
        self.layer = layer
        (pRows, values, q) = (exact.pRows, exact.values, exact.q)
        self.factor = factor
        self.dropout = dropout
        rest = 0
    }

    /// Those of a dense update `[O, I]`: all by LAPACK's `gesdd`, or the `leading` ones by a randomized subspace
    /// iteration (`Factorization.leadingTriplets`).
    package init(ofDense update: Matrix, on layer: LinearLayer, leading: Int?, seed: UInt64) throws {
        let energy = update.sumOfSquares
        let svd =
            if let leading {
                try Factorization.leadingTriplets(
                    of: update, count: leading,
                    stream: layer.site.stream(seed: seed, purpose: "leading triplets of an update"))
            } else {
                try Factorization.svd(overwriting: Matrix(copying: update))
            }
        self.layer = layer
        // What rounding leaves of a direction that is not there is no triplet.
        let noise = (svd.values.first ?? 0) * Self.noise
        values = svd.values.map { $0 > noise ? $0 : 0 }
        q = svd.vt
        pRows = Matrix(rows: svd.values.count, columns: layer.outputs)
        pRows.copyTransposed(from: svd.u)
        factor = 1
        dropout = 0
        rest = leading == nil ? 0 : max(0, energy - Self.energy(svd.values))
    }

    /// Singular values of ΔW, scale included, descending.
    package var singularValues: [Float] { values.map { $0 * factor.magnitude }.sorted(by: >) }

    /// ‖ΔW‖_F²
    package var energy: Double { Self.energy(values) * Double(factor) * Double(factor) + rest }

    /// Of a Float32 factorization, relative to the largest singular value
    private static let noise: Float = 2e-6

    private static func energy(_ values: [Float]) -> Double {
        values.reduce(0) { $0 + Double($1) * Double($1) }
    }

    /// An adapter of the triplets `kept`, not hung on the layer: the caller decides which one is.
    func adapter(keeping kept: [Int]) -> LowRankAdapter {
        let p = Matrix(rows: layer.outputs, columns: kept.count)
        let q = Matrix(rows: kept.count, columns: layer.inputs)
        for (to, from) in kept.enumerated() {
            for row in 0..<layer.outputs { p.row(row)[to] = pRows.row(from)[row] }
            q.row(to).update(from: self.q.row(from), count: layer.inputs)
        }
        let lambda = Matrix(rows: 1, columns: kept.count, values: kept.map { values[$0] })
        return LowRankAdapter(
            layer: AdaptedLayer(layer),
            factors: LowRankFactors(site: layer.site, p: p, lambda: lambda, q: q, factor: factor),
            dropout: dropout)
    }
}

extension AdapterSet {
    /// What a truncation left of one site.
    package struct Truncated: Sendable {
        package let rank: Int
        /// ‖ΔW − truncated ΔW‖_F / ‖ΔW‖_F; 0 where ΔW is 0.
        package let relativeError: Double
        /// All singular values before, descending, scale included.
        package let values: [Float]
        /// ‖ΔW‖_F² before, and of what is left
        package let energy: Double
        package let keptEnergy: Double
    }

    /// The singular triplets of each adapter's update.
    package func updateTriplets(workers: Workers) throws -> [UpdateTriplets] {
        let (adapters, layers) = (adapters, layers)
        return try workers.mapThrowing(tasks: adapters.count) {
            try UpdateTriplets(of: adapters[$0], on: layers[$0])
        }
    }

    /// Cuts trained adapters to a global budget; see `choosing(from:budget:costs:)`.
    package func truncated(to budget: Int, costs: [Int]?, workers: Workers) throws -> (
        set: AdapterSet, sites: [Truncated]
    ) {
        try Self.choosing(from: updateTriplets(workers: workers), budget: budget, costs: costs)
    }

    /// Adapters of the largest singular values of the whole model: their squared error Σσ² is the least that any
    /// choice with this budget has (Eckart–Young for each matrix, and matrices do not share any); in parameters,
    /// where costs differ, the greedy choice by σ² per parameter.
    ///
    /// The result is in SVD form: P and Q orthonormal, Λ = σ descending, the scale as before.
    ///
    /// - Parameters:
    ///   - budget: what may stay; more than there is keeps everything.
    ///   - costs: what a triplet of each site costs; nil counts triplets.
    package static func choosing(from sites: [UpdateTriplets], budget: Int, costs: [Int]?) throws -> (
        set: AdapterSet, sites: [Truncated]
    ) {
        let scores = sites.map { site in site.values.map { $0 * $0 * site.factor * site.factor } }
        let available = zip(scores, costs ?? scores.map { _ in 1 }).reduce(0) { $0 + $1.0.count * $1.1 }
        let allocation = try RankAllocator.allocate(
            scores: scores, costs: costs, budget: min(budget, available))
        var cut: [LowRankAdapter] = []
        var left: [Truncated] = []
        for (index, site) in sites.enumerated() {
            let kept = allocation.keptIndices(at: index).sorted { site.values[$0] > site.values[$1] }
            cut.append(site.adapter(keeping: kept))
            // Summed from what is lost: with everything kept the error is 0, not rounding.
            let isKept = Set(kept)
            let squares = site.values.map {
                Double($0) * Double($0) * Double(site.factor) * Double(site.factor)
            }
            let lost = squares.indices.reduce(site.rest) { isKept.contains($1) ? $0 : $0 + squares[$1] }
            let energy = squares.reduce(site.rest, +)
            left.append(
                Truncated(
                    rank: kept.count, relativeError: energy > 0 ? (lost / energy).squareRoot() : 0,
                    values: site.singularValues, energy: energy, keptEnergy: energy - lost))
        }
        return (AdapterSet(adapters: cut, layers: sites.map(\.layer)), left)
    }
}
