import Adapters
import Matrices
import Testing

/// What Adam's moments become when a basis changes.
@Suite struct ChangeOfBasisTests {
    /// ∂L/∂P = G·Qᵀ·Λ, diag(Pᵀ·G·Qᵀ), Λ·Pᵀ·G for L = ⟨G, P·Λ·Q⟩.
    private static func gradients(_ g: Matrix, p: Matrix, lambda: [Float], q: Matrix) -> (
        p: Matrix, lambda: Matrix, q: Matrix
    ) {
        let rank = lambda.count
        let gp = Matrix(rows: p.rows, columns: rank)
        Product.multiplyTransposed(g, q, into: gp)
        let gl = Matrix(rows: 1, columns: rank)
        for index in 0..<rank {
            for row in 0..<p.rows { gl.pointer[index] += p.row(row)[index] * gp.row(row)[index] }
        }
        for row in 0..<p.rows { for index in 0..<rank { gp.row(row)[index] *= lambda[index] } }
        let gq = Matrix(rows: rank, columns: q.columns)
        Product.transposedMultiply(p, g, into: gq)
        for index in 0..<rank { for column in 0..<q.columns { gq.row(index)[column] *= lambda[index] } }
        return (gp, gl, gq)
    }

    private static func largest(_ a: Matrix, minus b: Matrix) -> Float {
        (0..<a.count).reduce(0) { max($0, abs(a.pointer[$1] - b.pointer[$1])) }
    }

