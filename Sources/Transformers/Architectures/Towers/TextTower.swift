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
        let texts = read(batch)
        precondition(texts.longest <= mostTokens, "\(texts.longest) tokens for \(mostTokens) positions")
        var hidden = tape.embedding([(words, texts.ids), (positions, texts.positions())])
        observe?(0, hidden)
        layers.run(
            &hidden, offsets: texts.offsets, layers: 0..<layers.shape.layers, rows: .last,
            recomputing: recomputing, hooks, on: tape, observe: observe)
        return tape.linear(
            finalNorm(hidden, epsilon: layers.shape.epsilon, on: tape), weight: projection,
            bias: projectionBias)
    }

    /// The texts up to the row that is read, which is their last one then: where layers are causal no row sees those behind it.
    private func read(_ batch: PackedBatch) -> PackedBatch {
        if case .last = row {
            precondition(
                zip(batch.offsets, batch.offsets.dropFirst()).allSatisfy { $1 - $0 == mostTokens },
                "texts are not filled up to \(mostTokens) tokens")
            return batch
        }
        return PackedBatch(
            (0..<batch.sequences).map { sequence in
                let ids = batch.ids[batch.offsets[sequence]..<batch.offsets[sequence + 1]]
                let read = ids.prefix(through: place(in: ids))
                return (Array(read), Array(repeating: 0, count: read.count))
            })
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
