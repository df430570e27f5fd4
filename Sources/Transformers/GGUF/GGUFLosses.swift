import Autodiff
import Foundation

/// What a model's GGUF computes otherwise than the folder that it was made of.
package struct GGUFLosses: Sendable, Equatable {
    /// The longest context that both read alike, where llama.cpp knows no window of the model's layers.
    package private(set) var window: Int?
    /// What the file cannot say, by transformers' names.
    package private(set) var others: [String] = []

    /// - Parameters:
    ///   - own: of the folder
    ///   - written: of the file, opened as llama.cpp reads it.
    package init(_ own: any Backbone, _ written: any Backbone) {
        if let own = own as? RMSNormDecoder, let written = written as? RMSNormDecoder {
            compare(own.traits, written.traits)
        } else if let own = own as? LayerNormDecoder, let written = written as? LayerNormDecoder {
            compare(own.configuration, written.configuration)
        } else if let own = own as? PostNormEncoder, let written = written as? PostNormEncoder {
            compare(own.configuration, written.configuration)
        } else {
            others = ["model_type"]
        }
    }

    private mutating func compare(_ own: DecoderTraits, _ written: DecoderTraits) {
        func check(_ isSame: Bool, _ name: String) { if !isSame { others.append(name) } }
        check(own.sizes == written.sizes, "sizes")
        check(own.heads == written.heads && own.keyValueHeads == written.keyValueHeads, "num_attention_heads")
        check(own.headWidth == written.headWidth, "head_dim")
        check(own.intermediateSize == written.intermediateSize, "intermediate_size")
        check(own.activation == written.activation, "hidden_act")
        check(own.bias == written.bias, "attention_bias")
        check(own.norms == written.norms && own.queryKeyNorm == written.queryKeyNorm, "norms")
        check(Self.near(own.normEpsilon, written.normEpsilon), "rms_norm_eps")
        check(Self.near(own.scores.scale, written.scores.scale), "the scale of scores")
        check(Self.near(own.scores.softCap, written.scores.softCap), "attn_logit_softcapping")
        check(Self.near(own.embeddingFactor, written.embeddingFactor), "embedding_multiplier")
        check(Self.near(own.residualFactor, written.residualFactor), "residual_multiplier")
        check(Self.near(own.logits.scale, written.logits.scale), "logits_scaling")
        check(Self.near(own.logits.softCap, written.logits.softCap), "final_logit_softcapping")
        check(
            own.queryGrowth?.length == written.queryGrowth?.length
                && Self.near(
                    (own.queryGrowth?.beta).map(Float.init), (written.queryGrowth?.beta).map(Float.init)),
            "llama_4_scaling_beta")
        for (mine, its) in zip(own.layers, written.layers) {
            if mine.window != its.window {
                guard its.window == nil, let width = mine.window else {
                    check(others.contains("layer_types"), "layer_types")
                    continue
                }
                window = min(window ?? width, width)
            }
            let schemes = (mine.rotary.map { own.rotary[$0] }, its.rotary.map { written.rotary[$0] })
            let turnsAlike =
                switch schemes {
                case (nil, nil): true
                case (let mine?, let its?): mine.turns(as: its)
                default: false
                }
            check(turnsAlike || others.contains("rope_parameters"), "rope_parameters")
        }
    }

    private mutating func compare(_ own: LayerNormConfiguration, _ written: LayerNormConfiguration) {
        func check(_ isSame: Bool, _ name: String) { if !isSame { others.append(name) } }
        check(own.sizes == written.sizes && own.heads == written.heads, "sizes")
        check(own.intermediateSize == written.intermediateSize, "n_inner")
        check(own.activation == written.activation, "activation_function")
        check(own.hasAttentionBias == written.hasAttentionBias, "attention_bias")
        check(own.isParallel == written.isParallel, "use_parallel_residual")
        check(Self.near(own.normEpsilon, written.normEpsilon), "layer_norm_epsilon")
        check(own.scoreFactors == written.scoreFactors, "scale_attn_weights")
        let turnsAlike =
            switch (own.rotary, written.rotary) {
            case (nil, nil): true
            case (let mine?, let its?): mine.turns(as: its)
            default: false
            }
        check(turnsAlike, "rotary positions")
    }

    private mutating func compare(_ own: EncoderConfiguration, _ written: EncoderConfiguration) {
        func check(_ isSame: Bool, _ name: String) { if !isSame { others.append(name) } }
        check(own.sizes == written.sizes && own.heads == written.heads, "sizes")
        check(own.embeddingSize == written.embeddingSize, "embedding_size")
        check(own.intermediateSize == written.intermediateSize, "intermediate_size")
        check(own.activation == written.activation, "hidden_act")
        check(own.embedsPositions && own.relative == nil, "relative positions")
        check(Self.near(own.layerNormEpsilon, written.layerNormEpsilon), "layer_norm_eps")
    }

    /// Files hold Float32; a factor whose inverse they hold is rounded twice.
    private static func near(_ a: Float?, _ b: Float?) -> Bool {
        guard let a, let b else { return a == nil && b == nil }
        return abs(a - b) <= 1e-6 * max(abs(a), abs(b))
    }
}
