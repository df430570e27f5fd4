import Adapters
import Advice
import Foundation
import Matrices
import Tasks
import Training
import Transformers

/// The gradient of adapted matrices on two halves of some rows: which of its directions are no chance.
package struct HalfGradients {
    /// Singular vectors of one half that are held against the other
    static let directions = 64
    /// Floats of all gradients of a half, at most: of larger models some layers are looked at.
    static let mostFloats = 64_000_000

    let trainer: Trainer
    let data: TokenizedDataset
    let seed: UInt64

    /// - Parameters:
    ///   - trainer: before its first step, so that its adapters change nothing.
    ///   - halves: rows
    func measured(_ halves: (one: [Int], other: [Int]), onHalf: () -> Void) throws
        -> [ProbeFindings.SiteGradient]
    {
        let sites = sites
        let one = gradients(sites, halves.one)
        onHalf()
        let other = gradients(sites, halves.other)
        try data.checkImages()
        let (layers, seed) = (trainer.adapters.layers, seed)
        return try trainer.model.workers.mapThrowing(tasks: sites.count) { task in
            try Self.compared(one[task], other[task], layers[sites[task]].site, seed: seed)
        }
    }

    /// Of every so manieth layer, the first among them.
    private var sites: [Int] {
        let layers = trainer.adapters.layers
        let floats = layers.reduce(0) { $0 + $1.outputs * $1.inputs }
        let every = max(1, (floats + Self.mostFloats - 1) / Self.mostFloats)
        return layers.indices.filter { layers[$0].site.layer % every == 0 }
    }

    private func gradients(_ sites: [Int], _ rows: [Int]) -> [Matrix] {
        let sums = WeightGradients(of: trainer.adapters, at: sites)
        trainer.model.probe(
            data, indices: rows, backwardInto: Matrix(rows: 1, columns: trainer.vector.count))
        return sums.end()
    }

    package static func compared(_ one: Matrix, _ other: Matrix, _ site: LinearSite, seed: UInt64) throws
        -> ProbeFindings.SiteGradient
    {
        var product = 0.0
        for index in 0..<one.count { product += Double(one.pointer[index]) * Double(other.pointer[index]) }
        let lengths = (one.sumOfSquares * other.sumOfSquares).squareRoot()
        let leading = try Factorization.leadingTriplets(
            of: one, count: directions, stream: site.stream(seed: seed, purpose: "directions of a half"),
            iterations: 2)
        let projections = projections(of: other, on: leading)
        let both = Matrix(copying: one)
        for index in 0..<both.count { both.pointer[index] += other.pointer[index] }
        let values = try Factorization.leadingTriplets(
            of: both, count: directions,
            stream: site.stream(seed: seed, purpose: "directions of both halves"),
            iterations: 2
        ).values
        return ProbeFindings.SiteGradient(
            name: "\(site)", role: site.role.rawValue, layer: site.layer,
            cosine: lengths > 0 ? product / lengths : 0,
            aligned: HalfComparison.alignedDirections(projections), values: values,
            energy: both.sumOfSquares)
    }

    /// m[i, j] = u_iᵀ·G·v_j
    static func projections(of gradient: Matrix, on leading: Factorization.SVD) -> [[Double]] {
        let count = leading.values.count
        let left = Matrix(rows: count, columns: gradient.columns)
        Product.transposedMultiply(leading.u, gradient, into: left)
        let all = Matrix(rows: count, columns: count)
        Product.multiplyTransposed(left, leading.vt, into: all)
        return (0..<count).map { row in (0..<count).map { Double(all.row(row)[$0]) } }
    }
}

/// How alike two halves of some rows rank the triplets of a trained adapter.
enum HalfRankings {
    /// - Parameter trainer: whose triplets are exact.
    static func compared(
        _ trainer: Trainer, _ data: TokenizedDataset, _ halves: (one: [Int], other: [Int])
    ) throws -> ProbeFindings.Halves {
        let one = try importance(trainer, data, halves.one)
        let other = try importance(trainer, data, halves.other)
        try data.checkImages()
        return ProbeFindings.Halves(
            correlation: HalfComparison.rankCorrelation(one, other),
            overlap: HalfComparison.overlap(one, other, top: trainer.adapters.adapters.count))
    }

    /// |λ·∂L/∂λ| of every triplet: the first-order change of the loss when it goes.
    private static func importance(_ trainer: Trainer, _ data: TokenizedDataset, _ rows: [Int]) throws
        -> [Double]
    {
        let gradients = Matrix(rows: 1, columns: trainer.vector.count)
        var buffers: [Matrix] = []
        _ = try trainer.model.lossAndGradient(
            data, indices: rows, into: gradients, shardGradients: &buffers, seed: trainer.settings.seed,
            step: 0)
        return trainer.adapters.adapters.flatMap { adapter -> [Double] in
            guard let lambda = adapter.factors.lambda else { return [] }
            let range = trainer.vector.range(of: lambda)
            return adapter.lambda.enumerated().map { index, value in
                abs(Double(value) * Double(gradients.pointer[range.lowerBound + index]))
            }
        }
    }
}
