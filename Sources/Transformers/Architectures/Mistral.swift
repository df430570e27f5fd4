extension Architecture {
    /// Mistral 7B and what follows it: a window on every layer, unless it is null.
    package static let mistral = Architecture(rmsNormDecoder: "mistral", className: "Mistral") { config in
        var traits = try DecoderTraits(
            config,
            usual: DecoderDefaults(keyValueHeads: 8, intermediate: 14_336, positions: 4_096 * 32))
        let window = try config.window(usual: 4_096)
        // transformers does not look at the layers' types here.
        if let windowed = try config.windowedLayers(traits.layers.count),
            windowed.contains(window == nil)
        {
            throw config.refusal(
                "layer_types", "layers of several types are not supported in a model of this type",
                "use the model_type that was saved with the weights")
        }
        traits.layers = traits.layers.map { _ in DecoderLayer(window: window) }
        traits.rotary = [try RotaryScheme(config, width: traits.headWidth, positions: traits.positions)]
        return traits
    }
}
