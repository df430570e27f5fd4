extension Architecture {
    /// Phi 3, 3.5 and 4 (mini, too): fused matrices, and a part of each head's columns may turn alone.
    package static let phi3 = Architecture(
        rmsNormDecoder: "phi3", className: "Phi3", mark: "layers.0.self_attn.qkv_proj.",
        roles: [.qkv, .attentionOutput, .gateUp, .down]
    ) { config in
        var traits = try DecoderTraits(
            config,
            usual: DecoderDefaults(
                vocabulary: 32_064, hidden: 3_072, intermediate: 8_192, positions: 4_096, epsilon: 1e-5,
                padding: 32_000),
            idle: [
                "resid_pdrop", "embd_pdrop", "original_max_position_embeddings", "full_attn_mod",
                "interpolate_factor",
            ])
        for key in ["attention_bias", "mlp_bias", "lm_head_bias"] where try config.bool(key, default: false) {
            throw config.refusal(key, "transformers' Phi 3 has no biases")
        }
        traits.names = DecoderNames(qkv: "qkv_proj", gateUp: "mlp.gate_up_proj")
        let window = try config.window(usual: nil)
        traits.layers = traits.layers.map { _ in DecoderLayer(window: window) }
        let usual = RotaryScheme.Usual(
            kinds: ["default": "default", "longrope": "longrope", "su": "longrope", "yarn": "longrope"],
            original: 4_096, isPartial: true)
        traits.rotary = [
            try RotaryScheme(config, width: traits.headWidth, positions: traits.positions, usual: usual)
        ]
        return traits
    }
}
