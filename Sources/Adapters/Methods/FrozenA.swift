import Autodiff
import Matrices

/// LoRA-FA (Zhang et al. 2023) as PEFT's optimizer has it: A stays, and the gradient of B is G_B·(AAᵀ)⁻¹/s². The step of s·B·A is then
/// the projection of full fine-tuning's gradient onto A's rows, ‖s·G_B'·A − G‖ being least.
package final class FrozenA {
    private let factors: [LowRankFactors]
    /// (AAᵀ)⁻¹/s² of each, `[R, R]`
    private let inverses: [Matrix]

    /// Of singular values of A, relative to the largest: below it a direction is rounding.
    private static let noise: Float = 1e-6

    /// - Throws: `Factorization.Failure` where A is not finite.
    package init(_ adapters: AdapterSet) throws {
        factors = adapters.adapters.map(\.factors)
        inverses = try factors.map(Self.inverse)
    }

    /// Floats that it keeps
    var count: Int { inverses.reduce(0) { $0 + $1.count } }

    /// By the SVD of A = U·Σ·Vᵀ: U·Σ⁻²·Uᵀ/s², without directions that A does not have, where G_B is 0 too.
    private static func inverse(_ factors: LowRankFactors) throws -> Matrix {
        let rank = factors.rank
        if rank == 0 { return Matrix(rows: 0, columns: 0) }
        let svd = try Factorization.svd(overwriting: Matrix(copying: factors.q.values))
        let least = (svd.values.first ?? 0) * noise
        let scaled = Matrix(rows: rank, columns: svd.values.count)
        for row in 0..<rank {
            for (column, value) in svd.values.enumerated() where value > least {
                scaled.row(row)[column] = svd.u.row(row)[column] / (value * factors.factor)
            }
        }
        let inverse = Matrix(rows: rank, columns: rank)
        Product.multiplyTransposed(scaled, scaled, into: inverse)
        return inverse
    }

    /// Changes the gradients `[1, N]` of all B.
    func precondition(_ gradients: Matrix, in vector: ParameterVector, workers: Workers) {
        let (factors, inverses) = (factors, inverses)
        workers.run(tasks: factors.count) { index, _ in
            let b = factors[index].p
            guard b.values.count > 0 else { return }
            let gradient = gradients.view(
                offset: vector.range(of: b).lowerBound, rows: b.rows, columns: b.columns)
            Product.multiply(Matrix(copying: gradient), inverses[index], into: gradient)
        }
    }
}
