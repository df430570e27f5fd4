import Autodiff
import Matrices
import ModelFiles

/// An encoder of one of the `EncoderFamily` architectures.
public final class TextEncoder: Sendable {
    public let configuration: EncoderConfiguration
    /// Each once, also where several layers share it; then it belongs to layer 0.
    public let linearLayers: [LinearLayer]
    /// The dense layer of the pooler, when the checkpoint has one.
    public let pooler: (weight: Parameter, bias: Parameter)?
    /// Tensors of the checkpoint that this model has no place for.
    public let unusedWeights: [String]
    /// Every weight of the encoder, for counting and for training all of it.
    public let parameters: [Parameter]

    private let words: Parameter
    private let positions: Parameter
    private let types: Parameter?
    private let embeddingNorm: Norm
    /// From the embeddings' width to the layers'
    private let projection: (weight: Parameter, bias: Parameter)?
    private let blocks: [Block]

    private struct Norm: Sendable {
        let gamma: Parameter
        let beta: Parameter
    }

    private struct Block: Sendable {
        let query, key, value, attentionOutput, intermediate, output: LinearLayer
        let attentionNorm, outputNorm: Norm

        var linearLayers: [LinearLayer] { [query, key, value, attentionOutput, intermediate, output] }
        var isTrainable: Bool { linearLayers.contains { $0.adapter != nil || $0.weight.isTrainable } }
    }

    public init(_ folder: HFFolder) throws {
        configuration = try EncoderConfiguration(folder.config)
        let c = configuration
        let names = c.family.names
        let cursor = WeightCursor(try folder.openWeights(), optionalPrefix: c.family.prefix)
        var all: [Parameter] = []
        func take(_ name: String, _ rows: Int, _ columns: Int) throws -> Parameter {
            let parameter = try cursor.parameter(name, rows: rows, columns: columns)
            all.append(parameter)
            return parameter
        }
        func takeNorm(_ name: String, _ width: Int) throws -> Norm {
            Norm(gamma: try take(name + ".weight", 1, width), beta: try take(name + ".bias", 1, width))
        }
        func takeDense(_ name: String, _ outputs: Int, _ inputs: Int) throws -> (
            weight: Parameter, bias: Parameter
        ) {
            (try take(name + ".weight", outputs, inputs), try take(name + ".bias", 1, outputs))
        }
        words = try take("embeddings.word_embeddings.weight", c.vocabularySize, c.embeddingSize)
        positions = try take("embeddings.position_embeddings.weight", c.positionRows, c.embeddingSize)
        types =
            c.typeVocabularySize > 0
            ? try take("embeddings.token_type_embeddings.weight", c.typeVocabularySize, c.embeddingSize) : nil
        embeddingNorm = try takeNorm("embeddings.LayerNorm", c.embeddingSize)
        // ALBERT projects always, ELECTRA where the widths differ.
        let isProjected = c.family == .albert || c.embeddingSize != c.hiddenSize
        projection = isProjected ? try takeDense(names.projection, c.hiddenSize, c.embeddingSize) : nil
        var blocks: [Block] = []
        for layer in 0..<(c.sharesLayers ? 1 : c.layers) {
            let path = names.layer(layer)
            func linear(_ role: LinearSite.Role, _ name: String, _ outputs: Int, _ inputs: Int) throws
                -> LinearLayer
            {
                let dense = try takeDense("\(path).\(name)", outputs, inputs)
                return LinearLayer(
                    site: LinearSite(layer: layer, role: role),
                    modulePath: "\(c.family.prefix)\(path).\(name)", weight: dense.weight, bias: dense.bias)
            }
            blocks.append(
                Block(
                    query: try linear(.query, names.query, c.hiddenSize, c.hiddenSize),
                    key: try linear(.key, names.key, c.hiddenSize, c.hiddenSize),
                    value: try linear(.value, names.value, c.hiddenSize, c.hiddenSize),
                    attentionOutput: try linear(
                        .attentionOutput, names.attentionOutput, c.hiddenSize, c.hiddenSize),
                    intermediate: try linear(
                        .intermediate, names.intermediate, c.intermediateSize, c.hiddenSize),
                    output: try linear(.output, names.output, c.hiddenSize, c.intermediateSize),
                    attentionNorm: try takeNorm("\(path).\(names.attentionNorm)", c.hiddenSize),
                    outputNorm: try takeNorm("\(path).\(names.outputNorm)", c.hiddenSize)))
        }
        linearLayers = blocks.flatMap(\.linearLayers)
        self.blocks = c.sharesLayers ? blocks.flatMap { Array(repeating: $0, count: c.layers) } : blocks
        pooler =
            cursor.contains(names.pooler + ".weight")
            ? try takeDense(names.pooler, c.hiddenSize, c.hiddenSize) : nil
        parameters = all
        // Pretraining heads and an older classifier are replaced by the new head; buffers are not weights.
        unusedWeights = cursor.unusedNames { $0.hasSuffix("position_ids") || $0.hasSuffix("token_type_ids") }
    }

