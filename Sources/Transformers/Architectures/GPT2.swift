import Autodiff
import ModelFiles

extension Architecture {
    /// GPT-2 (Radford et al. 2019): learned positions, and matrices that files have as [inputs, outputs].
    package static let gpt2 = Architecture(
        modelTypes: [ModelType(name: "gpt2", className: "GPT2", languageModelClass: "GPT2LMHeadModel")],
        prefix: "transformer.", parts: ["h.", "wte.", "wpe.", "ln_f."], marks: ["h.0.attn.c_attn."],
        roles: [.qkv, .attentionOutput, .intermediate, .output], inputRoles: [.qkv], heads: .lastRow,
        sizes: { try LayerNormConfiguration(gpt2: $0).sizes },
        open: { try LayerNormDecoder($0, LayerNormConfiguration(gpt2: $1), $2) })
}

extension LayerNormConfiguration {
    /// The numbers of a `config.json`; the defaults are those of transformers' GPT2Config, and its names for sizes that
    /// other models share are read too.
    ///
    /// `conv1d_transposed_back`, of models out of GGUF files: matrices are [outputs, inputs] already.
    init(gpt2 config: HFConfig) throws {
        try config.refuseOtherWeights()
        let width = try config.size(["n_embd", "hidden_size"], in: 1...65_536, 768)
        let count = try config.size(["n_layer", "num_hidden_layers"], in: 1...1_000, 12)
        let heads = try config.size(["n_head", "num_attention_heads"], in: 1...1_024, 12)
        try config.check(width: width, heads: heads, at: "n_head")
        let inner =
            config.value("n_inner") == nil ? 4 * width : try config.int("n_inner", in: 1...262_144)
        guard try !config.bool("add_cross_attention", default: false) else {
            throw ModelFileError(
                file: config.path, place: "add_cross_attention",
                problem: "a decoder that reads an encoder's rows is not supported",
                advice: "use a language model of its own")
        }
        // In Float32 the scores are the same in either order.
        _ = try config.bool("reorder_and_upcast_attn", default: false)
        // Dropout of the frozen model is off; the others steer generation and a head for multiple choice. n_ctx is n_positions.
        for key in [
            "resid_pdrop", "embd_pdrop", "attn_pdrop", "summary_type", "summary_use_proj",
            "summary_activation",
            "summary_proj_to_labels", "summary_first_dropout", "n_ctx", "use_cache", "bos_token_id",
            "eos_token_id",
        ] {
            _ = config.value(key)
        }
        self.init(
            names: LayerNormNames(
                words: "wte", positions: "wpe", layer: "h.", attentionNorm: "ln_1", qkv: "attn.c_attn",
                attentionOutput: "attn.c_proj", feedForwardNorm: "ln_2", intermediate: "mlp.c_fc",
                output: "mlp.c_proj", finalNorm: "ln_f", buffers: [".attn.bias", ".attn.masked_bias"]),
            vocabularySize: try config.int("vocab_size", in: 1...10_000_000, default: 50_257),
            hiddenSize: width, layers: count, heads: heads, intermediateSize: inner,
            positions: try config.size(
                ["n_positions", "max_position_embeddings"], in: 1...10_000_000, 1_024),
            normEpsilon: Float(try config.double("layer_norm_epsilon", in: 1e-20...0.1, default: 1e-5)),
            activation: try GELUForm(config, "activation_function", usual: "gelu_new"),
            tiesEmbeddings: try config.bool("tie_word_embeddings", default: true), isConv1D: true,
            isStoredTransposed: try !config.bool("conv1d_transposed_back", default: false),
            scoreFactors: try Self.scoreFactors(config, layers: count, headWidth: width / heads),
            padding: try config.paddingToken())
    }

    /// nil where scores are divided by √D as ever.
    private static func scoreFactors(_ config: HFConfig, layers: Int, headWidth: Int) throws -> [Double]? {
        let isScaled = try config.bool("scale_attn_weights", default: true)
        let isByLayer = try config.bool("scale_attn_by_inverse_layer_idx", default: false)
        if isScaled && !isByLayer { return nil }
        let factor = isScaled ? 1 / Double(headWidth).squareRoot() : 1
        return (0..<layers).map { isByLayer ? factor / Double($0 + 1) : factor }
    }
}
