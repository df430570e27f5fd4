import Autodiff

extension Architecture {
    /// The text model of Gemma 3: five layers with a window, whose positions turn faster, then one without.
    package static let gemma3 = Architecture(
        rmsNormDecoder: "gemma3_text", className: "Gemma3Text", mark: "layers.0.self_attn.q_norm.",
        languageModelClass: "Gemma3ForCausalLM"
    ) { config in
        var traits = try DecoderTraits(
            gemma: config,
            usual: DecoderDefaults(
                vocabulary: 262_208, hidden: 2_304, layers: 26, heads: 8, keyValueHeads: 4, headWidth: 256,
                intermediate: 9_216, positions: 131_072))
        traits.queryKeyNorm = .heads
        if try config.cap("attn_logit_softcapping", usual: nil) != nil {
            throw config.refusal(
                "attn_logit_softcapping", "transformers caps no scores in this model",
                "set it to null if the model was trained without")
        }
        traits.logits = LogitTransform(softCap: try config.cap("final_logit_softcapping", usual: nil))
        let pattern = try config.int("sliding_window_pattern", in: 1...1_000, default: 6)
        _ = config.value("_sliding_window_pattern")
        traits.layers = try config.layers(traits.layers.count, window: config.window(usual: 4_096)) {
            ($0 + 1) % pattern != 0
        }
        for (index, layer) in traits.layers.enumerated() where layer.window != nil {
            traits.layers[index].rotary = 1
        }
        let kinds = [
            RotaryScheme.Usual(base: 1_000_000, layerType: "full_attention"),
            RotaryScheme.Usual(
                base: 10_000, baseKey: "rope_local_base_freq", layerType: "sliding_attention"),
        ]
        traits.rotary = try kinds.map {
            try RotaryScheme(config, width: traits.headWidth, positions: traits.positions, usual: $0)
        }
        return traits
    }
}
