import Autodiff
import ModelFiles

extension Architecture {
    /// GPT-NeoX and Pythia (Black et al. 2022; Biderman et al. 2023): rotary positions on a part of each head.
    package static let gptNeoX = Architecture(
        modelTypes: [ModelType(name: "gpt_neox", className: "GPTNeoX")], prefix: "gpt_neox.",
        parts: ["layers.", "embed_in.", "final_layer_norm."],
        marks: ["layers.0.attention.query_key_value."],
        roles: [.qkv, .attentionOutput, .intermediate, .output], inputRoles: [.qkv], heads: .lastRow,
        vocabularyOutput: "embed_out", sizes: { try LayerNormConfiguration(gptNeoX: $0).sizes },
        open: { try LayerNormDecoder($0, LayerNormConfiguration(gptNeoX: $1), $2) })
}

extension LayerNormConfiguration {
    /// The numbers of a `config.json`; the defaults are those of transformers' GPTNeoXConfig.
    ///
    /// `qkv_grouped`, of models out of GGUF files: rows of the fused matrix are [query; key; value].
    init(gptNeoX config: HFConfig) throws {
        try config.refuseOtherWeights()
        let width = try config.int("hidden_size", in: 1...65_536, default: 6_144)
        let heads = try config.int("num_attention_heads", in: 1...1_024, default: 64)
        try config.check(width: width, heads: heads, at: "num_attention_heads")
        let positions = try config.int("max_position_embeddings", in: 1...10_000_000, default: 2_048)
        // Dropout of the frozen model is off; the others steer generation and training.
        for key in [
            "attention_dropout", "hidden_dropout", "classifier_dropout", "use_cache", "bos_token_id",
            "eos_token_id", "is_decoder",
        ] {
            _ = config.value(key)
        }
        self.init(
            names: LayerNormNames(
                words: "embed_in", layer: "layers.", attentionNorm: "input_layernorm",
                qkv: "attention.query_key_value", attentionOutput: "attention.dense",
                feedForwardNorm: "post_attention_layernorm", intermediate: "mlp.dense_h_to_4h",
                output: "mlp.dense_4h_to_h", finalNorm: "final_layer_norm",
                buffers: [".attention.bias", ".attention.masked_bias", ".rotary_emb.inv_freq"]),
            vocabularySize: try config.int("vocab_size", in: 1...10_000_000, default: 50_432),
            hiddenSize: width, layers: try config.int("num_hidden_layers", in: 1...1_000, default: 44),
            heads: heads,
            intermediateSize: try config.int("intermediate_size", in: 1...262_144, default: 24_576),
            positions: positions,
            normEpsilon: Float(try config.double("layer_norm_eps", in: 1e-20...0.1, default: 1e-5)),
            activation: try GELUForm(config, "hidden_act", usual: "gelu"),
            hasAttentionBias: try config.bool("attention_bias", default: true),
            isParallel: try config.bool("use_parallel_residual", default: true),
            tiesEmbeddings: try config.bool("tie_word_embeddings", default: false),
            isFusedByHead: try !config.bool("qkv_grouped", default: false),
            rotary: try RotaryScheme(
                config, width: width / heads, positions: positions,
                usual: RotaryScheme.Usual(
                    baseKey: "rotary_emb_base", isPartial: true, shareKey: "rotary_pct", share: 0.25)),
            padding: try config.paddingToken())
    }
}
