import Autodiff
import Foundation
import Matrices

/// Steps of low-rank updates that do not depend on how a product is split: L·R and (L·M)·(M⁻¹·R) take the same step for any
/// invertible M, to rounding, be they B·A or P·Λ·Q. As LoRA-RITE (Yen et al. 2024, arXiv 2410.20625) it takes gradients in an
/// orthonormal frame and divides by a matrix of second moments there; how long steps are is LoRA's.
///
/// Z = L·R, with L = B or P·Λ `[O, k]` and R = A or Q `[k, I]`, is looked at as B̃·Ã: Ã = c·F where the rows of F `[ρ, I]` are an
/// orthonormal basis of R's rows, and B̃ = Z·Fᵀ/c. c = 1/√3 is the length of A's rows at LoRA's usual start
/// (`StepLengths.rowLength`), so that this is the split in which LoRA begins. The gradients there follow from those of L and
/// R, and only turn when F does. With g = ∂L/∂B̃ of step t (and likewise of Ã, with I in place of O):
///
///     m ← β1·m·Tᵀ + (1 − β1)·g                                   T = F·F₋ᵀ turns the frame before into this one
///     v ← β2·(T·v·Tᵀ + (tr v / ρ₋)·(1 − T·Tᵀ)) + (1 − β2)·gᵀg / O
///     B̃ ← (1 − η·decay)·B̃ − η·m̂·v̂^(−½)                          m̂, v̂ without the zeros that the averages start from
///
/// m̂·v̂^(−½) has columns of length about √O, as far as an Adam step of B's moves them: rates mean what they mean there, and a step
/// per column is as long whatever its side. A direction that the frame did not have (a new triplet, a turned factor) gets the mean
/// of the second moments that there are; one that it no longer has (a pruned one) is projected out.
///
/// A triplet with λ = 0 is no part of the product, and names no direction: λ alone takes a step, η against the sign of its
/// gradient, as Adam's first would be.
package final class BalancedSteps {
    private let adapted: AdapterSet
    /// Of the rate of B̃ and Ã
    private let ratio: Double
    private var sites: [Site]

    /// - Parameter ratio: B's rate as a multiple of A's
    package init(_ set: AdapterSet, ratio: Double = 1) {
        adapted = set
        self.ratio = ratio
        sites = set.adapters.map { _ in Site() }
    }

    /// What it moves in place of AdamW.
    package var parameters: [Parameter] {
        adapted.adapters.flatMap { [$0.factors.p, $0.factors.q] + ($0.factors.lambda.map { [$0] } ?? []) }
    }

    /// Floats that it keeps, at most, and those of a step.
    package var count: Int {
        adapted.adapters.reduce(0) { sum, adapter in
            let (rank, layer) = (adapter.factors.rank, adapter.layer)
            return sum + rank * (3 * layer.outputs + 4 * layer.inputs + 2 * rank)
        }
    }

    /// What AdamW's settings and the step say.
    package struct Rates: Sendable {
        package let step: Int
        package let rate: Double
        package let decay: Double
        package let beta1: Float
        package let beta2: Float
        package let epsilon: Float

        package init(
            step: Int, rate: Double, decay: Double, beta1: Float, beta2: Float, epsilon: Float
        ) {
            self.step = step
            self.rate = rate
            self.decay = decay
            self.beta1 = beta1
            self.beta2 = beta2
            self.epsilon = epsilon
        }
    }

    /// Takes the gradients [1, N] of L and R into the frame.
    ///
    /// - Returns: the squared norms of what the parameters have there and of what stands for it, which no split changes.
    /// - Throws: `Factorization.Failure` where a factor is not finite.
    package func prepare(_ gradients: Matrix, in vector: ParameterVector, workers: Workers) throws -> (
        plain: Double, balanced: Double
    ) {
        let (adapters, sites) = (adapted.adapters, sites)
        let squares = try workers.mapThrowing(tasks: adapters.count) { index in
            let factors = adapters[index].factors
            func gradient(_ parameter: Parameter) -> Matrix {
                gradients.view(
                    offset: vector.range(of: parameter).lowerBound, rows: parameter.values.rows,
                    columns: parameter.values.columns)
            }
            let (p, q) = (gradient(factors.p), gradient(factors.q))
            let lambda = factors.lambda.map(gradient)
            let given = try BalancedGradient(factors, p: p, lambda: lambda, q: q)
            sites[index].given = given
            return (
                p.sumOfSquares + q.sumOfSquares + (lambda?.sumOfSquares ?? 0), given.sumOfSquares
            )
        }
        return squares.reduce((0, 0)) { ($0.0 + $1.0, $0.1 + $1.1) }
    }

    /// Multiplies the gradients that were prepared, as clipping does.
    package func scale(by factor: Float) { for site in sites { site.given?.scale(by: factor) } }

    /// Moves the factors.
    package func update(_ rates: Rates, workers: Workers) throws {
        let (adapters, sites, ratio) = (adapted.adapters, sites, ratio)
        _ = try workers.mapThrowing(tasks: adapters.count) { index in
            try sites[index].update(adapters[index].factors, rates, ratio: ratio)
        }
    }

    private static let prefix = "balanced."

    /// What a checkpoint holds of it: of each site its directions ρ, and one after the other F, m of both sides, v of both sides.
    package var tensors: [(name: String, values: SavedFloats)] {
        [
            (Self.prefix + "directions", SavedFloats([sites.map { Float($0.frame.rows) }])),
            (Self.prefix + "moments", SavedFloats(sites.flatMap { $0.matrices.map(\.values) })),
        ]
    }

    /// Puts that back.
    package func restore(_ tensors: [(name: String, values: SavedFloats)]) throws {
        func saved(_ name: String) -> [Float] {
            tensors.first { $0.name == Self.prefix + name }?.values.values ?? []
        }
        let (directions, moments) = (saved("directions"), saved("moments"))
        guard directions.count == adapted.adapters.count else { throw StateMismatch(of: "balanced moments") }
        var offset = 0
        for (index, adapter) in adapted.adapters.enumerated() {
            let layer = adapter.layer
            guard let rank = Int(exactly: directions[index]), 0...min(layer.outputs, layer.inputs) ~= rank
            else { throw StateMismatch(of: "balanced moments") }
            let site = Site(outputs: layer.outputs, inputs: layer.inputs, rank: rank)
            for matrix in site.matrices {
                guard offset + matrix.count <= moments.count else {
                    throw StateMismatch(of: "balanced moments")
                }
                for element in 0..<matrix.count { matrix.pointer[element] = moments[offset + element] }
                offset += matrix.count
            }
            sites[index] = site
        }
        guard offset == moments.count else { throw StateMismatch(of: "balanced moments") }
    }

    /// Unchecked Sendable: within a step each site is the business of one task.
    private final class Site: @unchecked Sendable {
        /// F `[ρ, I]` of the last step
        private(set) var frame: Matrix
        /// Of B̃ `[O, ρ]`, and of Ã `[ρ, I]`
        private var leftMean, rightMean: Matrix
        /// `[ρ, ρ]`
        private var leftSquare, rightSquare: Matrix
        var given: BalancedGradient?

        init(outputs: Int = 0, inputs: Int = 0, rank: Int = 0) {
            frame = Matrix(rows: rank, columns: inputs)
            leftMean = Matrix(rows: outputs, columns: rank)
            rightMean = Matrix(rows: rank, columns: inputs)
            leftSquare = Matrix(rows: rank, columns: rank)
            rightSquare = Matrix(rows: rank, columns: rank)
        }

        var matrices: [Matrix] { [frame, leftMean, rightMean, leftSquare, rightSquare] }

        func update(_ factors: LowRankFactors, _ rates: Rates, ratio: Double) throws {
            guard let given else { return }
            self.given = nil
            follow(given)
            Self.average(leftMean, given.left, rates.beta1)
            Self.average(rightMean, given.right, rates.beta1)
            let (outputs, inputs) = (Float(given.left.rows), Float(given.right.columns))
            Product.transposedMultiply(
                given.left, given.left, into: leftSquare, alpha: (1 - rates.beta2) / outputs,
                beta: rates.beta2)
            Product.multiplyTransposed(
                given.right, given.right, into: rightSquare, alpha: (1 - rates.beta2) / inputs,
                beta: rates.beta2)
            let kept = Float(1 - rates.decay)
            let (left, right) = (given.product, given.split)
            Self.scale(left, by: kept)
            Self.scale(right, by: kept)
            let root = try Self.inverseRoot(leftSquare, rates)
            Product.multiply(leftMean, root, into: left, alpha: Float(-rates.rate * ratio), beta: 1)
            let other = try Self.inverseRoot(rightSquare, rates)
            Product.multiply(other, rightMean, into: right, alpha: Float(-rates.rate), beta: 1)
            given.put(left: left, right: right, rate: Float(rates.rate), into: factors)
        }

        /// Turns what is kept into the frame of `given`.
        private func follow(_ given: BalancedGradient) {
            let (new, old) = (given.frame, frame)
            let turn = Matrix(rows: new.rows, columns: old.rows)
            if old.rows > 0 { Product.multiplyTransposed(new, old, into: turn) }
            let left = Matrix(rows: given.left.rows, columns: new.rows)
            let right = Matrix(rows: new.rows, columns: new.columns)
            if old.rows > 0 {
                Product.multiplyTransposed(leftMean, turn, into: left)
                Product.multiply(turn, rightMean, into: right)
            }
            leftSquare = Self.turned(leftSquare, turn)
            rightSquare = Self.turned(rightSquare, turn)
            (frame, leftMean, rightMean) = (new, left, right)
        }

        /// T·v·Tᵀ + (tr v / ρ₋)·(1 − T·Tᵀ)
        private static func turned(_ square: Matrix, _ turn: Matrix) -> Matrix {
            let result = Matrix(rows: turn.rows, columns: turn.rows)
            guard turn.columns > 0, turn.rows > 0 else { return result }
            let mean = (0..<square.rows).reduce(Float(0)) { $0 + square.row($1)[$1] } / Float(square.rows)
            Product.multiplyTransposed(turn, turn, into: result, alpha: -mean)
            for index in 0..<result.rows { result.row(index)[index] += mean }
            let half = Matrix(rows: turn.rows, columns: turn.columns)
            Product.multiply(turn, square, into: half)
            Product.multiplyTransposed(half, turn, into: result, beta: 1)
            return result
        }

        /// Relative to the largest root: below it a direction is rounding.
        private static let noise: Float = 1e-5

        /// (v / (1 − β2^t))^(−½) / (1 − β1^t), so that it multiplies the mean as it is kept.
        private static func inverseRoot(_ square: Matrix, _ rates: Rates) throws -> Matrix {
            let rank = square.rows
            let root = Matrix(rows: rank, columns: rank)
            if rank == 0 { return root }
            let mean = 1 - pow(Double(rates.beta1), Double(rates.step))
            let correction = 1 - pow(Double(rates.beta2), Double(rates.step))
            let svd = try Factorization.svd(overwriting: Matrix(copying: square))
            let roots = svd.values.map { Float((Double(max(0, $0)) / correction).squareRoot()) }
            let least = (roots.first ?? 0) * noise + rates.epsilon
            let scaled = Matrix(copying: svd.u)
            for row in 0..<rank {
                for (column, value) in roots.enumerated() {
                    scaled.row(row)[column] /= (value + least) * Float(mean)
                }
            }
            // Symmetric: both sides have the same vectors.
            Product.multiplyTransposed(scaled, svd.u, into: root)
            return root
        }

        private static func average(_ mean: Matrix, _ new: Matrix, _ beta: Float) {
            for element in 0..<mean.count {
                mean.pointer[element] = beta * mean.pointer[element] + (1 - beta) * new.pointer[element]
            }
        }

        private static func scale(_ matrix: Matrix, by factor: Float) {
            for element in 0..<matrix.count { matrix.pointer[element] *= factor }
        }
    }
}

