extension Architecture {
    /// SmolLM 3: every fourth layer knows no positions (Yang et al. 2025, "RoPE to NoPE and Back Again").
    package static let smolLM3 = Architecture(rmsNormDecoder: "smollm3", className: "SmolLM3") { config in
        var traits = try DecoderTraits(
            config,
            usual: DecoderDefaults(
                vocabulary: 128_256, hidden: 2_048, layers: 36, heads: 16, keyValueHeads: 4,
                positions: 32_768, tiesEmbeddings: true, padding: 128_004),
            idle: ["pretraining_tp", "max_window_layers"])
        traits.bias = try config.biases()
        let count = traits.layers.count
        let interval = try config.int("no_rope_layer_interval", in: 1...1_000_000, default: 4)
        var turns = (1...count).map { $0 % interval != 0 }
        if let value = config.value("no_rope_layers") {
            // 0 where a layer knows no positions, whatever the name says.
            let flags = (value.array ?? []).compactMap(\.int).filter { $0 == 0 || $0 == 1 }
            guard flags.count == count, value.array?.count == count else {
                throw config.refusal("no_rope_layers", "not \(count) numbers, 0 or 1, one a layer")
            }
            turns = flags.map { $0 == 1 }
        }
        let isUsed = try config.bool("use_sliding_window", default: false)
        let window = try config.window(usual: nil)
        traits.layers = try config.layers(count, window: isUsed ? window : nil) { !turns[$0] }
        for layer in 0..<count where !turns[layer] { traits.layers[layer].rotary = nil }
        traits.rotary = [
            try RotaryScheme(
                config, width: traits.headWidth, positions: traits.positions,
                usual: RotaryScheme.Usual(base: 2_000_000))
        ]
        return traits
    }
}
