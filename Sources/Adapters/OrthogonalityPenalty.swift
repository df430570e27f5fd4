import Autodiff
import Matrices

/// The term that keeps P's columns and Q's rows near orthonormal (paper eq. 4).
package struct OrthogonalityPenalty: Sendable {
    package enum Form: String, CaseIterable, Sendable {
        /// weight · Σ (‖PᵀP − I‖_F² + ‖QQᵀ − I‖_F²), the paper's
        case squared
        /// weight · mean over all P and Q of the unsquared norm, PEFT's and the authors' code
        case norm
        case none
    }

    package let form: Form
    package let weight: Float

    package init(form: Form, weight: Float) {
        self.form = form
        self.weight = weight
    }

    /// Adds the gradient to the flat `gradients` and returns the weighted term. LoRA factors have none.
    package func addGradient(of set: AdapterSet, in vector: ParameterVector, to gradients: Matrix) -> Double {
        if form == .none || weight == 0 { return 0 }
        let adapters = set.adapters.filter { $0.factors.lambda != nil && $0.factors.rank > 0 }
        var total = 0.0
        for adapter in adapters {
            for (parameter, isP) in [(adapter.factors.p, true), (adapter.factors.q, false)] {
                let offset = vector.range(of: parameter).lowerBound
                let gradient = gradients.view(
                    offset: offset, rows: parameter.values.rows, columns: parameter.values.columns)
                total += addGradient(
                    of: parameter.values, columnwise: isP, count: 2 * adapters.count, to: gradient)
            }
        }
        return total
    }

    private func addGradient(of matrix: Matrix, columnwise: Bool, count: Int, to gradient: Matrix) -> Double {
        let rank = columnwise ? matrix.columns : matrix.rows
        // deviation[R, R] = PᵀP − I or QQᵀ − I
        let deviation = Matrix(rows: rank, columns: rank)
        if columnwise {
            Product.transposedMultiply(matrix, matrix, into: deviation)
        } else {
            Product.multiplyTransposed(matrix, matrix, into: deviation)
        }
        for index in 0..<rank { deviation.row(index)[index] -= 1 }
        let squared = deviation.sumOfSquares
        let value: Double
        let factor: Float
        switch form {
        case .squared:
            value = Double(weight) * squared
            factor = 4 * weight
        case .norm:
            value = Double(weight) * squared.squareRoot() / Double(count)
            // At an exactly orthonormal matrix the norm has no gradient; 0/0 becomes 0.
            factor = squared > 0 ? Float(2 * Double(weight) / (squared.squareRoot() * Double(count))) : 0
        case .none: return 0
        }
        if columnwise {
            Product.multiply(matrix, deviation, into: gradient, alpha: factor, beta: 1)
        } else {
            Product.multiply(deviation, matrix, into: gradient, alpha: factor, beta: 1)
        }
        return value
    }
}
