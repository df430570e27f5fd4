import Autodiff
import Matrices
import ModelFiles

/// A decoder of RMS norms and rotary positions, as its traits say.
final class RMSNormDecoder: Backbone {
    let architecture: Architecture
    let linearLayers: [LinearLayer]
    let weights: [Weight]
    let unusedWeights: [String]
    let outputMatrix: Weight?
    let hooks = BackboneHooks()
    private let traits: DecoderTraits
    private let words: Weight
    private let blocks: [RMSNormBlock]
    private let finalNorm: Weight
    private let rotary: [RotaryTables]

    init(_ architecture: Architecture, _ traits: DecoderTraits, _ source: any TensorSource) throws {
        self.architecture = architecture
        self.traits = traits
        rotary = traits.rotary.map(RotaryTables.init)
        let weights = BackboneWeights(source, prefix: architecture.prefix)
        words = try weights.table("embed_tokens", traits.vocabularySize, traits.hiddenSize)
        blocks = try traits.layers.indices.map { try RMSNormBlock(weights, traits, layer: $0) }
        finalNorm = try weights.vector("norm.weight", traits.hiddenSize)
        linearLayers = blocks.flatMap(\.linearLayers)
        let output = "lm_head"
        let hasOutput = weights.cursor.contains(output + ".weight")
        // Where both are in the file and differ, transformers ties nothing, whatever the config says. A checkpoint of the
        // backbone alone has none; transformers would draw one at random.
        let isTied =
            traits.tiesEmbeddings
            && (!hasOutput || weights.cursor.areSame(output + ".weight", "embed_tokens.weight"))
        outputMatrix =
            isTied
            ? words
            : hasOutput ? try weights.table(output, traits.vocabularySize, traits.hiddenSize) : nil
        self.weights = weights.weights
        unusedWeights = weights.cursor.unusedNames {
            $0.hasSuffix("rotary_emb.inv_freq") || (isTied && $0 == output + ".weight")
        }
    }

    var sizes: BackboneSizes { traits.sizes }
    var outputTransform: LogitTransform { traits.logits }

    func isBuilt(as other: any Backbone) -> Bool {
        guard let other = other as? RMSNormDecoder else { return false }
        return other.architecture.name == architecture.name && other.traits == traits
    }

    func hiddenStates(
        _ batch: PackedBatch, rows: HiddenRows, recomputing: Bool, on tape: Tape,
        observe: ((Int, Variable) -> Void)?
    ) -> Variable {
        let prefix = hooks.input
        let offsets = prefix.map { BackboneHooks.prefixed(batch.offsets, by: $0.count) } ?? batch.offsets
        let chosen = chosen(rows, batch, prefix: prefix?.count ?? 0, offsets)
        if let chosen, chosen.rows.isEmpty {
            return tape.output(rows: 0, columns: traits.hiddenSize, needsGradient: false)
        }
        let sequences = zip(offsets, offsets.dropFirst()).map {
            RotaryTables.Sequence(length: $1 - $0, count: $1 - $0)
        }
        let pass = DecoderPass(offsets: offsets, rotary: rotary.map { $0.rows(sequences) })
        var hidden = embeddings(batch.ids, prefix, offsets: batch.offsets, on: tape)
        observe?(0, hidden)
        for (index, block) in blocks.enumerated() {
            let isLast = index == blocks.count - 1
            let isTrainable = hidden.needsGradient || block.isTrainable || hooks.act(inLayer: index)
            func run(_ hidden: Variable, on tape: Tape) -> Variable {
                block(hidden, pass, chosen: isLast ? chosen : nil, hooks, traits, on: tape)
            }
            hidden =
                recomputing && !isLast && isTrainable
                ? tape.recomputed(hidden) { run($1, on: $0) } : run(hidden, on: tape)
            if !isLast { observe?(index + 1, hidden) }
        }
        hidden = traits.norm(hidden, finalNorm, on: tape)
        observe?(blocks.count, hidden)
        if chosen != nil { return hidden }
        if let prefix { hidden = tape.withoutPrefix(of: prefix.count, hidden, offsets: batch.offsets) }
        return rows == .first ? tape.firstRows(hidden, offsets: batch.offsets) : hidden
    }

    /// Of the rows of a batch, where they stand among those with a prefix of the input.
    private func chosen(_ rows: HiddenRows, _ batch: PackedBatch, prefix: Int, _ offsets: [Int])
        -> ChosenRows?
    {
        guard case .some(let rows) = rows else { return nil }
        var sequence = 0
        let moved = rows.map { row in
            while sequence + 1 < batch.sequences, row >= batch.offsets[sequence + 1] { sequence += 1 }
            return row + (sequence + 1) * prefix
        }
        return ChosenRows(moved, offsets: offsets)
    }

    /// [T + B · N, C]
    private func embeddings(
        _ ids: [Int32], _ prefix: (any RowPrefix)?, offsets: [Int], on tape: Tape
    ) -> Variable {
        var hidden = tape.embedding([(words, ids)])
        if let prefix { hidden = hooks.prefixed(hidden, prefix, offsets: offsets, on: tape) }
        return traits.embeddingFactor == 1 ? hidden : tape.scaled(hidden, by: traits.embeddingFactor)
    }

    // MARK: - Token by token

    func startCache() -> KeyValueCache? {
        KeyValueCache(layers: blocks.count, columns: traits.keyColumns)
    }

    /// Where the length of a sequence decides how its positions turn and now decides otherwise, all of its tokens are read
    /// again.
    func hiddenStates(_ ids: [Int32], after cache: KeyValueCache, on tape: Tape) -> Variable {
        precondition(!tape.isTraining && !ids.isEmpty, "tokens with kept keys on a tape that records")
        let prefix = cache.rows == 0 ? hooks.input : nil
        let length = cache.rows + (prefix?.count ?? 0) + ids.count
        if cache.rows > 0,
            traits.rotary.contains(where: { $0.form(length: cache.rows) != $0.form(length: length) })
        {
            let all = cache.ids + ids
            cache.removeAll()
            let hidden = hiddenStates(all, after: cache, on: tape)
            return tape.rows(hidden, Array(all.count - ids.count..<all.count))
        }
        var hidden = embeddings(ids, prefix, offsets: [0, ids.count], on: tape)
        let rows = hidden.rows
        let sequence = RotaryTables.Sequence(length: length, count: rows)
        let pass = DecoderPass(
            offsets: [0, rows], rotary: rotary.map { $0.rows([sequence]) }, cache: cache)
        for block in blocks { hidden = block(hidden, pass, chosen: nil, hooks, traits, on: tape) }
        cache.finish(ids, rows: rows)
        hidden = traits.norm(hidden, finalNorm, on: tape)
        return prefix.map { tape.withoutPrefix(of: $0.count, hidden, offsets: [0, ids.count]) } ?? hidden
    }
}
