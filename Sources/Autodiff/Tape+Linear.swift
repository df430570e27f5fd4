import Matrices

/// A low-rank update of a linear layer: ΔW = factor · P · diag(λ) · Q (SVD form), or factor · P · Q without λ
/// (LoRA: P is B, Q is A).
public struct LowRankFactors: Sendable {
    /// P `[O, R]`
    public let p: Parameter
    /// λ `[1, R]`, nil for plain LoRA
    public let lambda: Parameter?
    /// Q `[R, I]`
    public let q: Parameter
    /// s = α / initial rank
    public let factor: Float

    public init(p: Parameter, lambda: Parameter?, q: Parameter, factor: Float) {
        let rank = q.values.rows
        precondition(
            p.values.columns == rank && (lambda.map { $0.values.count == rank } ?? true),
            "P of rank \(p.values.columns), Q of rank \(rank), λ \(lambda?.values.count ?? rank)")
        self.p = p
        self.lambda = lambda
        self.q = q
        self.factor = factor
    }

    public var rank: Int { q.values.rows }
}

extension Tape {
    /// out[T, O] = x[T, I] · weight[O, I]ᵀ + bias[1, O]
    public func linear(_ x: Variable, weight: Parameter, bias: Parameter?) -> Variable {
        let out = output(
            rows: x.value.rows, columns: weight.values.rows,
            needsGradient: x.needsGradient || weight.isTrainable || (bias?.isTrainable ?? false))
        forwardLinear(x, weight, bias, out)
        record(out) { [unowned self] g in backwardLinear(x, weight, bias, g) }
        return out
    }

    /// out = linear(x) + factor · P(λ ⊙ Q·dropout(x)), with `rank` 0 allowed (the plain linear layer).
    public func linear(
        _ x: Variable, weight: Parameter, bias: Parameter?, lowRank: LowRankFactors, dropout: Float
    ) -> Variable {
        if lowRank.rank == 0 { return linear(x, weight: weight, bias: bias) }
        let rows = x.value.rows
        let (p, q) = (lowRank.p.values, lowRank.q.values)
        let trainable = [weight, bias, lowRank.p, lowRank.lambda, lowRank.q].contains {
            $0?.isTrainable ?? false
        }
        let out = output(
            rows: rows, columns: weight.values.rows, needsGradient: x.needsGradient || trainable)
        forwardLinear(x, weight, bias, out)

        let dropoutKey = dropout > 0 ? nextDropoutKey() : nil
        let dropped = dropoutKey.map { droppedCopy(x.value, key: $0, probability: dropout) } ?? x.value
        // u[T, R] = dropout(x) · Qᵀ; scaled = factor · u ⊙ λ; out += scaled · Pᵀ
        let u = pool.matrix(rows: rows, columns: lowRank.rank)
        Product.multiplyTransposed(dropped, q, into: u)
        let scaled = pool.matrix(rows: rows, columns: lowRank.rank)
        Kernel.scaleColumns(u, by: lowRank.lambda?.values, factor: lowRank.factor, into: scaled)
        Product.multiplyTransposed(scaled, p, into: out.value, beta: 1)

        record(out) { [unowned self] g in
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
            if let gradient = gradient(of: lowRank.q) {
                Product.transposedMultiply(v, dropped, into: gradient, beta: 1)
            }
            backwardLinear(x, weight, bias, g)
            guard let target = gradientTarget(of: x) else { return }
            if let dropoutKey {
                let dx = pool.matrix(rows: rows, columns: x.value.columns)
                Product.multiply(v, q, into: dx)
                applyDropout(dx, into: target.matrix, key: dropoutKey, probability: dropout, accumulate: true)
            } else {
                Product.multiply(v, q, into: target.matrix, beta: 1)
            }
        }
        return out
    }

    private func forwardLinear(_ x: Variable, _ weight: Parameter, _ bias: Parameter?, _ out: Variable) {
        if let bias { Kernel.fillRows(bias.values, into: out.value) }
        if let packed = weight.packed(transposed: true) {
            if bias == nil { out.value.fill(0) }
            packed.add(x.value, into: out.value)
            return
        }
        Product.multiplyTransposed(x.value, weight.values, into: out.value, beta: bias == nil ? 0 : 1)
    }

    private func backwardLinear(_ x: Variable, _ weight: Parameter, _ bias: Parameter?, _ g: Matrix) {
        if let gradient = gradient(of: weight) {
            Product.transposedMultiply(g, x.value, into: gradient, beta: 1)
        }
        if let bias, let gradient = gradient(of: bias) { Kernel.addColumnSums(of: g, into: gradient) }
        if let target = gradientTarget(of: x) {
            if let packed = weight.packed(transposed: false) {
                if !target.accumulate { target.matrix.fill(0) }
                packed.add(g, into: target.matrix)
                return
            }
            Product.multiply(g, weight.values, into: target.matrix, beta: target.accumulate ? 1 : 0)
        }
    }
}
