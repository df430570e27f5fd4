extension Architecture {
    /// OLMo 3: OLMo 2 with a window on three layers of four, whose positions are never stretched.
    package static let olmo3 = Architecture(
        rmsNormDecoder: "olmo3", className: "Olmo3", mark: "layers.0.post_feedforward_layernorm."
    ) { config in
        var traits = try DecoderTraits(olmo: config)
        traits.layers = try config.layers(traits.layers.count, window: config.window(usual: 4_096)) {
            ($0 + 1) % 4 != 0
        }
        for (index, layer) in traits.layers.enumerated() where layer.window != nil {
            traits.layers[index].rotary = 1
        }
        let base = 500_000.0
        // transformers 5.24 gives an older file's base to layers without a window alone.
        guard try config.double("rope_theta", in: 1e-3...1e12, default: base) == base else {
            throw config.refusal(
                "rope_theta", "transformers takes another base than \(Int(base)) for a part of the layers",
                "write the base of both types of layers in rope_parameters")
        }
        traits.rotary = try ["full_attention", "sliding_attention"].map {
            try RotaryScheme(
                config, width: traits.headWidth, positions: traits.positions,
                usual: RotaryScheme.Usual(base: base, layerType: $0))
        }
        return traits
    }
}
