import Autodiff
import Matrices
import ModelFiles

/// An encoder of one of the `EncoderFamily` architectures.
package final class TextEncoder: Sendable {
    package let configuration: EncoderConfiguration
    /// Each once, also where several layers share it; then it belongs to layer 0.
    package let linearLayers: [LinearLayer]
    /// The dense layer of the pooler, when the checkpoint has one.
    package let pooler: (weight: Weight, bias: Weight)?

    /// Whether the pooler's bias is 0 throughout, as transformers makes one for a checkpoint that has none; training
    /// moves it.
    package var hasUntrainedPooler: Bool {
        pooler.map { $0.bias.vector.values.allSatisfy { $0 == 0 } } ?? false
    }

    /// Tensors of the checkpoint that this model has no place for.
    package let unusedWeights: [String]
    /// Every weight of the encoder, for counting and for training all of it.
    package let weights: [Weight]
    /// How many numbers they are.
    package var parameterCount: Int { weights.reduce(0) { $0 + $1.count } }

    private let words: Weight
    private let positions: Weight?
    private let types: Weight?
    private let embeddingNorm: Norm
    /// From the embeddings' width to the layers'
    private let projection: Dense?
    private let relative: RelativeEmbeddings?
    private let blocks: [EncoderBlock]

    package init(_ folder: HFFolder) throws {
        configuration = try EncoderConfiguration(folder.config)
        let c = configuration
        let names = c.family.names
        let cursor = WeightCursor(try folder.openWeights(), optionalPrefix: c.family.prefix)
        let weights = EncoderWeights(cursor)
        words = try weights.table("embeddings.word_embeddings", c.vocabularySize, c.embeddingSize)
        positions =
            c.embedsPositions
            ? try weights.table("embeddings.position_embeddings", c.positionRows, c.embeddingSize) : nil
        types =
            c.typeVocabularySize > 0
            ? try weights.table("embeddings.token_type_embeddings", c.typeVocabularySize, c.embeddingSize)
            : nil
        embeddingNorm = try weights.norm("embeddings.LayerNorm", c.embeddingSize)
        // ALBERT projects always, ELECTRA where the widths differ.
        let isProjected = c.family == .albert || c.embeddingSize != c.hiddenSize
        projection = isProjected ? try weights.dense(names.projection, c.hiddenSize, c.embeddingSize) : nil
        relative = try c.relative.map { try RelativeEmbeddings($0, weights, c) }
        let own = try (0..<(c.sharesLayers ? 1 : c.layers)).map { try EncoderBlock(weights, c, layer: $0) }
        linearLayers = own.flatMap(\.linearLayers)
        blocks = c.sharesLayers ? own.flatMap { Array(repeating: $0, count: c.layers) } : own
        let pooler =
            !names.pooler.isEmpty && cursor.contains(names.pooler + ".weight")
            ? try weights.dense(names.pooler, c.hiddenSize, c.hiddenSize) : nil
        self.pooler = pooler.map { ($0.weight, $0.bias) }
        self.weights = weights.weights
        // Pretraining heads and an older classifier are replaced by the new head; buffers are not weights.
        unusedWeights = cursor.unusedNames { $0.hasSuffix("position_ids") || $0.hasSuffix("token_type_ids") }
    }

    /// Which rows of the last layer somebody reads.
    package enum Rows: Sendable { case all, first }

    /// Hidden states of the last layer: [T, C], or the first row of each sequence [B, C].
    ///
    /// Of the last layer only keys and values need every row. Where the first rows are all that is read, the rest of
    /// it (query, attention output, feed-forward) runs on those alone: the same values, without 10 of the 12 d × d
    /// products of that layer for the other rows.
    ///
    /// With `recomputing`, each layer but the last keeps only its input for the backward pass, and runs forward again
    /// there: about a third more time for the memory of one layer instead of all.
    ///
    /// `observe` is called with the embeddings (0) and the output of each layer (1 …), for parity tests.
    package func hiddenStates(
        _ batch: PackedBatch, rows: Rows = .all, recomputing: Bool = false, on tape: Tape,
        observe: ((Int, Variable) -> Void)? = nil
    ) -> Variable {
        var hidden = embeddings(batch, on: tape)
        let distances = distances(batch, readsFirst: false, on: tape)
        observe?(0, hidden)
        for (index, block) in blocks.enumerated() {
            let isLast = index == blocks.count - 1
            if recomputing && !isLast && (hidden.needsGradient || block.isTrainable) {
                hidden = tape.recomputed(hidden) { [configuration] tape, hidden in
                    block(
                        hidden, offsets: batch.offsets, relative: distances, readsFirst: false, configuration,
                        on: tape)
                }
            } else {
                let readsFirst = isLast && rows == .first
                hidden = block(
                    hidden, offsets: batch.offsets,
                    relative: readsFirst ? self.distances(batch, readsFirst: true, on: tape) : distances,
                    readsFirst: readsFirst, configuration, on: tape)
            }
            observe?(index + 1, hidden)
        }
        return hidden
    }

    private func distances(_ batch: PackedBatch, readsFirst: Bool, on tape: Tape) -> RelativeLookup? {
        relative?.lookUp(
            offsets: batch.offsets, readsFirst: readsFirst, epsilon: configuration.layerNormEpsilon, on: tape)
    }

    private func embeddings(_ batch: PackedBatch, on tape: Tape) -> Variable {
        var tables: [(table: any Operand, indices: [Int32])] = []
        tables.reserveCapacity(3)
        tables.append((words, batch.ids))
        if let positions {
            tables.append(
                (
                    positions,
                    batch.positions(from: configuration.firstPosition, skipping: configuration.skippedToken)
                ))
        }
        if let types {
            // A model of one type has learned it for all tokens, whatever the tokenizer calls a second text.
            let single = configuration.typeVocabularySize == 1
            tables.append((types, single ? batch.typeIDs.map { _ in 0 } : batch.typeIDs))
        }
        let normed = embeddingNorm(
            tape.embedding(tables), epsilon: configuration.layerNormEpsilon, on: tape)
        return projection.map { $0(normed, on: tape) } ?? normed
    }
}
