import ModelFiles

extension Architecture {
    /// OLMo 2: norms on what each part adds and none before it, and of all heads' queries and keys together.
    package static let olmo2 = Architecture(
        rmsNormDecoder: "olmo2", className: "Olmo2", mark: "layers.0.post_feedforward_layernorm."
    ) { config in
        var traits = try DecoderTraits(olmo: config)
        traits.rotary = [try RotaryScheme(config, width: traits.headWidth, positions: traits.positions)]
        return traits
    }
}

extension DecoderTraits {
    /// What OLMo 2 and 3 share.
    init(olmo config: HFConfig) throws {
        try self.init(config, usual: DecoderDefaults(vocabulary: 50_304, epsilon: 1e-5, padding: 1))
        let bias = try config.bool("attention_bias", default: false)
        self.bias = Biases(inputs: bias, attentionOutput: bias)
        norms = .after
        queryKeyNorm = .whole
    }
}
