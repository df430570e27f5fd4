import ModelFiles

extension PairTraits {
    static let siglip: PairTraits = {
        var patches = PatchTraits(
            names: .tower("vision_model", finalNorm: "post_layernorm"), usualPatch: 16, usualEpsilon: 1e-6)
        patches.hasClassRow = false
        patches.isFlat = true
        let usual = UsualTower(width: 768, inner: 3_072, heads: 12)
        return PairTraits(
            usualText: usual, usualVision: usual, usualVocabulary: 32_000, usualPositions: 64,
            usualPatch: 16, usualActivation: "gelu_pytorch_tanh", usualEpsilon: 1e-6, isCausal: false,
            loss: .sigmoid, textNames: .tower("text_model", finalNorm: "final_layer_norm"),
            patches: patches, firstNorm: nil, pool: "vision_model.head", textProjection: "text_model.head",
            visionProjection: nil, hasProjectionBias: true, logitScale: ("logit_scale", [1]),
            logitBias: ("logit_bias", [1]), columns: { try siglipColumns($1, $2) },
            towerTypes: ("siglip_text_model", "siglip_vision_model"),
            idleKeys: ["initializer_factor", "tie_word_embeddings"],
            idleTowerKeys: [
                "initializer_factor", "is_decoder", "add_cross_attention", "tie_word_embeddings",
                "tokenizer_class",
            ])
    }()

    private static func siglipColumns(_ text: HFConfig, _ widths: (text: Int, vision: Int)) throws -> Int {
        let columns = try text.int("projection_size", in: 1...65_536, default: widths.text)
        guard columns == widths.vision else {
            throw ModelFileError(
                file: text.path, place: text.named("projection_size"),
                problem:
                    "rows of \(columns) columns have no product with those of the vision tower, of \(widths.vision)",
                advice: "use the config.json that was saved with the weights")
        }
        return columns
    }
}

extension Architecture {
    /// SigLIP (Zhai et al. 2023), and those checkpoints of SigLIP 2 (Tschannen et al. 2025) that take images of one size.
    package static let siglip = Architecture(
        pair: .siglip, modelTypes: [ModelType(name: "siglip", className: "Siglip")],
        parts: ["vision_model.head.", "text_model.head.", "logit_bias"], initial: siglipStarts)

    /// As transformers' `_init_weights` of these models.
    private static func siglipStarts(_ config: HFConfig) throws
        -> @Sendable (_ name: String) ->
        InitialTensors.Start
    {
        let c = try PairConfiguration(config, .siglip)
        return { name in
            if name == "logit_scale" || name == "logit_bias" { return .constant(0) }
            if name.hasSuffix("_bias") || name.hasSuffix(".bias") {
                return name.contains(".mlp.") ? .normal(1e-6) : .constant(0)
            }
            if name.contains("norm") { return .constant(1) }
            let width = Double((name.hasPrefix("text_") ? c.text : c.vision.shape).width)
            if name.hasSuffix(".probe") { return .uniform((3 / width).squareRoot()) }
            if name.contains("token_embedding") || name.contains("position_embedding") {
                return .normal(1 / width.squareRoot())
            }
            let isXavier = [".self_attn.", ".mlp.", ".in_proj_weight"].contains(where: name.contains)
            return isXavier ? .xavierUniform : .lecunNormal
        }
    }
}
