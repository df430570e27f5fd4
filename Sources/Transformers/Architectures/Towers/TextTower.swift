import Autodiff

/// The tower that reads texts: token and position embeddings, pre-norm layers, a row of each text, projected.
struct TextTower: Sendable {
    let layers: PreNormStack
    private let row: PairConfiguration.TextRow
    private let mostTokens: Int
    /// [V, C] and [P, C]
    private let words, positions: Weight
    private let finalNorm: Norm
    /// [D, C] and its bias
    private let projection: Weight
    private let projectionBias: Weight?

    init(_ weights: BackboneWeights, _ c: PairConfiguration, _ traits: PairTraits) throws {
        let (names, width) = (traits.textNames, c.text.width)
        (row, mostTokens) = (c.textRow, c.positions)
        words = try weights.table("text_model.embeddings.token_embedding", c.vocabulary, width)
        positions = try weights.shaped(names.positions, c.positions, width, shape: [c.positions, width])
        layers = try PreNormStack(weights, c.text, names, tower: .text)
        finalNorm = try weights.norm(names.finalNorm, width)
        projection = try weights.table(traits.textProjection, c.columns, width)
        projectionBias =
            traits.hasProjectionBias ? try weights.vector(traits.textProjection + ".bias", c.columns) : nil
    }

    /// [V, C]: what the words are before their positions are added.
    var wordTable: Weight { words }

    /// [B, D]
    func callAsFunction(
        _ batch: PackedBatch, recomputing: Bool, _ hooks: BackboneHooks, on tape: Tape,
        observe: ((Int, Variable) -> Void)?
    ) -> Variable {
        let (texts, chosen) = read(batch)
        precondition(texts.longest <= mostTokens, "\(texts.longest) tokens for \(mostTokens) positions")
        var hidden = tape.embedding([(words, texts.ids), (positions, texts.positions())])
        observe?(0, hidden)
        layers.run(
            &hidden, offsets: texts.offsets, layers: 0..<layers.shape.layers,
            rows: chosen == nil ? .last : .all, recomputing: recomputing, hooks, on: tape, observe: observe)
        if let chosen { hidden = tape.rows(hidden, chosen) }
        return tape.linear(
            finalNorm(hidden, epsilon: layers.shape.epsilon, on: tape), weight: projection,
            bias: projectionBias)
    }

    /// The texts up to the row that is read, which is their last one then, since where layers are causal no row sees those behind
    /// it; and the rows that are read where some are not the last.
    ///
    /// Of a text without a token that ends it, as made-up ones are that memory is estimated with, the first row is read, as
    /// transformers does, and it stays as it is.
    private func read(_ batch: PackedBatch) -> (texts: PackedBatch, chosen: [Int]?) {
        if case .last = row {
            precondition(
                zip(batch.offsets, batch.offsets.dropFirst()).allSatisfy { $1 - $0 == mostTokens },
                "texts are not filled up to \(mostTokens) tokens")
            return (batch, nil)
        }
        let ids = zip(batch.offsets, batch.offsets.dropFirst()).map { batch.ids[$0..<$1] }
        let places = ids.map { place(in: $0) - $0.startIndex }
        let texts = PackedBatch(
            zip(ids, places).map { ids, place in
                let kept = place == 0 ? ids : ids.prefix(place + 1)
                return (Array(kept), Array(repeating: 0, count: kept.count))
            })
        let chosen = zip(texts.offsets, places).map { $0 + $1 }
        return (texts, chosen == texts.offsets.dropFirst().map { $0 - 1 } ? nil : chosen)
    }

    /// As transformers, the first row of a text without a token that ends it.
    private func place(in ids: ArraySlice<Int32>) -> Int {
        let end: Int32? =
            switch row {
            case .first(let id): id
            case .firstOfHighest: ids.max()
            case .last: nil
            }
        return end.flatMap(ids.firstIndex) ?? ids.startIndex
    }
}
