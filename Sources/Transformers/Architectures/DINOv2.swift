import ModelFiles

extension PatchTraits {
    static let dinov2: PatchTraits = {
        var traits = PatchTraits(
            names: PatchNames(
                layer: { "encoder.layer.\($0)" }, attentionNorm: "norm1", feedForwardNorm: "norm2"),
            usualPatch: 14, usualEpsilon: 1e-6,
            // Where feature maps are cut out, how much of the training was dropped, where layer scales began.
            idleKeys: [
                "apply_layernorm", "reshape_hidden_states", "out_features", "out_indices", "_out_features",
                "_out_indices", "stage_names", "drop_path_rate", "layerscale_value", "use_mask_token",
            ])
        traits.keepsMask = true
        traits.hasLayerScale = true
        traits.isByRatio = true
        return traits
    }()

    static let dinov2WithRegisters: PatchTraits = {
        var traits = PatchTraits.dinov2
        traits.usualPatch = 16
        traits.antialiases = true
        traits.registers = { try $0.int("num_register_tokens", in: 0...1_024, default: 4) }
        return traits
    }()
}

extension ModuleSpelling {
    static let dinov2 = ModuleSpelling(
        parts: [
            ("attention.attention.query", "attention.q_proj"),
            ("attention.attention.key", "attention.k_proj"),
            ("attention.attention.value", "attention.v_proj"), ("attention.output.dense", "attention.o_proj"),
        ], readParts: [("mlp.weights_out", "mlp.down_proj")],
        fused: [("mlp.weights_in", ["mlp.gate_proj", "mlp.up_proj"])])
}

extension Architecture {
    /// DINOv2 (Oquab et al. 2024).
    package static let dinov2 = Architecture(
        patches: .dinov2, spelling: .dinov2, modelTypes: [ModelType(name: "dinov2", className: "Dinov2")],
        prefix: "dinov2.", heads: Heads(classifier: .firstAndMean))

    /// The same with registers (Darcet et al. 2024).
    package static let dinov2WithRegisters = Architecture(
        patches: .dinov2WithRegisters, spelling: .dinov2,
        modelTypes: [ModelType(name: "dinov2_with_registers", className: "Dinov2WithRegisters")],
        prefix: "dinov2_with_registers.", heads: Heads(classifier: .firstAndMean))
}
