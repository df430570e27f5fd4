import Autodiff
import Foundation
import ModelFiles

extension Architecture {
    /// Llama 2 and 3, SmolLM2, TinyLlama: decoders of pre-norm blocks with RMS norm (Zhang and Sennrich 2019), rotary
    /// positions (Su et al. 2021), grouped queries (Ainslie et al. 2023) and a gated feed-forward network (Shazeer 2020).
    package static let llama = Architecture(
        modelTypes: [ModelType(name: "llama", className: "Llama")], prefix: "model.",
        parts: ["layers.", "embed_tokens."], marks: ["layers.0.self_attn.q_proj."],
        roles: [.query, .key, .value, .attentionOutput, .gate, .up, .down],
        inputRoles: [.query, .key, .value], heads: nil, sizes: { try LlamaConfiguration($0).sizes },
        open: { try LlamaModel($0, LlamaConfiguration($1), $2) })
}

/// The numbers of a Llama's `config.json`; the defaults are those of transformers' LlamaConfig.
struct LlamaConfiguration: Sendable, Equatable {
    let vocabularySize: Int
    let hiddenSize: Int
    let layers: Int
    let heads: Int
    let keyValueHeads: Int
    /// D, of one head
    let headWidth: Int
    let intermediateSize: Int
    let positions: Int
    let normEpsilon: Float
    let hasAttentionBias: Bool
    let hasFeedForwardBias: Bool
    /// The output matrix is that of the embeddings.
    let tiesEmbeddings: Bool
    let rotary: RotaryScheme

    var sizes: BackboneSizes {
        BackboneSizes(hidden: hiddenSize, layers: layers, vocabulary: vocabularySize, positions: positions)
    }

    init(_ config: HFConfig) throws {
        try config.refuseOtherWeights()
        vocabularySize = try config.int("vocab_size", in: 1...10_000_000, default: 32_000)
        hiddenSize = try config.int("hidden_size", in: 1...65_536, default: 4_096)
        layers = try config.int("num_hidden_layers", in: 1...1_000, default: 32)
        heads = try config.int("num_attention_heads", in: 1...1_024, default: 32)
        keyValueHeads = try config.int("num_key_value_heads", in: 1...1_024, default: heads)
        headWidth = try config.int("head_dim", in: 1...65_536, default: max(1, hiddenSize / heads))
        intermediateSize = try config.int("intermediate_size", in: 1...262_144, default: 11_008)
        positions = try config.int("max_position_embeddings", in: 1...10_000_000, default: 2_048)
        normEpsilon = Float(try config.double("rms_norm_eps", in: 1e-20...0.1, default: 1e-6))
        hasAttentionBias = try config.bool("attention_bias", default: false)
        hasFeedForwardBias = try config.bool("mlp_bias", default: false)
        tiesEmbeddings = try config.bool("tie_word_embeddings", default: false)
        _ = try config.string("hidden_act", oneOf: ["silu", "swish"], default: "silu")
        // Dropout of the frozen model is off; the others steer generation, or how a pretraining run was split.
        for key in [
            "attention_dropout", "bos_token_id", "eos_token_id", "pad_token_id", "pretraining_tp",
            "use_cache",
        ] {
            _ = config.value(key)
        }
        func refusal(_ key: String, _ problem: String) -> ModelFileError {
            ModelFileError(
                file: config.path, place: key, problem: problem,
                advice: "use the config.json that was saved with the weights")
        }
        guard heads % keyValueHeads == 0 else {
            throw refusal("num_key_value_heads", "\(keyValueHeads) do not divide \(heads) heads")
        }
        guard config.has("head_dim") || hiddenSize % heads == 0 else {
            throw refusal(
                "num_attention_heads", "a width of \(hiddenSize) does not divide into \(heads) heads")
        }
        guard headWidth % 2 == 0 else {
            throw refusal("head_dim", "rotary positions turn pairs, and \(headWidth) is odd")
        }
        rotary = try RotaryScheme(config, width: headWidth, positions: positions)
    }
}

/// One layer: attention and a gated feed-forward network, each on the norm of its input and added to it.
private struct LlamaBlock: Sendable {
    let query, key, value, attentionOutput, gate, up, down: LinearLayer
    let attentionNorm, feedForwardNorm: Weight

    var linearLayers: [LinearLayer] { [query, key, value, attentionOutput, gate, up, down] }
    var isTrainable: Bool { linearLayers.contains { $0.adapter != nil || $0.weight.isTrainable } }

    init(_ weights: BackboneWeights, _ c: LlamaConfiguration, layer: Int) throws {
        func linear(_ role: LinearSite.Role, _ name: String, _ outputs: Int, _ inputs: Int, _ hasBias: Bool)
            throws -> LinearLayer
        {
            try weights.linear(
                LinearSite(layer: layer, role: role), "layers.\(layer).\(name)_proj", outputs, inputs,
                hasBias: hasBias)
        }
        let (queries, keys) = (c.heads * c.headWidth, c.keyValueHeads * c.headWidth)
        let hasBias = c.hasAttentionBias
        query = try linear(.query, "self_attn.q", queries, c.hiddenSize, hasBias)
        key = try linear(.key, "self_attn.k", keys, c.hiddenSize, hasBias)
        value = try linear(.value, "self_attn.v", keys, c.hiddenSize, hasBias)
        attentionOutput = try linear(.attentionOutput, "self_attn.o", c.hiddenSize, queries, hasBias)
        let (width, isBiased) = (c.intermediateSize, c.hasFeedForwardBias)
        gate = try linear(.gate, "mlp.gate", width, c.hiddenSize, isBiased)
        up = try linear(.up, "mlp.up", width, c.hiddenSize, isBiased)
        down = try linear(.down, "mlp.down", c.hiddenSize, width, isBiased)
        attentionNorm = try weights.vector("layers.\(layer).input_layernorm.weight", c.hiddenSize)
        feedForwardNorm = try weights.vector("layers.\(layer).post_attention_layernorm.weight", c.hiddenSize)
    }

