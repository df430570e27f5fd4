import Autodiff

extension Architecture {
    /// Granite 3: factors of embeddings, scores, what layers add, and logits.
    package static let granite = Architecture(rmsNormDecoder: "granite", className: "Granite") { config in
        var traits = try DecoderTraits(config)
        traits.bias = try config.biases()
        func factor(_ key: String) throws -> Double { try config.double(key, in: 1e-9...1e9, default: 1) }
        traits.embeddingFactor = Float(try factor("embedding_multiplier"))
        traits.residualFactor = Float(try factor("residual_multiplier"))
        traits.scores.scale = Float(try factor("attention_multiplier"))
        traits.logits = LogitTransform(scale: Float(1 / (try factor("logits_scaling"))))
        traits.rotary = [try RotaryScheme(config, width: traits.headWidth, positions: traits.positions)]
        return traits
    }
}
