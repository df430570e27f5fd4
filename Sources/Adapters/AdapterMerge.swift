import Matrices
import Transformers

/// One adapter out of several on the same base: of each site's updates ΔW_i, weighted by w_i, the singular triplets
/// of their merger.
///
/// Trimming, election and dropping see the updates with their scales and without their weights, matrix by matrix, as
/// PEFT's `add_weighted_adapter` does with `svd`, `ties_svd` and `dare_linear_svd`. An adapter without the site has
/// no update there, and no vote.
package struct AdapterMerge: Sendable {
    package enum Method: Sendable, Equatable {
        /// Σ w_i·ΔW_i
        case sum
        /// Yadav et al. 2023: of each ΔW_i the share `density` of the largest entries stays; for each entry the sign
        /// of their sum is elected (positive at 0), and the mean of w_i·ΔW_i over those of that sign is taken.
        case ties(density: Double)
        /// Yu et al. 2024: entries of ΔW_i stay with the probability `density` and are divided by it; then the sum.
        case dare(density: Double, seed: UInt64)
    }

    package let method: Method
    package let weights: [Double]

    package init(method: Method, weights: [Double]) {
        self.method = method
        self.weights = weights
    }

    /// The triplets of all sites that any of `sets` adapts, in the order of `layers`.
    package func triplets(of sets: [AdapterSet], on layers: [LinearLayer], workers: Workers) throws
        -> [UpdateTriplets]
    {
        precondition(sets.count == weights.count, "\(sets.count) adapters and \(weights.count) weights")
        let bySite = sets.map { set in Dictionary(uniqueKeysWithValues: set.adapters.map { ($0.site, $0) }) }
        let adapted = layers.filter { layer in
            bySite.contains { ($0[layer.site]?.rank ?? 0) > 0 }
        }
        return try workers.mapThrowing(tasks: adapted.count) { index in
            let layer = adapted[index]
            let updates = zip(bySite, weights).enumerated().compactMap { number, entry in
                entry.0[layer.site].flatMap { adapter in
                    adapter.rank > 0
                        ? Update(number: number, adapter: adapter, weight: Float(entry.1)) : nil
                }
            }
            return try merged(updates, on: layer)
        }
    }

    /// One adapter's part at a site.
    private struct Update {
        /// Of its adapter among all
        let number: Int
        let adapter: LowRankAdapter
        let weight: Float
    }

    private func merged(_ updates: [Update], on layer: LinearLayer) throws -> UpdateTriplets {
        let rank = updates.reduce(0) { $0 + $1.adapter.rank }
        if method == .sum && rank <= min(layer.outputs, layer.inputs) {
            return try Self.sum(updates, rank: rank, on: layer)
        }
        let merged = Matrix(rows: layer.outputs, columns: layer.inputs)
        switch method {
        case .sum: for update in updates { update.adapter.addUpdate(to: merged, weight: update.weight) }
        case .ties(let density):
            Self.elect(
                updates.map { update in
                    let dense = Self.dense(update)
                    Self.trim(dense, density: density)
                    return (dense, update.weight)
                }, into: merged)
        case .dare(let density, let seed):
            for update in updates {
                var stream = layer.site.stream(seed: seed, purpose: "dare", indices: [update.number])
                let dense = Self.dense(update)
                let factor = update.weight / Float(density)
                for index in 0..<merged.count where stream.uniform() < density {
                    merged.pointer[index] += factor * dense.pointer[index]
                }
            }
        }
        return try UpdateTriplets(ofDense: merged, on: layer, leading: nil, seed: 0)
    }

    /// Without forming ΔW: all factors side by side, P = [P_1 | P_2 …] and so on, are one adapter of the sum.
    private static func sum(_ updates: [Update], rank: Int, on layer: LinearLayer) throws -> UpdateTriplets {
        let p = Matrix(rows: layer.outputs, columns: rank)
        let q = Matrix(rows: rank, columns: layer.inputs)
        var weights: [Float] = []
        for update in updates {
            let (start, count) = (weights.count, update.adapter.rank)
            let kept = update.adapter.keptFactors
            for row in 0..<layer.outputs {
                for index in 0..<count { p.row(row)[start + index] = kept.p[row * count + index] }
            }
            for (index, value) in kept.q.enumerated() { q.row(start)[index] = value }
            weights += update.adapter.keptWeights.map { $0 * update.weight }
        }
        return UpdateTriplets(
            try ExactTriplets(p: p, lambda: weights, q: q), on: layer, factor: 1, dropout: 0)
    }

    /// ΔW_i `[O, I]`
    private static func dense(_ update: Update) -> Matrix {
        let dense = Matrix(rows: update.adapter.layer.outputs, columns: update.adapter.layer.inputs)
        update.adapter.addUpdate(to: dense)
        return dense
    }

    /// Sets all but the ⌊density · count⌋ largest magnitudes to 0; of equal ones the first stay.
    package static func trim(_ matrix: Matrix, density: Double) {
        let kept = Int(density * Double(matrix.count))
        if kept >= matrix.count { return }
        if kept == 0 { return matrix.fill(0) }
        let magnitudes = matrix.buffer.map(\.magnitude).sorted(by: >)
        let threshold = magnitudes[kept - 1]
        var equal = kept - magnitudes.prefix(kept).count { $0 > threshold }
        for index in 0..<matrix.count {
            let magnitude = matrix.pointer[index].magnitude
            if magnitude > threshold { continue }
            if magnitude == threshold && equal > 0 {
                equal -= 1
            } else {
                matrix.pointer[index] = 0
            }
        }
    }

    /// Of each entry the mean of the weighted values that have the sign of the unweighted sum.
    package static func elect(_ updates: [(values: Matrix, weight: Float)], into merged: Matrix) {
        for index in 0..<merged.count {
            let total = updates.reduce(Float(0)) { $0 + $1.values.pointer[index] }
            var (sum, count): (Float, Int) = (0, 0)
            for update in updates {
                let value = update.values.pointer[index]
                guard total >= 0 ? value > 0 : value < 0 else { continue }
                sum += update.weight * value
                count += 1
            }
            merged.pointer[index] = count > 0 ? sum / Float(count) : 0
        }
    }
}
