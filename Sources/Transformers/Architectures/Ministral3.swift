import ModelFiles

extension Architecture {
    /// The text model of Ministral 3: Mistral with stretched positions, and queries that grow with theirs.
    package static let ministral3 = Architecture(rmsNormDecoder: "ministral3", className: "Ministral3") {
        config in
        var traits = try DecoderTraits(
            config,
            usual: DecoderDefaults(
                vocabulary: 131_072, layers: 34, keyValueHeads: 8, headWidth: 128, intermediate: 14_336,
                positions: 262_144, epsilon: 1e-5, padding: 11))
        let window = try config.window(usual: nil)
        traits.layers = traits.layers.map { _ in DecoderLayer(window: window) }
        traits.queryGrowth = try QueryGrowth(config)
        let usual = RotaryScheme.Usual(others: ["llama_4_scaling_beta", "max_position_embeddings"])
        traits.rotary = [
            try RotaryScheme(config, width: traits.headWidth, positions: traits.positions, usual: usual)
        ]
        return traits
    }
}

extension QueryGrowth {
    fileprivate init(_ config: HFConfig) throws {
        let settings = config.value("rope_parameters")
        func fault(_ member: String) -> ModelFileError {
            config.refusal("rope_parameters.\(member)", "missing, or not a positive number")
        }
        guard let beta = settings?["llama_4_scaling_beta"]?.double, (0...1e3).contains(beta) else {
            throw fault("llama_4_scaling_beta")
        }
        guard let length = settings?["original_max_position_embeddings"]?.int,
            (1...1_000_000_000).contains(length)
        else { throw fault("original_max_position_embeddings") }
        (self.beta, self.length) = (beta, length)
    }
}
