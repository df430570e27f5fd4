extension Architecture {
    /// Llama 2 and 3, SmolLM2, TinyLlama.
    package static let llama = Architecture(rmsNormDecoder: "llama", className: "Llama") { config in
        var traits = try DecoderTraits(config, idle: ["pretraining_tp"])
        traits.bias = try config.biases()
        traits.rotary = [try RotaryScheme(config, width: traits.headWidth, positions: traits.positions)]
        return traits
    }
}
