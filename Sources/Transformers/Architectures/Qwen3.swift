extension Architecture {
    /// Qwen 3, dense: norms of each head's queries and keys.
    package static let qwen3 = Architecture(
        rmsNormDecoder: "qwen3", className: "Qwen3", mark: "layers.0.self_attn.q_norm."
    ) { config in
        var traits = try DecoderTraits(
            config,
            usual: DecoderDefaults(
                vocabulary: 151_936, keyValueHeads: 32, headWidth: 128, intermediate: 22_016,
                positions: 32_768))
        let bias = try config.bool("attention_bias", default: false)
        traits.bias = DecoderTraits.Biases(inputs: bias, attentionOutput: bias)
        traits.queryKeyNorm = .heads
        traits.layers = try config.qwenLayers(traits.layers.count)
        traits.rotary = [try RotaryScheme(config, width: traits.headWidth, positions: traits.positions)]
        return traits
    }
}
