import Adapters
import Matrices
import Testing

/// Re-factorization of P·Λ·Q into exact singular triplets, against LAPACK's SVD of the dense product.
@Suite struct ExactTripletsTests {
    struct Factors {
        let p: Matrix
        var lambda: [Float]
        let q: Matrix

        /// Random factors, P and Q off orthonormal by about `drift`.
        init(outputs: Int, rank: Int, inputs: Int, drift: Double, seed: UInt64) throws {
            var stream = RandomStream(seed: seed, purpose: "factors")
            p = Matrix(rows: outputs, columns: rank)
            q = Matrix(rows: rank, columns: inputs)
            stream.fillNormal(p, deviation: 1)
            stream.fillNormal(q, deviation: 1)
            try Factorization.orthonormalize(p)
            try Factorization.orthonormalize(q)
            for matrix in [p, q] {
                for index in 0..<matrix.count {
                    matrix.pointer[index] += Float(
                        drift * stream.normal() / Double(matrix.count / rank).squareRoot())
                }
            }
            lambda = (0..<rank).map { _ in Float(stream.normal()) }
        }

        var exact: ExactTriplets { get throws { try ExactTriplets(p: p, lambda: lambda, q: q) } }
    }

    static func dense(_ p: Matrix, _ lambda: [Float], _ q: Matrix) -> Matrix {
        let scaled = Matrix(rows: p.rows, columns: p.columns)
        for row in 0..<p.rows {
            for column in 0..<p.columns { scaled.row(row)[column] = p.row(row)[column] * lambda[column] }
        }
        let out = Matrix(rows: p.rows, columns: q.columns)
        Product.multiply(scaled, q, into: out)
        return out
    }

    static func transposed(_ matrix: Matrix) -> Matrix {
        let out = Matrix(rows: matrix.columns, columns: matrix.rows)
        out.copyTransposed(from: matrix)
        return out
    }

    static func relativeDistance(_ a: Matrix, _ b: Matrix) -> Double {
        var (difference, norm) = (0.0, 0.0)
        for index in 0..<a.count {
            let value = Double(a.pointer[index]) - Double(b.pointer[index])
            difference += value * value
            norm += Double(b.pointer[index]) * Double(b.pointer[index])
        }
        return norm > 0 ? (difference / norm).squareRoot() : difference.squareRoot()
    }

    /// ‖rows · rowsᵀ − I‖_F
    static func deviation(_ rows: Matrix) -> Double {
        var sum = 0.0
        for i in 0..<rows.rows {
            for j in 0..<rows.rows {
                let dot = (0..<rows.columns).reduce(0.0) {
                    $0 + Double(rows.row(i)[$1]) * Double(rows.row(j)[$1])
                }
                sum += (dot - (i == j ? 1 : 0)) * (dot - (i == j ? 1 : 0))
            }
        }
        return sum.squareRoot()
    }

    /// The three bounds over random shapes, from nearly orthonormal factors to Gaussian ones.
    @Test(arguments: 0..<40) func productOrthonormalityAndSingularValues(seed: Int) throws {
        var stream = RandomStream(seed: UInt64(seed), purpose: "shape")
        func size(_ most: Int) -> Int { 1 + Int(stream.uniform() * Double(most)) }
        let (outputs, inputs) = (size(200), size(200))
        let rank = min(size(16), outputs, inputs)
        var factors = try Factors(
            outputs: outputs, rank: rank, inputs: inputs, drift: [0, 0.01, 0.3, 2][seed % 4],
            seed: UInt64(seed))
        for index in 0..<rank where stream.uniform() < 0.2 { factors.lambda[index] = 0 }
        let exact = try factors.exact
        let before = Self.dense(factors.p, factors.lambda, factors.q)
        let after = Self.dense(Self.transposed(exact.pRows), exact.values, exact.q)
        #expect(Self.relativeDistance(after, before) < 1e-5)
        #expect(Self.deviation(exact.pRows) < 1e-5 && Self.deviation(exact.q) < 1e-5)
        #expect(exact.values.allSatisfy { $0 >= 0 })
        let reference = try Factorization.svd(overwriting: before).values.prefix(rank)
        let largest = max(reference.first ?? 0, 1e-30)
        for (value, expected) in zip(exact.values.sorted(by: >), reference) {
            #expect(abs(value - expected) < 1e-5 * largest)
        }
    }

