import Autodiff
import Matrices
import Transformers

/// B and A taken out of a matrix W: what they make at the start is taken off, W − s·B₀·A₀, so that the model is the same.
///
/// PEFT changes the base's weights for that. Here W stays, whatever its format, and the update is s·(B·A − B₀·A₀): the same
/// function, at the price of a second product of rank r, and plain LoRA of rank 2r on the model as it is in the end, as which
/// PEFT's conversion (`path_initial_model_for_weight_conversion`) saves it too.
enum WeightStart {
    /// The r leading triplets of W = U·Σ·Vᵀ: B = U√(Σ/s), A = √(Σ/s)Vᵀ, so that s·B·A is their part of W.
    ///
    /// - Parameter isWhole: by the SVD of all of W, as PEFT's `pissa`; else by subspace iteration, whose last triplets are near
    ///   those of W alone, which changes the start a little and not the model.
    static func pissa(_ weight: Matrix, rank: Int, factor: Float, isWhole: Bool, stream: RandomStream) throws
        -> (b: Matrix, a: Matrix)
    {
        let svd =
            isWhole
            ? try Factorization.svd(overwriting: weight)
            : try Factorization.leadingTriplets(of: weight, count: rank, stream: stream)
        let shares = svd.values.prefix(rank).map { ($0 / factor).squareRoot() }
        let b = Matrix(rows: weight.rows, columns: rank)
        for row in 0..<b.rows {
            for index in 0..<rank { b.row(row)[index] = svd.u.row(row)[index] * shares[index] }
        }
        let a = Matrix(rows: rank, columns: weight.columns)
        for index in 0..<rank {
            for column in 0..<a.columns { a.row(index)[column] = svd.vt.row(index)[column] * shares[index] }
        }
        return (b, a)
    }

    /// W = Q·R: B = Q's first r columns, A = R's first r rows, which are BᵀW. The part taken off is s·B·A. PyTorch's columns may
    /// have the other sign, and so have A's rows then.
    static func olora(_ weight: Matrix, rank: Int) throws -> (b: Matrix, a: Matrix) {
        let columns = Matrix(rows: rank, columns: weight.rows)
        for row in 0..<weight.rows {
            for index in 0..<rank { columns.row(index)[row] = weight.row(row)[index] }
        }
        _ = try Factorization.orthonormalizeRows(columns)
        let a = Matrix(rows: rank, columns: weight.columns)
        Product.multiply(columns, weight, into: a)
        let b = Matrix(rows: weight.rows, columns: rank)
        b.copyTransposed(from: columns)
        return (b, a)
    }

    /// Whether the SVD of the whole matrix takes seconds at most, so that a run starts exactly where PEFT's does.
    static func isSmall(_ layer: LinearLayer) -> Bool { min(layer.outputs, layer.inputs) <= 1024 }

    /// The start of one layer's factors; nil for starts that take nothing out of W.
    static func factors(
        _ start: LoRASettings.Start, of layer: LinearLayer, rank: Int, factor: Float, isWhole: Bool,
        stream: RandomStream
    ) throws -> (b: Matrix, a: Matrix)? {
        switch start {
        case .random, .activationSVD: nil
        case .pissa:
            try pissa(layer.weight.dense(), rank: rank, factor: factor, isWhole: isWhole, stream: stream)
        case .olora: try olora(layer.weight.dense(), rank: rank)
        }
    }
}

extension AdapterSet {
    /// The same updates by triplets alone: a start that is taken off becomes as many more, with A's sign turned.
    package var standingAlone: AdapterSet {
        guard adapters.contains(where: { $0.factors.origin != nil }) else { return self }
        return AdapterSet(adapters: adapters.map(\.standingAlone), layers: layers)
    }
}

extension LowRankAdapter {
    fileprivate var standingAlone: LowRankAdapter {
        guard let origin = factors.origin else { return self }
        let alone = LowRankAdapter(
            layer: layer,
            factors: .standingAlone(
                layer.site, b: factors.p.values, a: factors.q.values, less: (origin.p, origin.q),
                factor: factors.factor), dropout: dropout)
        alone.rule = rule
        return alone
    }
}

extension LowRankFactors {
    /// The same P and Q, with s·b·a taken off.
    func less(_ b: Matrix, _ a: Matrix) -> LowRankFactors {
        LowRankFactors(p: p, lambda: lambda, q: q, factor: factor, origin: Origin(p: b, q: a))
    }

    /// s·(b·a − b₀·a₀) as s·[b b₀]·[a; −a₀].
    static func standingAlone(
        _ site: LinearSite, b: Matrix, a: Matrix, less origin: (b: Matrix, a: Matrix), factor: Float
    ) -> LowRankFactors {
        let (rank, more) = (b.columns, origin.b.columns)
        let wide = Matrix(rows: b.rows, columns: rank + more)
        for row in 0..<b.rows {
            wide.row(row).update(from: b.row(row), count: rank)
            (wide.row(row) + rank).update(from: origin.b.row(row), count: more)
        }
        let tall = Matrix(rows: rank + more, columns: a.columns)
        tall.pointer.update(from: a.pointer, count: a.count)
        for element in 0..<origin.a.count { tall.pointer[a.count + element] = -origin.a.pointer[element] }
        return LowRankFactors(site: site, b: wide, a: tall, factor: factor)
    }
}
