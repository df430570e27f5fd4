import Autodiff
import Matrices
import Transformers

extension AdapterSet {
    /// The same updates as plain LoRA, B·A with factor 1: w = s·λ goes half into each, A = √|w|·Q and
    /// B = sign(w)·√|w|·P.
    ///
    /// - Parameter padded: with zeros to the largest rank, so that one rank holds for every module; a module at rank 0
    ///   has none either way.
    package func foldedToLoRA(padded: Bool) -> AdapterSet {
        let largest = adapters.reduce(0) { max($0, $1.rank) }
        let folded = adapters.map { adapter in
            Self.folded(adapter, rank: padded && adapter.rank > 0 ? largest : adapter.rank)
        }
        return AdapterSet(adapters: folded, layers: layers)
    }

    /// - Parameter factor: s of the result
    static func folded(_ adapter: LowRankAdapter, rank: Int, factor: Float = 1) -> LowRankAdapter {
        let layer = adapter.layer
        let (keptP, _, keptQ) = adapter.keptFactors
        let weights = adapter.keptWeights.map { $0 / factor }
        let kept = adapter.rank
        let b = Matrix(rows: layer.outputs, columns: rank)
        let a = Matrix(rows: rank, columns: layer.inputs)
        for (triplet, weight) in weights.enumerated() {
            let share = weight.magnitude.squareRoot()
            let signed = weight < 0 ? -share : share
            for row in 0..<layer.outputs { b.row(row)[triplet] = signed * keptP[row * kept + triplet] }
            let row = a.row(triplet)
            for column in 0..<layer.inputs { row[column] = share * keptQ[triplet * layer.inputs + column] }
        }
        let folded = LowRankAdapter(
            layer: layer, factors: LowRankFactors(site: layer.site, b: b, a: a, factor: factor),
            dropout: 0)
        folded.rule = adapter.rule
        return folded
    }

    /// With P, Λ and Q: LoRA by its exact singular triplets, the rest as it is.
    package func inSVDForm(workers: Workers) throws -> AdapterSet {
        guard adapters.contains(where: { $0.factors.lambda == nil }) else { return self }
        return try truncated(to: adapters.reduce(0) { $0 + $1.rank }, costs: nil, workers: workers).set
    }

    /// The same updates with factor 1 everywhere: s goes into λ. For adapters whose factors differ, where a file has
    /// room for one only. In SVD form, of the triplets alive.
    package func withScaleInLambda() -> AdapterSet {
        let scaled = adapters.map { adapter in
            let (layer, rank) = (adapter.layer, adapter.rank)
            let (p, lambda, q) = adapter.keptFactors
            precondition(lambda != nil, "\(adapter.site) has no λ")
            return LowRankAdapter(
                layer: layer,
                factors: LowRankFactors(
                    site: layer.site, p: Matrix(rows: layer.outputs, columns: rank, values: p),
                    lambda: Matrix(rows: 1, columns: rank, values: adapter.keptWeights),
                    q: Matrix(rows: rank, columns: layer.inputs, values: q), factor: 1),
                dropout: adapter.dropout)
        }
        return AdapterSet(adapters: scaled, layers: layers)
    }

    /// Puts each update into its layer's own weight, W + s·P·Λ·Q, and takes the adapters off. The weights become copies:
    /// a mapped file stays as it is.
    package func mergeIntoLayers() {
        let merged = mergedWeights
        for layer in layers { layer.adapter = nil }
        for (weight, values) in merged { weight.replace(with: values()) }
    }

    /// Of each layer with an update what its weight becomes with it, W + s·P·Λ·Q [O, I], and its bias [1, O], where a rule
    /// changes that; made anew whenever it is asked for.
    package var mergedWeights: [(weight: Weight, values: @Sendable () -> Matrix)] {
        precondition(parts.isEmpty, "a \(kind) stands in no weight")
        return zip(adapters, layers).filter { $0.0.rank > 0 || $0.0.rule != nil }.flatMap(Self.merged)
    }

    private static func merged(_ adapter: LowRankAdapter, _ layer: LinearLayer) -> [(
        weight: Weight, values: @Sendable () -> Matrix
    )] {
        let weight: @Sendable () -> Matrix = {
            let weight = layer.weight.dense()
            if adapter.rank > 0 { adapter.addUpdate(to: weight) }
            adapter.rule?.finish(weight)
            return weight
        }
        guard let rule = adapter.rule, rule.changesBias, let own = layer.bias else {
            return [(layer.weight, weight)]
        }
        let bias: @Sendable () -> Matrix = {
            let bias = own.dense()
            rule.finish(bias: bias)
            return bias
        }
        return [(layer.weight, weight), (own, bias)]
    }
}
