import ModelFiles

extension PairTraits {
    static let clip: PairTraits = {
        var patches = PatchTraits(
            names: .tower("vision_model", finalNorm: "post_layernorm"), usualPatch: 32, usualEpsilon: 1e-5)
        patches.hasPatchBias = false
        patches.isFlat = true
        return PairTraits(
            usualText: UsualTower(width: 512, inner: 2_048, heads: 8),
            usualVision: UsualTower(width: 768, inner: 3_072, heads: 12), usualVocabulary: 49_408,
            usualPositions: 77, usualPatch: 32, usualActivation: "quick_gelu", usualEpsilon: 1e-5,
            isCausal: true, loss: .softmax,
            textNames: .tower("text_model", finalNorm: "final_layer_norm"), patches: patches,
            firstNorm: "vision_model.pre_layrnorm", pool: nil, textProjection: "text_projection",
            visionProjection: "visual_projection", hasProjectionBias: false,
            logitScale: ("logit_scale", []), logitBias: nil,
            columns: { config, _, _ in try config.int("projection_dim", in: 1...65_536, default: 512) },
            hasEarlierForm: true, towerTypes: ("clip_text_model", "clip_vision_model"),
            idleKeys: ["initializer_factor", "logit_scale_init_value", "tie_word_embeddings"],
            // Each tower's `projection_dim` is read by transformers' classes of that tower alone.
            idleTowerKeys: [
                "projection_dim", "initializer_factor", "pad_token_id", "dropout", "is_decoder",
                "add_cross_attention", "tie_word_embeddings", "tokenizer_class",
            ])
    }()
}

extension Architecture {
    /// CLIP (Radford et al. 2021).
    package static let clip = Architecture(
        pair: .clip, modelTypes: [ModelType(name: "clip", className: "CLIP")],
        parts: ["text_projection.", "visual_projection."], initial: clipStarts)

    /// As transformers' `_init_weights` of these models.
    private static func clipStarts(_ config: HFConfig) throws
        -> @Sendable (_ name: String) ->
        InitialTensors.Start
    {
        let c = try PairConfiguration(config, .clip)
        let (text, vision) = (
            try PairConfiguration.tower(config, "text_config", .clip),
            try PairConfiguration.tower(config, "vision_config", .clip)
        )
        func factor(_ config: HFConfig) throws -> Double {
            try config.double("initializer_factor", in: 0...1_000, default: 1)
        }
        let factors = (model: try factor(config), text: try factor(text), vision: try factor(vision))
        let range = try vision.double("initializer_range", in: 0...10, default: 0.02)
        let scale = try config.double("logit_scale_init_value", in: -100...100, default: 2.6592)
        return { name in
            if name == "logit_scale" { return .constant(Float(scale)) }
            if name.hasSuffix(".bias") { return .constant(0) }
            if name.contains("norm") { return .constant(1) }
            let isText = name.hasPrefix("text_")
            let shape = isText ? c.text : c.vision.shape
            let inverse = 1 / Double(shape.width).squareRoot()
            let factor = isText ? factors.text : factors.vision
            switch name.split(separator: ".").dropLast().last {
            case "text_projection", "visual_projection": return .normal(inverse * factors.model)
            case "q_proj", "k_proj", "v_proj", "fc2":
                return .normal(inverse / Double(2 * shape.layers).squareRoot() * factor)
            case "out_proj": return .normal(inverse * factor)
            case "fc1": return .normal(inverse / 2.0.squareRoot() * factor)
            // `class_embedding` is no module of its own.
            case "embeddings": return .normal(inverse * factor)
            default: return .normal((isText ? 0.02 : range) * factor)
            }
        }
    }
}
