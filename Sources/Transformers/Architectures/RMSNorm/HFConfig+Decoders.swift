import ModelFiles

/// What several decoders' `config.json` say in the same way.
extension HFConfig {
    func refusal(
        _ key: String, _ problem: String,
        _ advice: String = "use the config.json that was saved with the weights"
    ) -> ModelFileError {
        ModelFileError(file: path, place: key, problem: problem, advice: advice)
    }

    /// `attention_bias`, of all four matrices, and `mlp_bias`.
    func biases() throws -> DecoderTraits.Biases {
        let attention = try bool("attention_bias", default: false)
        return DecoderTraits.Biases(
            inputs: attention, attentionOutput: attention,
            feedForward: try bool("mlp_bias", default: false))
    }

    /// `sliding_window`; null is none.
    func window(usual: Int?) throws -> Int? {
        if has("sliding_window") && value("sliding_window") == nil { return nil }
        guard let usual else {
            return value("sliding_window") == nil
                ? nil : try int("sliding_window", in: 1...1_000_000_000)
        }
        return try int("sliding_window", in: 1...1_000_000_000, default: usual)
    }

    /// `layer_types`: for each layer whether its attention has a window; nil where the file does not say.
    func windowedLayers(_ count: Int) throws -> [Bool]? {
        guard let types = try strings("layer_types") else { return nil }
        guard types.count == count else {
            throw refusal("layer_types", "\(types.count) types of \(count) layers")
        }
        return try types.map { type in
            switch type {
            case "full_attention": return false
            case "sliding_attention": return true
            default: throw otherLayer(type)
            }
        }
    }

    private func otherLayer(_ type: String) -> ModelFileError {
        refusal(
            "layer_types", "layers of type \"\(type)\" are not supported",
            "use a model whose layers are all of attention: full_attention or sliding_attention")
    }

    /// The layers whose attention has the window, by `layer_types` or as the model usually has it.
    func layers(_ count: Int, window: Int?, usual: (Int) -> Bool) throws -> [DecoderLayer] {
        let windowed = try windowedLayers(count) ?? (0..<count).map { window != nil && usual($0) }
        if window == nil && windowed.contains(true) {
            throw refusal("layer_types", "layers of sliding_attention, and no sliding_window that counts")
        }
        return windowed.map { DecoderLayer(window: $0 ? window : nil) }
    }
}
