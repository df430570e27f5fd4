import Autodiff
import Matrices
import ModelFiles

/// An encoder of post-layer-norm blocks (Devlin et al. 2019), as its architecture's traits say.
package final class PostNormEncoder: Backbone {
    package let architecture: Architecture
    package let linearLayers: [LinearLayer]
    package let pooler: Dense?
    package let unusedWeights: [String]
    package let weights: [Weight]
    package let hooks = BackboneHooks()
    let configuration: EncoderConfiguration

    private let words: Weight
    private let positions: Weight?
    private let types: Weight?
    private let embeddingNorm: Norm
    /// From the embeddings' width to the layers'
    private let projection: Dense?
    private let relative: RelativeEmbeddings?
    private let blocks: [PostNormBlock]

    init(
        _ architecture: Architecture, _ traits: EncoderTraits, _ configuration: EncoderConfiguration,
        _ source: any TensorSource
    ) throws {
        self.architecture = architecture
        self.configuration = configuration
        let (c, names) = (configuration, traits.names)
        let weights = BackboneWeights(source, prefix: architecture.prefix)
        words = try weights.table("embeddings.word_embeddings", c.vocabularySize, c.embeddingSize)
        positions =
            c.embedsPositions
            ? try weights.table("embeddings.position_embeddings", c.positionRows, c.embeddingSize) : nil
        types =
            c.typeVocabularySize > 0
            ? try weights.table("embeddings.token_type_embeddings", c.typeVocabularySize, c.embeddingSize)
            : nil
        embeddingNorm = try weights.norm("embeddings.LayerNorm", c.embeddingSize)
        let isProjected = traits.alwaysProjects || c.embeddingSize != c.hiddenSize
        projection = isProjected ? try weights.dense(names.projection, c.hiddenSize, c.embeddingSize) : nil
        relative = try c.relative.map { try RelativeEmbeddings($0, weights, c, names) }
        let own = try (0..<(traits.sharesLayers ? 1 : c.layers)).map {
            try PostNormBlock(weights, c, names, layer: $0)
        }
        linearLayers = own.flatMap(\.linearLayers)
        blocks = traits.sharesLayers ? own.flatMap { Array(repeating: $0, count: c.layers) } : own
        pooler =
            !names.pooler.isEmpty && weights.cursor.contains(names.pooler + ".weight")
            ? try weights.dense(names.pooler, c.hiddenSize, c.hiddenSize) : nil
        self.weights = weights.weights
        // Pretraining heads and an older classifier are replaced by the new head; buffers are not weights.
        unusedWeights = weights.cursor.unusedNames {
            $0.hasSuffix("position_ids") || $0.hasSuffix("token_type_ids")
        }
    }

    package var sizes: BackboneSizes { configuration.sizes }
    /// Whether its embeddings go through a matrix before the layers.
    var isProjected: Bool { projection != nil }
    package func wordRows(_ ids: [Int32]) -> Matrix {
        Matrix(copying: Tape(evaluatingWith: BufferPool()).embedding([(words, ids)]).value)
    }

    package var keyShape: (columns: Int, heads: Int) { (configuration.hiddenSize, configuration.heads) }
    package var attendsByDistance: Bool { configuration.relative != nil }

    package func isBuilt(as other: any Backbone) -> Bool {
        guard let other = other as? PostNormEncoder else { return false }
        return other.architecture.name == architecture.name && other.configuration == configuration
    }

    /// Of the last layer only keys and values need every row. Where the first rows are all that is read, the rest of
    /// it (query, attention output, feed-forward) runs on those alone: the same values, without 10 of the 12 d × d
    /// products of that layer for the other rows.
    package func hiddenStates(
        _ batch: PackedBatch, rows: HiddenRows, after start: LayerInput?, recomputing: Bool, on tape: Tape,
        observe: ((Int, Variable) -> Void)?
    ) -> Variable {
        if let prefix = hooks.input {
            precondition(start == nil, "what a layer reads, without the prefix of the input")
            let hidden = self.hidden(
                extended(batch, by: prefix.count), prefix, rows: .all, after: nil, recomputing, on: tape,
                observe)
            if rows == .start {
                return tape.firstRows(
                    hidden, offsets: BackboneHooks.prefixed(batch.offsets, by: prefix.count))
            }
            let own = tape.withoutPrefix(of: prefix.count, hidden, offsets: batch.offsets)
            return tape.taken(rows, of: own, batch, padding: nil)
        }
        let hidden = hidden(batch, nil, rows: rows, after: start, recomputing, on: tape, observe)
        // The first rows are taken in the last layer.
        return rows == .first || rows == .start ? hidden : tape.taken(rows, of: hidden, batch, padding: nil)
    }

    /// - Parameter prefix: of the embeddings, whose rows stand in `batch`.
    private func hidden(
        _ batch: PackedBatch, _ prefix: (any RowPrefix)?, rows: HiddenRows, after start: LayerInput?,
        _ recomputing: Bool, on tape: Tape, _ observe: ((Int, Variable) -> Void)?
    ) -> Variable {
        var hidden = start?.rows ?? embeddings(batch, prefix, on: tape)
        let distances = distances(batch, readsFirst: false, on: tape)
        if start == nil { observe?(0, hidden) }
        for index in (start?.layer ?? 0)..<blocks.count {
            let block = blocks[index]
            let isLast = index == blocks.count - 1
            let isTrainable = hidden.needsGradient || block.isTrainable || hooks.act(inLayer: index)
            if recomputing && !isLast && isTrainable {
                hidden = tape.recomputed(hidden) { [configuration, hooks] tape, hidden in
                    block(
                        hidden, offsets: batch.offsets, relative: distances, readsFirst: false, layer: index,
                        hooks, configuration, on: tape)
                }
            } else {
                let readsFirst = isLast && (rows == .first || rows == .start)
                hidden = block(
                    hidden, offsets: batch.offsets,
                    relative: readsFirst ? self.distances(batch, readsFirst: true, on: tape) : distances,
                    readsFirst: readsFirst, layer: index, hooks, configuration, on: tape)
            }
            observe?(index + 1, hidden)
        }
        return hidden
    }

    package func input(
        ofLayer layer: Int, _ batch: PackedBatch, after start: LayerInput?, on tape: Tape
    ) -> Variable {
        precondition(hooks.input == nil, "what a layer reads, without the prefix of the input")
        var hidden = start?.rows ?? embeddings(batch, nil, on: tape)
        let distances = distances(batch, readsFirst: false, on: tape)
        for before in (start?.layer ?? 0)..<layer {
            hidden = blocks[before](
                hidden, offsets: batch.offsets, relative: distances, readsFirst: false, layer: before, hooks,
                configuration, on: tape)
        }
        return hidden
    }

    private func distances(_ batch: PackedBatch, readsFirst: Bool, on tape: Tape) -> RelativeLookup? {
        relative?.lookUp(
            offsets: batch.offsets, readsFirst: readsFirst, epsilon: configuration.layerNormEpsilon, on: tape)
    }

    private func extended(_ batch: PackedBatch, by count: Int) -> PackedBatch {
        batch.prefixed(by: count, id: configuration.skippedToken == 0 ? 1 : 0)
    }

    private func embeddings(_ batch: PackedBatch, _ prefix: (any RowPrefix)?, on tape: Tape) -> Variable {
        var tables: [(table: any Operand, indices: [Int32])] = []
        tables.reserveCapacity(3)
        if prefix == nil { tables.append((words, batch.ids)) }
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
        var sum = tables.isEmpty ? nil : tape.embedding(tables)
        if let prefix {
            let own = batch.without(prefix: prefix.count)
            let rows = hooks.prefixed(
                tape.embedding([(words, own.ids)]), prefix, offsets: own.offsets, on: tape)
            sum = sum.map { tape.add(rows, $0) } ?? rows
        }
        guard let sum else { preconditionFailure("neither words nor a prefix") }
        let normed = embeddingNorm(sum, epsilon: configuration.layerNormEpsilon, on: tape)
        return projection.map { $0(normed, on: tape) } ?? normed
    }
}