    /// An exact decomposition with distinct values is its own: same places, same signs, negative λ through q.
    @Test func exactTripletsStayWhereTheyAre() throws {
        var factors = try Factors(outputs: 50, rank: 5, inputs: 70, drift: 0, seed: 1)
        factors.lambda = [0.5, -3, 0, 2, 1e-3]
        let exact = try factors.exact
        for (index, expected) in [0.5, 3, 0, 2, 1e-3].enumerated() {
            #expect(abs(Double(exact.values[index]) - expected) < 1e-6)
            for row in 0..<50 { #expect(abs(exact.pRows.row(index)[row] - factors.p.row(row)[index]) < 1e-4) }
            let sign: Float = index == 1 ? -1 : 1
            for column in 0..<70 {
                #expect(abs(exact.q.row(index)[column] - sign * factors.q.row(index)[column]) < 1e-4)
            }
        }
    }

    /// As after Adam's first step: all |λ| equal, so that every basis is singular; the old one is kept.
    @Test func equalValuesKeepTheOldBasis() throws {
        var factors = try Factors(outputs: 60, rank: 6, inputs: 40, drift: 0, seed: 2)
        factors.lambda = [0.003, -0.003, 0.003, 0.003, -0.003, 0.003]
        let exact = try factors.exact
        for index in 0..<6 {
            #expect(abs(exact.values[index] - 0.003) < 1e-8)
            for row in 0..<60 { #expect(abs(exact.pRows.row(index)[row] - factors.p.row(row)[index]) < 1e-5) }
        }
        // Two equal values among others: only their plane is open.
        factors.lambda = [2, 1, 1, 5, 0, 3]
        let pair = try factors.exact
        for index in 0..<6 {
            #expect(abs(pair.values[index] - factors.lambda[index]) < 1e-5)
            for row in 0..<60 { #expect(abs(pair.pRows.row(index)[row] - factors.p.row(row)[index]) < 1e-5) }
        }
    }

    /// λ = 0 everywhere gives no direction: an orthonormal basis stays, one that drifted is made orthonormal in order.
    @Test func zeroLambdaKeepsTheBasis() throws {
        var factors = try Factors(outputs: 30, rank: 4, inputs: 20, drift: 0, seed: 3)
        factors.lambda = [0, 0, 0, 0]
        let exact = try factors.exact
        #expect(exact.values == [0, 0, 0, 0])
        #expect(Self.relativeDistance(exact.q, factors.q) < 1e-5)
        #expect(Self.relativeDistance(Self.transposed(exact.pRows), factors.p) < 1e-5)
    }

    /// A pruned triplet keeps its direction but for what the live ones span.
    @Test func prunedTripletsYieldToLiveOnes() throws {
        let p = Matrix(rows: 3, columns: 2, values: [1, 1, 1, 0, 0, 0])
        let q = Matrix(rows: 2, columns: 3, values: [0, 1, 0, 0, 0, 1])
        let exact = try ExactTriplets(p: p, lambda: [0, 2], q: q)
        // Live: p₁ = (1, 0, 0). Pruned: p₀ = (1, 1, 0) less its part along p₁ is (0, 1, 0).
        #expect(zip(exact.values, [0, 2] as [Float]).allSatisfy { abs($0 - $1) < 1e-6 })
        #expect(zip(exact.pRows.values, [0, 1, 0, 1, 0, 0] as [Float]).allSatisfy { abs($0 - $1) < 1e-6 })
        #expect(zip(exact.q.values, q.values).allSatisfy { abs($0 - $1) < 1e-6 })
    }

    /// Two triplets of one direction are one singular triplet and one of σ = 0.
    @Test func dependentTripletsAreWellDefined() throws {
        let p = Matrix(rows: 4, columns: 3, values: [1, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0])
        let q = Matrix(rows: 3, columns: 5, values: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0])
        let exact = try ExactTriplets(p: p, lambda: [2, 3, 1], q: q)
        let sorted = exact.values.sorted(by: >)
        #expect(abs(sorted[0] - 5) < 1e-5 && abs(sorted[1] - 1) < 1e-5 && sorted[2] == 0)
        #expect(Self.deviation(exact.pRows) < 1e-5 && Self.deviation(exact.q) < 1e-5)
        let zero = try ExactTriplets(
            p: Matrix(rows: 4, columns: 3), lambda: [2, 3, 1], q: Matrix(rows: 3, columns: 5))
        #expect(zero.values == [0, 0, 0])
        #expect(Self.deviation(zero.pRows) < 1e-5 && Self.deviation(zero.q) < 1e-5)
    }

    /// What one step from P = 0 leaves where its gradient had one direction, and where it had none: Q keeps the rows that it
    /// started with, as a basis of the space that they span.
    @Test(arguments: [0, 1, 2]) func rowsOfAWithoutASingularValueStay(directions: Int) throws {
        let factors = try Factors(outputs: 9, rank: 4, inputs: 12, drift: 0.5, seed: 8)
        let p = Matrix(rows: 9, columns: 4)
        for row in 0..<9 {
            for column in 0..<4 {
                let sign: Float = (row % 3 == 0) == (column % 2 == 0) ? 0.01 : -0.01
                p.row(row)[column] =
                    directions == 0 ? 0 : directions == 1 ? sign : row == column ? 0.02 : sign
            }
        }
        let exact = try ExactTriplets(p: p, lambda: [1, 1, 1, 1], q: factors.q)
        let left = exact.values.count { $0 > 0 }
        #expect(directions == 2 ? left > 1 : left == directions)
        #expect(Self.deviation(exact.pRows) < 1e-5 && Self.deviation(exact.q) < 1e-5)
        let product = Self.dense(Self.transposed(exact.pRows), exact.values, exact.q)
        #expect(Self.relativeDistance(product, Self.dense(p, [1, 1, 1, 1], factors.q)) < 1e-5)
        // Onto the new rows and back, each old row is itself.
        let onto = Matrix(rows: 4, columns: 4)
        Product.multiplyTransposed(factors.q, exact.q, into: onto)
        let back = Matrix(rows: 4, columns: 12)
        Product.multiply(onto, exact.q, into: back)
        #expect(Self.relativeDistance(back, factors.q) < 1e-5)
    }

    /// By hand: P = 0.01·(1, −1)ᵀ, which a step of 0.01 from 0 leaves, and A = 0.5·(0.6, 0.8) of λ = 1: σ = 0.01·√2·0.5.
    @Test func theFirstStepFromLoRAsStartByHand() throws {
        let exact = try ExactTriplets(
            p: Matrix(rows: 2, columns: 1, values: [0.01, -0.01]), lambda: [1],
            q: Matrix(rows: 1, columns: 2, values: [0.3, 0.4]))
        let half = Float(0.5).squareRoot()
        #expect(abs(exact.values[0] - 0.0070710678) < 1e-8)
        #expect(zip(exact.pRows.values, [half, -half]).allSatisfy { abs($0 - $1) < 1e-6 })
        #expect(zip(exact.q.values, [0.6, 0.8] as [Float]).allSatisfy { abs($0 - $1) < 1e-6 })
    }

    @Test func rankZeroAndOne() throws {
        let none = try ExactTriplets(
            p: Matrix(rows: 4, columns: 0), lambda: [], q: Matrix(rows: 0, columns: 5))
        #expect(none.values.isEmpty && none.pRows.rows == 0)
        let one = try ExactTriplets(
            p: Matrix(rows: 1, columns: 1, values: [-2]), lambda: [3],
            q: Matrix(rows: 1, columns: 1, values: [0.5]))
        #expect(abs(one.values[0] - 3) < 1e-6 && one.pRows.values[0] == -1 && one.q.values[0] == 1)
    }

    @Test func sameBitsEachTime() throws {
        let factors = try Factors(outputs: 100, rank: 8, inputs: 90, drift: 0.1, seed: 4)
        let (first, second) = (try factors.exact, try factors.exact)
        #expect(first.pRows.values == second.pRows.values && first.values == second.values)
        #expect(first.q.values == second.q.values)
    }
}
