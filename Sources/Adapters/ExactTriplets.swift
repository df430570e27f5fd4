import Matrices

/// The exact singular triplets of P·diag(λ)·Q, by LAPACK, matched to the triplets they replace.
///
/// Thin QR of P = U_p·T_p and Qᵀ = U_q·T_q, SVD of the small core T_p·diag(λ)·T_qᵀ = U·diag(σ)·Vᵀ; then
/// P' = U_p·U, λ' = σ ≥ 0 and Q' = (U_q·V)ᵀ have the same product, and P' and Q' are orthonormal.
///
/// - A triplet with λ = 0 has no direction in the product: it keeps its own, less what the live triplets and the
///   pruned ones before it span. So at the start of training, where all λ are 0, nothing turns.
/// - New triplets take the places of the old ones they overlap most (|p·p'|·|q·q'|, largest first, ties by lower
///   place), with p·p' ≥ 0; λ' stays ≥ 0, the sign goes to q'.
/// - Equal singular values (to 2e-6 of the largest, the noise of Float32) leave their vectors open: the basis
///   nearest to the old triplets is taken.
/// - Dependent columns give σ = 0 and some direction orthogonal to all others.
package struct ExactTriplets {
    /// P' transposed, `[R, O]`
    package let pRows: Matrix
    /// λ' ≥ 0, `[R]`, in the places of the old triplets: not sorted
    package let values: [Float]
    /// Q', `[R, I]`
    package let q: Matrix
    /// How vectors over the triplets follow; see `ChangeOfBasis`.
    package let change: ChangeOfBasis

    /// - Parameters:
    ///   - p: `[O, R]`
    ///   - lambda: `[R]`
    ///   - q: `[R, I]`
    package init(p: Matrix, lambda: [Float], q: Matrix) throws {
        let rank = q.rows
        precondition(
            p.columns == rank && lambda.count == rank,
            "P of rank \(p.columns), \(lambda.count) values of λ, Q of rank \(rank)")
        let live = lambda.indices.filter { lambda[$0] != 0 }
        // Live triplets first: what they span must not depend on the pruned ones.
        let order = live + lambda.indices.filter { lambda[$0] == 0 }
        let pBasis = Matrix(rows: rank, columns: p.rows)
        let qBasis = Matrix(rows: rank, columns: q.columns)
        for (position, index) in order.enumerated() {
            let target = pBasis.row(position)
            for row in 0..<p.rows { target[row] = p.row(row)[index] }
            qBasis.row(position).update(from: q.row(index), count: q.columns)
        }
        let pTriangle = try Factorization.orthonormalizeRows(pBasis)
        let qTriangle = try Factorization.orthonormalizeRows(qBasis)
        let core = try Self.core(pTriangle, lambda: live.map { lambda[$0] }, qTriangle)
        let places = Self.places(of: core, pTriangle, qTriangle)

        // Rotations [position, place]: the core's vectors at the places of live triplets, 1 at the pruned ones'.
        let pRotation = Matrix(rows: rank, columns: rank)
        let qRotation = Matrix(rows: rank, columns: rank)
        var values = [Float](repeating: 0, count: rank)
        for (column, position) in places.enumerated() {
            let place = order[position]
            values[place] = core.values[column]
            var overlap: Float = 0
            for row in 0...position { overlap += pTriangle.row(row)[position] * core.u.row(row)[column] }
            let sign: Float = overlap < 0 ? -1 : 1
            for row in live.indices {
                pRotation.row(row)[place] = sign * core.u.row(row)[column]
                qRotation.row(row)[place] = sign * core.v.row(row)[column]
            }
        }
        for position in live.count..<rank {
            pRotation.row(position)[order[position]] = 1
            qRotation.row(position)[order[position]] = 1
        }
        self.values = values
        pRows = Matrix(rows: rank, columns: p.rows)
        self.q = Matrix(rows: rank, columns: q.columns)
        Product.transposedMultiply(pRotation, pBasis, into: pRows)
        Product.transposedMultiply(qRotation, qBasis, into: self.q)
        change = ChangeOfBasis(
            p: Self.overlaps(pTriangle, pRotation, order: order),
            q: Self.overlaps(qTriangle, qRotation, order: order),
            pLengths: Self.lengths(pTriangle, order: order), qLengths: Self.lengths(qTriangle, order: order))
    }

    /// The SVD of the core of the live triplets: `u`, `v` [n, n] by columns, `values` [n].
    private struct Core {
        let u: Matrix
        let v: Matrix
        let values: [Float]
    }

    private static func core(_ pTriangle: Matrix, lambda: [Float], _ qTriangle: Matrix) throws -> Core {
        let count = lambda.count
        let scaled = Matrix(rows: count, columns: count)
        let right = Matrix(rows: count, columns: count)
        for row in 0..<count {
            for column in 0..<count {
                scaled.row(row)[column] = pTriangle.row(row)[column] * lambda[column]
                right.row(row)[column] = qTriangle.row(row)[column]
            }
        }
        let product = Matrix(rows: count, columns: count)
        Product.multiplyTransposed(scaled, right, into: product)
        let svd = try Factorization.svd(overwriting: product)
        let v = Matrix(rows: count, columns: count)
        for row in 0..<count { for column in 0..<count { v.row(column)[row] = svd.vt.row(row)[column] } }
        var values = svd.values
        // What is left of a dependent column is rounding, not a direction.
        let noise = (values.first ?? 0) * Float(count) * Float.ulpOfOne
        for index in values.indices where values[index] <= noise { values[index] = 0 }
        var start = 0
        while start < count {
            var end = start + 1
            while end < count && values[start] - values[end] <= 2e-6 * values[0] { end += 1 }
            if end - start > 1 { try turn(start..<end, svd.u, v) }
            start = end
        }
        return Core(u: svd.u, v: v, values: values)
    }

    /// Turns the vectors of equal singular values, together on both sides, to the basis nearest to the axes they
    /// lie closest to: with the rows X [c, c] of `u` at those axes, X = A·S·Bᵀ, the rotation is B·Aᵀ.
    private static func turn(_ columns: Range<Int>, _ u: Matrix, _ v: Matrix) throws {
        let weights = (0..<u.rows).map { row in
            columns.reduce(Float(0)) { $0 + u.row(row)[$1] * u.row(row)[$1] }
        }
        let axes = weights.indices.sorted { (weights[$1], $0) < (weights[$0], $1) }.prefix(columns.count)
            .sorted()
        let nearest = Matrix(rows: columns.count, columns: columns.count)
        for (row, axis) in axes.enumerated() {
            for (column, from) in columns.enumerated() { nearest.row(row)[column] = u.row(axis)[from] }
        }
        let svd = try Factorization.svd(overwriting: nearest)
        let rotation = Matrix(rows: columns.count, columns: columns.count)
        let transposed = Matrix(rows: columns.count, columns: columns.count)
        Product.multiply(svd.u, svd.vt, into: transposed)
        for row in columns.indices {
            for column in columns.indices {
                rotation.row(row - columns.lowerBound)[column - columns.lowerBound] =
                    transposed.row(column - columns.lowerBound)[row - columns.lowerBound]
            }
        }
        for matrix in [u, v] {
            for row in 0..<matrix.rows {
                let old = columns.map { matrix.row(row)[$0] }
                for (to, column) in columns.enumerated() {
                    matrix.row(row)[column] = old.indices.reduce(Float(0)) {
                        $0 + old[$1] * rotation.row($1)[to]
                    }
                }
            }
        }
    }

    /// For each new triplet the position of the old live one whose place it takes.
    private static func places(of core: Core, _ pTriangle: Matrix, _ qTriangle: Matrix) -> [Int] {
        let count = core.values.count
        var pairs: [(overlap: Float, position: Int, column: Int)] = []
        pairs.reserveCapacity(count * count)
        for position in 0..<count {
            for column in 0..<count {
                var (p, q): (Float, Float) = (0, 0)
                for row in 0...position {
                    p += pTriangle.row(row)[position] * core.u.row(row)[column]
                    q += qTriangle.row(row)[position] * core.v.row(row)[column]
                }
                pairs.append((abs(p * q), position, column))
            }
        }
        pairs.sort { ($1.overlap, $0.position, $0.column) < ($0.overlap, $1.position, $1.column) }
        var places = [Int](repeating: -1, count: count)
        var isTaken = [Bool](repeating: false, count: count)
        for pair in pairs where places[pair.column] < 0 && !isTaken[pair.position] {
            places[pair.column] = pair.position
            isTaken[pair.position] = true
        }
        return places
    }

    /// The lengths of the old vectors: those of the triangle's columns, put back to their places.
    private static func lengths(_ triangle: Matrix, order: [Int]) -> [Float] {
        var lengths = [Float](repeating: 0, count: order.count)
        for (position, place) in order.enumerated() {
            let squares = (0...position).reduce(Float(0)) {
                $0 + triangle.row($1)[position] * triangle.row($1)[position]
            }
            lengths[place] = squares.squareRoot()
        }
        return lengths
    }

    /// old · new' inner products: triangleᵀ · rotation, with rows put back from positions to old places.
    private static func overlaps(_ triangle: Matrix, _ rotation: Matrix, order: [Int]) -> Matrix {
        let product = Matrix(rows: order.count, columns: order.count)
        Product.transposedMultiply(triangle, rotation, into: product)
        let overlaps = Matrix(rows: order.count, columns: order.count)
        for (position, place) in order.enumerated() {
            overlaps.row(place).update(from: product.row(position), count: order.count)
        }
        return overlaps
    }
}

