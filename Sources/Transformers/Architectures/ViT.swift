import ModelFiles

extension PatchTraits {
    static let vit = PatchTraits(idleKeys: ["encoder_stride", "pooler_act", "pooler_output_size"])

    static let deit: PatchTraits = {
        var traits = PatchTraits.vit
        traits.hasDistillation = true
        traits.startsAtZero = true
        return traits
    }()
}

extension ModuleSpelling {
    /// `encoder.layer.0.attention.attention.query` of the files of ViT and its kin is `layers.0.attention.q_proj`.
    static let vit = ModuleSpelling(
        parts: [
            ("encoder.layer.", "layers."), ("attention.attention.query", "attention.q_proj"),
            ("attention.attention.key", "attention.k_proj"),
            ("attention.attention.value", "attention.v_proj"),
            ("attention.output.dense", "attention.o_proj"), ("intermediate.dense", "mlp.fc1"),
            ("output.dense", "mlp.fc2"),
        ])
}

extension Architecture {
    /// ViT (Dosovitskiy et al. 2021).
    package static let vit = Architecture(
        patches: .vit, spelling: .vit, modelTypes: [ModelType(name: "vit", className: "ViT")], prefix: "vit.",
        heads: Heads(classifier: .firstRow))
}