    /// The first moment after one step from zero is the gradient itself: moved, it must be the gradient at the new
    /// factors. Exact for P and Q whatever the drift, also with dependent columns; for λ where only signs and
    /// places change, because its off-diagonal part was never kept.
    @Test(arguments: [0.0, 0.05, 0.5]) func gradientsFollowExactly(drift: Double) throws {
        var factors = try ExactTripletsTests.Factors(outputs: 40, rank: 4, inputs: 30, drift: drift, seed: 5)
        factors.lambda = [2, -0.7, 0, 0.1]
        for row in 0..<40 where drift > 0.1 { factors.p.row(row)[3] = factors.p.row(row)[0] }
        var stream = RandomStream(seed: 6, purpose: "gradient")
        let g = Matrix(rows: 40, columns: 30)
        stream.fillNormal(g, deviation: 1)
        let old = Self.gradients(g, p: factors.p, lambda: factors.lambda, q: factors.q)
        let exact = try factors.exact
        let new = Self.gradients(
            g, p: ExactTripletsTests.transposed(exact.pRows), lambda: exact.values, q: exact.q)
        exact.change.moveFirstMoments(p: old.p, lambda: old.lambda, q: old.q)
        // Entries are of order λ · √30; Float32 rounding of products of that length.
        #expect(Self.largest(old.p, minus: new.p) < 1e-4)
        #expect(Self.largest(old.q, minus: new.q) < 1e-4)
        if drift == 0 { #expect(Self.largest(old.lambda, minus: new.lambda) < 1e-4) }
    }

    /// Vectors that are not of unit length: λ takes the lengths over, and its gradient with them, while sensitivities
    /// |w·∂L/∂w| do not depend on how a product is split.
    @Test(arguments: [0.4, 1, 2]) func lengthsMoveIntoLambda(length: Float) throws {
        var factors = try ExactTripletsTests.Factors(outputs: 40, rank: 3, inputs: 30, drift: 0, seed: 15)
        factors.lambda = [2, 0.7, 0.1]
        for index in 0..<factors.p.count { factors.p.pointer[index] *= length }
        for index in 0..<factors.q.count { factors.q.pointer[index] *= 3 * length }
        var stream = RandomStream(seed: 16, purpose: "gradient")
        let g = Matrix(rows: 40, columns: 30)
        stream.fillNormal(g, deviation: 1)
        let old = Self.gradients(g, p: factors.p, lambda: factors.lambda, q: factors.q)
        let exact = try factors.exact
        let new = Self.gradients(
            g, p: ExactTripletsTests.transposed(exact.pRows), lambda: exact.values, q: exact.q)
        let oldSquares = Matrix(rows: 1, columns: 3, values: old.lambda.values.map { $0 * $0 })
        exact.change.moveFirstMoments(p: old.p, lambda: old.lambda, q: old.q)
        exact.change.moveSecondMoments(
            p: Matrix(rows: 40, columns: 3), lambda: oldSquares, q: Matrix(rows: 3, columns: 30))
        for index in 0..<3 {
            let expected = new.lambda.pointer[index]
            #expect(abs(old.lambda.pointer[index] - expected) < 1e-4 * max(1, abs(expected)))
            #expect(abs(oldSquares.pointer[index] - expected * expected) < 1e-3 * max(1, expected * expected))
            #expect(abs(exact.values[index] - factors.lambda[index] * 3 * length * length) < 1e-5)
        }
        let weights = exact.change.weights
        for values in [weights.p, weights.lambda, weights.q] {
            for row in 0..<3 {
                for column in 0..<3 {
                    #expect(abs(values[row * 3 + column] - (row == column ? 1 : 0)) < 1e-5)
                }
            }
        }
    }

    /// Swapped places and changed signs move second moments without loss.
    @Test func permutationsAreExact() {
        let swap = Matrix(rows: 2, columns: 2, values: [0, -1, 1, 0])
        let change = ChangeOfBasis(p: swap, q: swap, pLengths: [1, 1], qLengths: [1, 1])
        let p = Matrix(rows: 3, columns: 2, values: [1, 2, 3, 4, 5, 6])
        let lambda = Matrix(rows: 1, columns: 2, values: [7, 8])
        let q = Matrix(rows: 2, columns: 2, values: [9, 10, 11, 12])
        change.moveSecondMoments(p: p, lambda: lambda, q: q)
        #expect(p.values == [2, 1, 4, 3, 6, 5] && lambda.values == [8, 7] && q.values == [11, 12, 9, 10])
        change.moveFirstMoments(p: p, lambda: lambda, q: q)
        #expect(p.values == [1, -2, 3, -4, 5, -6] && lambda.values == [7, 8])
        #expect(q.values == [9, 10, -11, -12])
    }

    /// Second moments are right in the mean for uncorrelated gradients, and no rotation shrinks their sum.
    @Test func secondMomentsAreRightInTheMean() throws {
        var stream = RandomStream(seed: 7, purpose: "moments")
        let rank = 3
        let rotation = Matrix(rows: rank, columns: rank)
        stream.fillNormal(rotation, deviation: 1)
        try Factorization.orthonormalize(rotation)
        let deviations: [Double] = [2, 0.5, 1]
        let samples = 40_000
        var sums = [Double](repeating: 0, count: rank)
        for _ in 0..<samples {
            let gradient = deviations.map { stream.normal() * $0 }
            for new in 0..<rank {
                let value = (0..<rank).reduce(0.0) { $0 + gradient[$1] * Double(rotation.row($1)[new]) }
                sums[new] += value * value / Double(samples)
            }
        }
        let change = ChangeOfBasis(
            p: rotation, q: rotation, pLengths: [1, 1, 1], qLengths: [1, 1, 1])
        let variances = deviations.map { Float($0 * $0) }
        let p = Matrix(rows: 1, columns: rank, values: variances)
        let lambda = Matrix(rows: 1, columns: rank, values: variances)
        let q = Matrix(rows: rank, columns: 1, values: variances)
        change.moveSecondMoments(p: p, lambda: lambda, q: q)
        for new in 0..<rank {
            // The variance of a sample variance of 40,000: 0.7 % of it; 4 standard deviations.
            #expect(abs(Double(p.values[new]) - sums[new]) < 0.03 * sums[new])
            #expect(p.values[new] == q.values[new] && p.values[new] > 0)
        }
        #expect(abs(lambda.values.reduce(0, +) - variances.reduce(0, +)) < 1e-5)
    }

    /// Weights of magnitudes add up to 1 for each new triplet of a turned orthonormal basis: averages keep their mean.
    @Test func weightsKeepTheMean() throws {
        let factors = try ExactTripletsTests.Factors(outputs: 60, rank: 5, inputs: 50, drift: 0, seed: 8)
        let turned = Matrix(rows: 60, columns: 5)
        let rotation = normalRotation(5, seed: 9)
        Product.multiply(factors.p, rotation, into: turned)
        let exact = try ExactTriplets(p: turned, lambda: factors.lambda, q: factors.q)
        let weights = exact.change.weights
        for values in [weights.p, weights.lambda, weights.q] {
            for new in 0..<5 {
                let sum = (0..<5).reduce(Float(0)) { $0 + values[$1 * 5 + new] }
                #expect(abs(sum - 1) < 1e-5)
            }
        }
    }

    private func normalRotation(_ size: Int, seed: UInt64) -> Matrix {
        var stream = RandomStream(seed: seed, purpose: "rotation")
        let matrix = Matrix(rows: size, columns: size)
        stream.fillNormal(matrix, deviation: 1)
        do { try Factorization.orthonormalize(matrix) } catch { Issue.record("\(error)") }
        return matrix
    }
}