/// One product and its gradient in the balanced split.
///
/// Unchecked Sendable: within a step it is the business of one task.
final class BalancedGradient: @unchecked Sendable {
    /// F `[ρ, I]`
    let frame: Matrix
    /// ∂L/∂B̃ `[O, ρ]` and ∂L/∂Ã `[ρ, I]`
    let left, right: Matrix
    /// B̃ `[O, ρ]`, which an update may overwrite
    let product: Matrix
    /// The triplets in the product
    private let live: [Int]
    /// X `[k, ρ]`: the rows of R's own orthonormal basis, in the order of triplets, are X·F.
    private let back: Matrix
    /// ∂L/∂λ of the others
    private var others: [(index: Int, gradient: Float)]

    private static let rowLength = StepLengths.rowLength
    /// Of singular values of R, relative to the largest: below it a direction is rounding.
    private static let noise: Float = 1e-6

    /// - Parameters:
    ///   - p, lambda, q: gradients of the factors, as they are shaped
    init(_ factors: LowRankFactors, p: Matrix, lambda: Matrix?, q: Matrix) throws {
        let (values, rows) = (factors.p.values, factors.q.values)
        let lambdas = factors.lambda?.values.values ?? [Float](repeating: 1, count: factors.rank)
        live = lambdas.indices.filter { lambdas[$0] != 0 }
        others = lambdas.indices.filter { lambdas[$0] == 0 }.map { ($0, lambda?.pointer[$0] ?? 0) }
        let basis = Matrix(rows: live.count, columns: rows.columns)
        for (place, index) in live.enumerated() {
            basis.row(place).update(from: rows.row(index), count: rows.columns)
        }
        // R = Tᵀ·basis; T = X·S·Yᵀ.
        let triangle = try Factorization.orthonormalizeRows(basis)
        let svd = try Factorization.svd(overwriting: triangle)
        let least = (svd.values.first ?? 0) * Self.noise
        let rank = svd.values.prefix { $0 > least }.count
        back = Matrix(rows: live.count, columns: rank)
        // B̃ = L·Y·S/c and ∂L/∂B̃ = c·∂L/∂L·Y/S.
        let onto = Matrix(rows: live.count, columns: rank)
        let from = Matrix(rows: live.count, columns: rank)
        for place in live.indices {
            for column in 0..<rank {
                let (y, value) = (svd.vt.row(column)[place], svd.values[column])
                back.row(place)[column] = svd.u.row(place)[column]
                onto.row(place)[column] = y * value / Self.rowLength
                from.row(place)[column] = Self.rowLength * y / value
            }
        }
        frame = Matrix(rows: rank, columns: rows.columns)
        product = Matrix(rows: values.rows, columns: rank)
        left = Matrix(rows: values.rows, columns: rank)
        right = Matrix(rows: rank, columns: rows.columns)
        guard rank > 0 else { return }
        Product.transposedMultiply(back, basis, into: frame)
        // L = P·Λ, whose gradient is that of P over λ; the gradient of R is that of Q.
        let whole = Matrix(rows: values.rows, columns: live.count)
        let slope = Matrix(rows: values.rows, columns: live.count)
        for row in 0..<values.rows {
            for (place, index) in live.enumerated() {
                whole.row(row)[place] = values.row(row)[index] * lambdas[index]
                slope.row(row)[place] = p.row(row)[index] / lambdas[index]
            }
        }
        Product.multiply(whole, onto, into: product)
        Product.multiply(slope, from, into: left)
        for (place, index) in live.enumerated() {
            basis.row(place).update(from: q.row(index), count: q.columns)
        }
        Product.transposedMultiply(onto, basis, into: right)
    }