    /// hidden[T, C] one layer on.
    func callAsFunction(
        _ hidden: Variable, offsets: [Int], positions: [Int32], table: RotaryTable, layer: Int,
        _ hooks: BackboneHooks, _ c: LlamaConfiguration, on tape: Tape
    ) -> Variable {
        let read = tape.rmsNorm(hidden, gamma: attentionNorm, epsilon: c.normEpsilon)
        let queries = tape.rotary(
            query(read, on: tape), table: table, positions: positions, heads: c.heads, reusing: true)
        let keys = tape.rotary(
            key(read, on: tape), table: table, positions: positions, heads: c.keyValueHeads, reusing: true)
        let seen = hooks.prefixed(keys, value(read, on: tape), offsets: offsets, layer: layer, on: tape)
        let context = tape.causalAttention(
            query: queries, key: seen.key, value: seen.value, queryOffsets: offsets, offsets: seen.offsets,
            heads: c.heads, keyValueHeads: c.keyValueHeads)
        let adapter = hooks.blocks[layer]
        var update = attentionOutput(context, on: tape)
        if let adapter { update = adapter.output(of: update, after: .attention, on: tape) }
        let attended = tape.add(hidden, update)
        let normed = tape.rmsNorm(attended, gamma: feedForwardNorm, epsilon: c.normEpsilon)
        update = down(tape.gated(gate(normed, on: tape), up(normed, on: tape), by: .silu), on: tape)
        if let adapter { update = adapter.output(of: update, after: .feedForward, on: tape) }
        return tape.add(attended, update)
    }
}

private final class LlamaModel: Backbone {
    let architecture: Architecture
    let linearLayers: [LinearLayer]
    let weights: [Weight]
    let unusedWeights: [String]
    let outputMatrix: Weight?
    let hooks = BackboneHooks()
    private let configuration: LlamaConfiguration
    private let words: Weight
    private let blocks: [LlamaBlock]
    private let finalNorm: Weight
    private let rotary: RotaryTables

    init(_ architecture: Architecture, _ c: LlamaConfiguration, _ source: any TensorSource) throws {
        self.architecture = architecture
        configuration = c
        rotary = RotaryTables(c.rotary)
        let weights = BackboneWeights(source, prefix: architecture.prefix)
        words = try weights.table("embed_tokens", c.vocabularySize, c.hiddenSize)
        blocks = try (0..<c.layers).map { try LlamaBlock(weights, c, layer: $0) }
        finalNorm = try weights.vector("norm.weight", c.hiddenSize)
        linearLayers = blocks.flatMap(\.linearLayers)
        let output = "lm_head"
        let hasOutput = weights.cursor.contains(output + ".weight")
        // Where both are in the file and differ, transformers ties nothing, whatever the config says. A checkpoint of the
        // backbone alone has none; transformers would draw one at random.
        let isTied =
            c.tiesEmbeddings
            && (!hasOutput || weights.cursor.areSame(output + ".weight", "embed_tokens.weight"))
        outputMatrix =
            isTied
            ? words : hasOutput ? try weights.table(output, c.vocabularySize, c.hiddenSize) : nil
        self.weights = weights.weights
        unusedWeights = weights.cursor.unusedNames {
            $0.hasSuffix("rotary_emb.inv_freq") || (isTied && $0 == output + ".weight")
        }
    }

    var sizes: BackboneSizes { configuration.sizes }

    func hiddenStates(
        _ batch: PackedBatch, rows: HiddenRows, recomputing: Bool, on tape: Tape,
        observe: ((Int, Variable) -> Void)?
    ) -> Variable {
        let prefix = hooks.input
        let batch = (own: batch, read: prefix.map { batch.prefixed(by: $0.count, id: 0) } ?? batch)
        let offsets = batch.read.offsets
        let positions = batch.read.positions()
        let longest = zip(offsets, offsets.dropFirst()).reduce(0) { max($0, $1.1 - $1.0) }
        let table = rotary.table(longest: longest)
        var hidden = tape.embedding([(words, batch.own.ids)])
        if let prefix { hidden = hooks.prefixed(hidden, prefix, offsets: batch.own.offsets, on: tape) }
        observe?(0, hidden)
        for (index, block) in blocks.enumerated() {
            let isLast = index == blocks.count - 1
            let isTrainable = hidden.needsGradient || block.isTrainable || hooks.act(inLayer: index)
            func run(_ hidden: Variable, on tape: Tape) -> Variable {
                block(
                    hidden, offsets: offsets, positions: positions, table: table, layer: index, hooks,
                    configuration, on: tape)
            }
            hidden =
                recomputing && !isLast && isTrainable
                ? tape.recomputed(hidden) { run($1, on: $0) } : run(hidden, on: tape)
            if !isLast { observe?(index + 1, hidden) }
        }
        hidden = tape.rmsNorm(hidden, gamma: finalNorm, epsilon: configuration.normEpsilon)
        observe?(blocks.count, hidden)
        if let prefix { hidden = tape.withoutPrefix(of: prefix.count, hidden, offsets: batch.own.offsets) }
        return rows == .first ? tape.firstRows(hidden, offsets: batch.own.offsets) : hidden
    }

    func isBuilt(as other: any Backbone) -> Bool {
        (other as? LlamaModel)?.configuration == configuration
    }
}
