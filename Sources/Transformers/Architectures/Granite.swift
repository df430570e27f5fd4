import Autodiff
import ModelFiles

extension Architecture {
    /// Granite 3: factors of embeddings, scores, what layers add, and logits.
    package static let granite = Architecture(
        rmsNormDecoder: "granite", className: "Granite", heads: nil
    ) { config in
        var traits = try DecoderTraits(granite: config)
        traits.bias = try config.biases()
        return traits
    }
}

extension DecoderTraits {
    /// What Granite's generations share.
    init(granite config: HFConfig, usual: DecoderDefaults = DecoderDefaults(), idle: [String] = []) throws {
        try self.init(config, usual: usual, idle: idle)
        func factor(_ key: String) throws -> Double { try config.double(key, in: 1e-9...1e9, default: 1) }
        embeddingFactor = Float(try factor("embedding_multiplier"))
        scalesPrefix = true
        residualFactor = Float(try factor("residual_multiplier"))
        scores.scale = Float(try factor("attention_multiplier"))
        logits = LogitTransform(scale: Float(1 / (try factor("logits_scaling"))))
        rotary = [try RotaryScheme(config, width: headWidth, positions: positions)]
    }
}