    /// Which rows of the last layer somebody reads.
    public enum Rows: Sendable { case all, first }

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
    public func hiddenStates(
        _ batch: PackedBatch, rows: Rows = .all, recomputing: Bool = false, on tape: Tape,
        observe: ((Int, Variable) -> Void)? = nil
    ) -> Variable {
        var hidden = embeddings(batch, on: tape)
        observe?(0, hidden)
        for (index, block) in blocks.enumerated() {
            let isLast = index == blocks.count - 1
            if recomputing && !isLast && (hidden.needsGradient || block.isTrainable) {
                hidden = tape.recomputed(hidden) { [self] tape, hidden in
                    output(of: block, hidden, batch, readsFirst: false, on: tape)
                }
            } else {
                hidden = output(of: block, hidden, batch, readsFirst: isLast && rows == .first, on: tape)
            }
            observe?(index + 1, hidden)
        }
        return hidden
    }

    private func embeddings(_ batch: PackedBatch, on tape: Tape) -> Variable {
        var tables = [(words, batch.ids), (positions, batch.positions(from: configuration.firstPosition))]
        if let types {
            // A model of one type has learned it for all tokens, whatever the tokenizer calls a second text.
            let single = configuration.typeVocabularySize == 1
            tables.append((types, single ? batch.typeIDs.map { _ in 0 } : batch.typeIDs))
        }
        let normed = tape.layerNorm(
            tape.embedding(tables), gamma: embeddingNorm.gamma, beta: embeddingNorm.beta,
            epsilon: configuration.layerNormEpsilon)
        guard let projection else { return normed }
        return tape.linear(normed, weight: projection.weight, bias: projection.bias)
    }

    private func output(
        of block: Block, _ hidden: Variable, _ batch: PackedBatch, readsFirst: Bool, on tape: Tape
    ) -> Variable {
        let epsilon = configuration.layerNormEpsilon
        let read = readsFirst ? tape.firstRows(hidden, offsets: batch.offsets) : hidden
        let context = tape.attention(
            query: block.query(read, on: tape), key: block.key(hidden, on: tape),
            value: block.value(hidden, on: tape),
            queryOffsets: readsFirst ? Array(0...batch.sequences) : nil, offsets: batch.offsets,
            heads: configuration.heads)
        let attended = tape.layerNorm(
            block.attentionOutput(context, on: tape), adding: read, gamma: block.attentionNorm.gamma,
            beta: block.attentionNorm.beta, epsilon: epsilon, reusing: true)
        let expanded = tape.gelu(
            block.intermediate(attended, on: tape), form: configuration.activation, reusing: true)
        return tape.layerNorm(
            block.output(expanded, on: tape), adding: attended, gamma: block.outputNorm.gamma,
            beta: block.outputNorm.beta, epsilon: epsilon, reusing: true)
    }
}
