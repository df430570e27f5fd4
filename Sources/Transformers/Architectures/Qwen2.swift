import ModelFiles

extension Architecture {
    /// Qwen 2 and 2.5: biases on queries, keys and values, and in some files a window on the upper layers.
    package static let qwen2 = Architecture(rmsNormDecoder: "qwen2", className: "Qwen2") { config in
        var traits = try DecoderTraits(
            config,
            usual: DecoderDefaults(
                vocabulary: 151_936, keyValueHeads: 32, intermediate: 22_016, positions: 32_768))
        traits.bias.inputs = true
        traits.layers = try config.qwenLayers(traits.layers.count)
        traits.rotary = [try RotaryScheme(config, width: traits.headWidth, positions: traits.positions)]
        return traits
    }
}

extension HFConfig {
    /// `sliding_window` counts with `use_sliding_window` alone, from layer `max_window_layers` on unless `layer_types` says.
    func qwenLayers(_ count: Int) throws -> [DecoderLayer] {
        let window = try window(usual: 4_096)
        let first = try int("max_window_layers", in: 0...1_000_000, default: 28)
        let isUsed = try bool("use_sliding_window", default: false)
        return try layers(count, window: isUsed ? window : nil) { $0 >= first }
    }
}
