import Matrices

/// A low-rank update of a linear layer: ΔW = factor · P · diag(λ) · Q (SVD form), or factor · P · Q without λ
/// (LoRA: P is B, Q is A).
package struct LowRankFactors: Sendable {
    /// P `[O, R]`
    package let p: Parameter
    /// λ `[1, R]`, nil for plain LoRA
    package let lambda: Parameter?
    /// Q `[R, I]`
    package let q: Parameter
    /// s = α / initial rank
    package let factor: Float
    /// Taken off the update: ΔW = s·(P·Q − P₀·Q₀)
    package let origin: Origin?

    /// What does not train of an update: P₀ `[O, R₀]` and Q₀ `[R₀, I]`.
    package struct Origin: Sendable {
        package let p: Matrix
        package let q: Matrix

        package init(p: Matrix, q: Matrix) { (self.p, self.q) = (p, q) }
    }

    package init(p: Parameter, lambda: Parameter?, q: Parameter, factor: Float, origin: Origin? = nil) {
        let rank = q.values.rows
        precondition(
            p.values.columns == rank && (lambda.map { $0.values.count == rank } ?? true),
            "P of rank \(p.values.columns), Q of rank \(rank), λ \(lambda?.values.count ?? rank)")
        self.p = p
        self.lambda = lambda
        self.q = q
        self.factor = factor
        self.origin = origin
    }

    package var rank: Int { q.values.rows }
}

extension Tape {
    /// out[T, O] = x[T, I] · weight[O, I]ᵀ + bias[1, O]
    package func linear(_ x: Variable, weight: any Operand, bias: (any Operand)?) -> Variable {
        let out = output(
            rows: x.rows, columns: weight.rows,
            needsGradient: x.needsGradient || weight.isTrainable || (bias?.isTrainable ?? false))
        forwardLinear(x, weight, bias, out)
        let input = weight.isTrainable && out.needsGradient ? x.saved() : nil
        record(out) { [unowned self, x = x.place] g in backwardLinear(x, input, weight, bias, g) }
        return out
    }

    /// out = linear(x) + factor · P(λ ⊙ Q·dropout(x)) − factor · P₀(Q₀·x), with `rank` 0 allowed (the plain linear layer).
    package func linear(
        _ x: Variable, weight: any Operand, bias: (any Operand)?, lowRank: LowRankFactors, dropout: Float
    ) -> Variable {
        if lowRank.rank == 0 { return linear(x, weight: weight, bias: bias) }
        let rows = x.rows
        let (p, q) = (lowRank.p.values, lowRank.q.values)
        let trainable =
            weight.isTrainable || (bias?.isTrainable ?? false)
            || [lowRank.p, lowRank.lambda, lowRank.q].contains { $0?.isTrainable ?? false }
        let out = output(rows: rows, columns: weight.rows, needsGradient: x.needsGradient || trainable)
        forwardLinear(x, weight, bias, out)
        if let origin = lowRank.origin {
            let u = pool.matrix(rows: rows, columns: origin.q.rows)
            Product.multiplyTransposed(x.value, origin.q, into: u)
            Product.multiplyTransposed(u, origin.p, into: out.value, alpha: -lowRank.factor, beta: 1)
        }

        let dropoutKey = dropout > 0 ? nextDropoutKey() : nil
        let dropped = dropoutKey.map { droppedCopy(x.value, key: $0, probability: dropout) } ?? x.value
        // u[T, R] = dropout(x) · Qᵀ; scaled = factor · u ⊙ λ; out += scaled · Pᵀ
        let u = pool.matrix(rows: rows, columns: lowRank.rank)
        Product.multiplyTransposed(dropped, q, into: u)
        let scaled = pool.matrix(rows: rows, columns: lowRank.rank)
        Kernel.scaleColumns(u, by: lowRank.lambda?.values, factor: lowRank.factor, into: scaled)
        Product.multiplyTransposed(scaled, p, into: out.value, beta: 1)

        guard out.needsGradient else { return out }
        let input = weight.isTrainable || lowRank.q.isTrainable ? x.saved() : nil
        record(out) { [unowned self, x = x.place] g in
            // v[T, R] = g · P, the gradient of `scaled`
            let v = pool.matrix(rows: rows, columns: lowRank.rank)
            Product.multiply(g, p, into: v)
            if let gradient = gradient(of: lowRank.p) {
                Product.transposedMultiply(g, scaled, into: gradient, beta: 1)
            }
            if let lambda = lowRank.lambda, let gradient = gradient(of: lambda) {
                Kernel.addColumnDots(u, v, factor: lowRank.factor, into: gradient)
            }
            Kernel.scaleColumns(v, by: lowRank.lambda?.values, factor: lowRank.factor, into: v)
            if let input, let gradient = gradient(of: lowRank.q) {
                let dropped =
                    dropoutKey.map { droppedCopy(input.value, key: $0, probability: dropout) } ?? input.value
                Product.transposedMultiply(v, dropped, into: gradient, beta: 1)
            }
            backwardLinear(x, input, weight, bias, g)
            guard let target = gradientTarget(of: x) else { return }
            if let origin = lowRank.origin {
                let v = pool.matrix(rows: rows, columns: origin.q.rows)
                Product.multiply(g, origin.p, into: v)
                Product.multiply(v, origin.q, into: target.matrix, alpha: -lowRank.factor, beta: 1)
            }
            if let dropoutKey {
                let dx = pool.matrix(rows: rows, columns: x.columns)
                Product.multiply(v, q, into: dx)
                applyDropout(dx, into: target.matrix, key: dropoutKey, probability: dropout, accumulate: true)
            } else {
                Product.multiply(v, q, into: target.matrix, beta: 1)
            }
        }
        return out
    }

    private func forwardLinear(
        _ x: Variable, _ weight: any Operand, _ bias: (any Operand)?, _ out: Variable
    ) {
        if let bias { Kernel.fillRows(bias.vector, into: out.value) }
        if readsByRow {
            weight.multiplyTransposedByRow(x.value, into: out.value, adding: bias != nil, pool: pool)
        } else {
            weight.multiplyTransposed(x.value, into: out.value, adding: bias != nil, pool: pool)
        }
    }

    /// - Parameter input: the value of x where the weight trains.
    private func backwardLinear(
        _ x: GradientPlace, _ input: SavedValue?, _ weight: any Operand, _ bias: (any Operand)?, _ g: Matrix
    ) {
        if let input, let gradient = gradient(of: weight) {
            Product.transposedMultiply(g, input.value, into: gradient, beta: 1)
        }
        if let bias, let gradient = gradient(of: bias) { Kernel.addColumnSums(of: g, into: gradient) }
        if let target = gradientTarget(of: x) {
            weight.multiply(g, into: target.matrix, adding: target.accumulate, pool: pool)
        }
    }
}
