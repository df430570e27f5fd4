import Matrices

/// What one site's update ΔW = s·P·Λ·Q is made of: exact singular values, and how far P and Q have drifted.
package struct AdapterSpectrum: Sendable, Equatable {
    /// Singular values of the masked ΔW, scale included, descending: as many as triplets are alive.
    package let values: [Float]
    /// max(‖PᵀP − I‖_F, ‖QQᵀ − I‖_F) over the triplets alive; nil for LoRA, whose factors need not be orthonormal,
    /// and without live triplets.
    package let orthogonalityError: Double?

    /// By LAPACK: thin QR of both factors and the singular values of the core, in Float32.
    ///
    /// - Parameter isExact: the factors were just re-factorized, so that |λ| are the singular values already.
    package init(of adapter: LowRankAdapter, isExact: Bool) throws {
        let kept = adapter.keptFactors
        let rank = adapter.rank
        let (outputs, inputs) = (adapter.layer.outputs, adapter.layer.inputs)
        guard rank > 0 else {
            values = []
            orthogonalityError = nil
            return
        }
        let p = Matrix(rows: outputs, columns: rank, values: kept.p)
        let q = Matrix(rows: rank, columns: inputs, values: kept.q)
        let lambda = kept.lambda ?? [Float](repeating: 1, count: rank)
        let scale = adapter.factors.factor.magnitude
        let singular = isExact ? lambda : try ExactTriplets(p: p, lambda: lambda, q: q).values
        values = singular.map { scale * $0.magnitude }.sorted(by: >)
        orthogonalityError =
            kept.lambda == nil
            ? nil : max(FactorGrams.deviation(FactorGrams.p(p)), FactorGrams.deviation(FactorGrams.q(q)))
    }
}

extension AdapterSet {
    /// The spectrum of each site's masked update.
    ///
    /// - Parameter areExact: P, Λ, Q were just re-factorized, so that λ need not be computed again.
    package func spectra(areExact: Bool, workers: Workers) throws -> [AdapterSpectrum] {
        let adapters = adapters
        return try workers.mapThrowing(tasks: adapters.count) {
            try AdapterSpectrum(of: adapters[$0], isExact: areExact)
        }
    }
}

/// Inner products of a factor's vectors, [R, R].
enum FactorGrams {
    /// PᵀP
    static func p(_ p: Matrix) -> Matrix {
        let gram = Matrix(rows: p.columns, columns: p.columns)
        Product.transposedMultiply(p, p, into: gram)
        return gram
    }

    /// QQᵀ
    static func q(_ q: Matrix) -> Matrix {
        let gram = Matrix(rows: q.rows, columns: q.rows)
        Product.multiplyTransposed(q, q, into: gram)
        return gram
    }

    /// ‖gram − I‖_F
    static func deviation(_ gram: Matrix) -> Double {
        var sum = 0.0
        for row in 0..<gram.rows {
            for column in 0..<gram.columns {
                let value = Double(gram.row(row)[column]) - (row == column ? 1 : 0)
                sum += value * value
            }
        }
        return sum.squareRoot()
    }

    /// The share of ‖P·diag(λ)·Q‖_F² that is left when λ outside `mask` becomes 0; nil when nothing was there.
    /// ‖PΛQ‖_F² = Σ_ij λ_i λ_j (PᵀP)_ij (QQᵀ)_ij.
    static func energyKept(p: Matrix, lambda: [Float], q: Matrix, mask: [Bool]) -> Double? {
        let (pGram, qGram) = (Self.p(p), Self.q(q))
        var (all, kept) = (0.0, 0.0)
        for i in lambda.indices where lambda[i] != 0 {
            for j in lambda.indices where lambda[j] != 0 {
                let term =
                    Double(lambda[i]) * Double(lambda[j]) * Double(pGram.row(i)[j]) * Double(qGram.row(i)[j])
                all += term
                if mask[i] && mask[j] { kept += term }
            }
        }
        return all > 0 ? max(0, kept / all) : nil
    }
}
