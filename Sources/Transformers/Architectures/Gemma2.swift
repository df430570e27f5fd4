import Autodiff
import ModelFiles

extension Architecture {
    /// Gemma 2: norms around each part, caps on scores and logits, a window on every other layer.
    package static let gemma2 = Architecture(
        rmsNormDecoder: "gemma2", className: "Gemma2", mark: "layers.0.pre_feedforward_layernorm."
    ) { config in
        var traits = try DecoderTraits(
            gemma: config,
            usual: DecoderDefaults(
                vocabulary: 256_000, hidden: 2_304, layers: 26, heads: 8, keyValueHeads: 4, headWidth: 256,
                intermediate: 9_216, positions: 8_192))
        traits.scores.softCap = try config.cap("attn_logit_softcapping", usual: 50)
        traits.logits = LogitTransform(softCap: try config.cap("final_logit_softcapping", usual: 30))
        traits.layers = try config.layers(traits.layers.count, window: config.window(usual: 4_096)) {
            $0 % 2 == 0
        }
        traits.rotary = [try RotaryScheme(config, width: traits.headWidth, positions: traits.positions)]
        return traits
    }
}

extension DecoderTraits {
    /// What Gemma 2 and 3 share. Embeddings are multiplied by √C in Float32, whatever the weights' format: transformers rounds
    /// the factor to it.
    init(gemma config: HFConfig, usual: DecoderDefaults) throws {
        var usual = usual
        (usual.tiesEmbeddings, usual.activationKey, usual.padding) = (true, "hidden_activation", 0)
        usual.activation = "gelu_pytorch_tanh"
        // The older key of the activation is read by nobody.
        try self.init(config, usual: usual, idle: ["hidden_act", "cache_implementation"])
        if try config.bool("use_bidirectional_attention", default: false) {
            throw config.refusal(
                "use_bidirectional_attention", "attention that sees what follows is not supported",
                "use a model that writes text")
        }
        let bias = try config.bool("attention_bias", default: false)
        self.bias = Biases(inputs: bias, attentionOutput: bias)
        norms = .around
        normOffset = try config.bool("norm_includes_one", default: false) ? 0 : 1
        embeddingFactor = Float(hiddenSize).squareRoot()
        let width = try config.double("query_pre_attn_scalar", in: 1e-6...1e9, default: 256)
        scores.scale = Float(1 / width.squareRoot())
    }
}

extension HFConfig {
    /// A cap of scores or logits; null is none.
    func cap(_ key: String, usual: Double?) throws -> Float? {
        if has(key) && value(key) == nil { return nil }
        guard let usual else { return value(key) == nil ? nil : Float(try double(key, in: 1e-3...1e9)) }
        return Float(try double(key, in: 1e-3...1e9, default: usual))
    }
}