/// How quantities kept per triplet follow when P, λ, Q are replaced by P', λ', Q' of the same product.
///
/// Gradients. With G = ∂L/∂ΔW, ∂L/∂P = s·G·Qᵀ·Λ, and Q'ᵀ·Λ' = Qᵀ·Λ·B_p for B_p = Pᵀ·P' [R, R], the inner products
/// of old and new vectors. Hence ∂L/∂P' = ∂L/∂P · B_p exactly, whatever the ranks (no inverse is taken), and
/// likewise ∂L/∂Q' = B_qᵀ · ∂L/∂Q with B_q = Q·Q'ᵀ. ∂L/∂λ' is the diagonal of A_pᵀ·M·A_q, where P' = P·A_p and M
/// is the r × r matrix s·Pᵀ·G·Qᵀ, of which only the diagonal ∂L/∂λ was kept. To first order in the drift of
/// directions A_p[j,i] = B̂_p[j,i] / |p_j|, with B̂ the cosines between old and new vectors; lengths are exact.
///
/// - First moments are averages of gradients, so m'_P = m_P·B_p and m'_Q = B_qᵀ·m_Q; with the off-diagonal part of M
///   taken as 0, its mean, m'_λi = Σ_j B̂_p[j,i]·B̂_q[j,i] / (|p_j||q_j|) · m_λj.
/// - Second moments average squares, and (Σ_j g_j·B[j,i])² contains products g_j·g_k that nobody kept. Taking
///   gradients of different triplets as uncorrelated, v' = v·(B∘B): exact for permutations and changed signs, right
///   in the mean otherwise, and never negative. For λ the rest of M is taken to be as large as its diagonal,
///   E[M_jk²] = (v_j + v_k)/2, which gives v'_λi = ½ Σ_j (B̂_p[j,i]² + B̂_q[j,i]²) / (|p_j||q_j|)² · v_λj: no step
///   becomes longer because a basis turned.
/// - Sensitivities |w·∂L/∂w| and uncertainties do not depend on the length of a vector (w grows as its gradient
///   falls), so they mix by squared cosines alone.
package struct ChangeOfBasis {
    /// B_p `[R old, R new]`
    package let p: Matrix
    /// B_q `[R old, R new]`
    package let q: Matrix
    /// Lengths of the old vectors, `[R]`
    private let pLengths: [Float]
    private let qLengths: [Float]

    package init(p: Matrix, q: Matrix, pLengths: [Float], qLengths: [Float]) {
        self.p = p
        self.q = q
        self.pLengths = pLengths
        self.qLengths = qLengths
    }

    private var rank: Int { p.rows }

    /// B̂: 0 for an old vector of length 0, which has no direction.
    private static func cosines(_ overlaps: Matrix, _ lengths: [Float]) -> [Float] {
        var cosines = overlaps.values
        for (row, length) in lengths.enumerated() {
            for column in 0..<overlaps.columns {
                cosines[row * overlaps.columns + column] = length > 0 ? overlaps.row(row)[column] / length : 0
            }
        }
        return cosines
    }

    /// B̂_p∘B̂_p, its mean with B̂_q∘B̂_q, and B̂_q∘B̂_q: how magnitudes of P, λ and Q mix, `[R old, R new]`.
    package var weights: (p: [Float], lambda: [Float], q: [Float]) {
        let pWeights = Self.cosines(p, pLengths).map { $0 * $0 }
        let qWeights = Self.cosines(q, qLengths).map { $0 * $0 }
        return (pWeights, zip(pWeights, qWeights).map { 0.5 * ($0 + $1) }, qWeights)
    }

    /// 1 / (|p_j||q_j|): how much steeper the loss is along λ of unit vectors. 0 where there is no direction.
    private var steepness: [Float] {
        zip(pLengths, qLengths).map { $0 * $1 > 0 ? 1 / ($0 * $1) : 0 }
    }

    /// Lets first moments of P `[O, R]`, λ `[1, R]` and Q `[R, I]` follow.
    package func moveFirstMoments(p pMoments: Matrix, lambda: Matrix, q qMoments: Matrix) {
        Self.replace(columnsOf: pMoments, by: p)
        let (pCosines, qCosines) = (Self.cosines(p, pLengths), Self.cosines(q, qLengths))
        let old = zip(lambda.values, steepness).map { $0 * $1 }
        for new in 0..<rank {
            lambda.pointer[new] = old.indices.reduce(Float(0)) {
                $0 + pCosines[$1 * rank + new] * qCosines[$1 * rank + new] * old[$1]
            }
        }
        Self.replace(rowsOf: qMoments, by: q)
    }

    /// Lets second moments, shaped as above, follow.
    package func moveSecondMoments(p pMoments: Matrix, lambda: Matrix, q qMoments: Matrix) {
        func squared(_ matrix: Matrix) -> Matrix {
            Matrix(rows: rank, columns: rank, values: matrix.values.map { $0 * $0 })
        }
        Self.replace(columnsOf: pMoments, by: squared(p))
        for (index, factor) in steepness.enumerated() { lambda.pointer[index] *= factor * factor }
        Self.replace(columnsOf: lambda, by: Matrix(rows: rank, columns: rank, values: weights.lambda))
        Self.replace(rowsOf: qMoments, by: squared(q))
    }

    private static func replace(columnsOf matrix: Matrix, by weights: Matrix) {
        Product.multiply(Matrix(copying: matrix), weights, into: matrix)
    }

    private static func replace(rowsOf matrix: Matrix, by weights: Matrix) {
        Product.transposedMultiply(weights, Matrix(copying: matrix), into: matrix)
    }
}
