import Autodiff
import Matrices
import ModelFiles

/// The numbers of a BERT `config.json`.
public struct BertConfiguration: Sendable, Equatable {
    public let vocabularySize: Int
    public let hiddenSize: Int
    public let layers: Int
    public let heads: Int
    public let intermediateSize: Int
    public let maximumPositions: Int
    public let typeVocabularySize: Int
    public let layerNormEpsilon: Float

    public init(_ config: HFConfig) throws {
        guard config.modelType == "bert" else {
            throw ModelFileError(
                file: config.path, place: "model_type",
                problem: "\"\(config.modelType)\" is not an architecture this version can train",
                advice: "use a BERT checkpoint (model_type \"bert\"), such as MiniLM-L6")
        }
        vocabularySize = try config.int("vocab_size", in: 1...10_000_000)
        hiddenSize = try config.int("hidden_size", in: 1...65_536)
        layers = try config.int("num_hidden_layers", in: 1...1_000)
        heads = try config.int("num_attention_heads", in: 1...1_024)
        intermediateSize = try config.int("intermediate_size", in: 1...262_144)
        maximumPositions = try config.int("max_position_embeddings", in: 1...1_000_000)
        typeVocabularySize = try config.int("type_vocab_size", in: 1...1_024, default: 2)
        layerNormEpsilon = Float(try config.double("layer_norm_eps", in: 1e-20...0.1, default: 1e-12))
        let activation = try config.string("hidden_act", default: "gelu")
        let positions = try config.string("position_embedding_type", default: "absolute")
        // Looked at so that they do not count as unknown: there is no padding, and the frozen encoder runs without
        // its own dropout; the head's and the adapters' dropout are settings of the run.
        for key in [
            "pad_token_id", "hidden_dropout_prob", "attention_probs_dropout_prob", "tie_word_embeddings",
        ] {
            _ = config.value(key)
        }
        for key in ["is_decoder", "add_cross_attention"] where try config.bool(key, default: false) {
            throw ModelFileError(
                file: config.path, place: key, problem: "a decoder attends causally, which is not supported",
                advice: "use a BERT encoder")
        }
        guard hiddenSize % heads == 0 else {
            throw ModelFileError(
                file: config.path, place: "num_attention_heads",
                problem: "hidden_size \(hiddenSize) does not divide into \(heads) heads",
                advice: "use the config.json that was saved with the weights")
        }
        guard activation == "gelu" && positions == "absolute" else {
            throw ModelFileError(
                file: config.path, place: activation == "gelu" ? "position_embedding_type" : "hidden_act",
                problem: "\"\(activation == "gelu" ? positions : activation)\" is not supported",
                advice: "supported are hidden_act \"gelu\" and position_embedding_type \"absolute\"")
        }
    }
}

/// BERT (Devlin et al. 2019): post-layer-norm blocks, learned positions, token types.
public final class BertEncoder: Sendable {
    public let configuration: BertConfiguration
    public let linearLayers: [LinearLayer]
    /// The dense layer of the pooler, when the checkpoint has one.
    public let pooler: (weight: Parameter, bias: Parameter)?
    /// Tensors of the checkpoint that this model has no place for.
    public let unusedWeights: [String]
    /// Every weight of the encoder, for counting and for training all of it.
    public let parameters: [Parameter]

    private let words: Parameter
    private let positions: Parameter
    private let types: Parameter
    private let embeddingNorm: Norm
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
        configuration = try BertConfiguration(folder.config)
        let c = configuration
        let cursor = WeightCursor(try folder.openWeights(), optionalPrefix: "bert.")
        var all: [Parameter] = []
        func take(_ name: String, _ rows: Int, _ columns: Int) throws -> Parameter {
            let parameter = try cursor.parameter(name, rows: rows, columns: columns)
            all.append(parameter)
            return parameter
        }
        func takeNorm(_ name: String) throws -> Norm {
            Norm(
                gamma: try take(name + ".weight", 1, c.hiddenSize),
                beta: try take(name + ".bias", 1, c.hiddenSize))
        }
        words = try take("embeddings.word_embeddings.weight", c.vocabularySize, c.hiddenSize)
        positions = try take("embeddings.position_embeddings.weight", c.maximumPositions, c.hiddenSize)
        types = try take("embeddings.token_type_embeddings.weight", c.typeVocabularySize, c.hiddenSize)
        embeddingNorm = try takeNorm("embeddings.LayerNorm")
        var blocks: [Block] = []
        for layer in 0..<c.layers {
            let path = "encoder.layer.\(layer)"
            func linear(_ role: LinearSite.Role, _ name: String, _ outputs: Int, _ inputs: Int) throws
                -> LinearLayer
            {
                LinearLayer(
                    site: LinearSite(layer: layer, role: role), modulePath: "bert.\(path).\(name)",
                    weight: try take("\(path).\(name).weight", outputs, inputs),
                    bias: try take("\(path).\(name).bias", 1, outputs))
            }
            blocks.append(
                Block(
                    query: try linear(.query, "attention.self.query", c.hiddenSize, c.hiddenSize),
                    key: try linear(.key, "attention.self.key", c.hiddenSize, c.hiddenSize),
                    value: try linear(.value, "attention.self.value", c.hiddenSize, c.hiddenSize),
                    attentionOutput: try linear(
                        .attentionOutput, "attention.output.dense", c.hiddenSize, c.hiddenSize),
                    intermediate: try linear(
                        .intermediate, "intermediate.dense", c.intermediateSize, c.hiddenSize),
                    output: try linear(.output, "output.dense", c.hiddenSize, c.intermediateSize),
                    attentionNorm: try takeNorm("\(path).attention.output.LayerNorm"),
                    outputNorm: try takeNorm("\(path).output.LayerNorm")))
        }
        self.blocks = blocks
        linearLayers = blocks.flatMap(\.linearLayers)
        if cursor.contains("pooler.dense.weight") {
            pooler = (
                try take("pooler.dense.weight", c.hiddenSize, c.hiddenSize),
                try take("pooler.dense.bias", 1, c.hiddenSize)
            )
        } else {
            pooler = nil
        }
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
        let embedded = tape.embedding([
            (words, batch.ids), (positions, batch.positions), (types, batch.typeIDs),
        ])
        var hidden = tape.layerNorm(
            embedded, gamma: embeddingNorm.gamma, beta: embeddingNorm.beta,
            epsilon: configuration.layerNormEpsilon)
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
        let expanded = tape.gelu(block.intermediate(attended, on: tape), reusing: true)
        return tape.layerNorm(
            block.output(expanded, on: tape), adding: attended, gamma: block.outputNorm.gamma,
            beta: block.outputNorm.beta, epsilon: epsilon, reusing: true)
    }
}