    /// Ã `[ρ, I]`, a copy
    var split: Matrix {
        let split = Matrix(copying: frame)
        for element in 0..<split.count { split.pointer[element] *= Self.rowLength }
        return split
    }

    var sumOfSquares: Double {
        left.sumOfSquares + right.sumOfSquares
            + others.reduce(0) { $0 + Double($1.gradient) * Double($1.gradient) }
    }

    func scale(by factor: Float) {
        for matrix in [left, right] {
            for element in 0..<matrix.count { matrix.pointer[element] *= factor }
        }
        for index in others.indices { others[index].gradient *= factor }
    }

    /// Makes left[O, ρ]·right[ρ, I] the product of the factors, triplet by triplet near what they were, with λ = 1; others take their step.
    func put(left: Matrix, right: Matrix, rate: Float, into factors: LowRankFactors) {
        let p = Matrix(rows: left.rows, columns: live.count)
        let q = Matrix(rows: live.count, columns: right.columns)
        if left.columns > 0 {
            Product.multiplyTransposed(left, back, into: p)
            Product.multiply(back, right, into: q)
        }
        let (values, rows) = (factors.p.values, factors.q.values)
        for row in 0..<values.rows {
            for (place, index) in live.enumerated() { values.row(row)[index] = p.row(row)[place] }
        }
        for (place, index) in live.enumerated() {
            rows.row(index).update(from: q.row(place), count: q.columns)
            factors.lambda?.values.pointer[index] = 1
        }
        for (index, gradient) in others where gradient != 0 {
            factors.lambda?.values.pointer[index] = gradient > 0 ? -rate : rate
        }
    }
}
