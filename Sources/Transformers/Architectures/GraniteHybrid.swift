import ModelFiles

extension Architecture {
    /// Granite 4 without state spaces and experts: Granite 3 whose gates and what they let through are one matrix.
    package static let graniteHybrid = Architecture(
        rmsNormDecoder: "granitemoehybrid", className: "GraniteMoeHybrid",
        mark: "layers.0.shared_mlp.input_linear.",
        roles: [.query, .key, .value, .attentionOutput, .gateUp, .down], heads: nil
    ) { config in
        var usual = DecoderDefaults()
        (usual.intermediateKey, usual.intermediate) = ("shared_intermediate_size", 1_024)
        var traits = try DecoderTraits(
            granite: config, usual: usual,
            idle: [
                "intermediate_size", "num_experts_per_tok", "output_router_logits", "router_aux_loss_coef",
                "time_step_limit", "mamba_n_heads", "mamba_n_groups", "mamba_d_state", "mamba_d_head",
                "mamba_d_conv", "mamba_expand", "mamba_chunk_size", "mamba_conv_bias", "mamba_proj_bias",
                "init_method",
            ])
        let bias = try config.bool("attention_bias", default: false)
        traits.bias = DecoderTraits.Biases(inputs: bias, attentionOutput: bias)
        traits.names = DecoderNames(
            gateUp: "shared_mlp.input_linear", down: "shared_mlp.output_linear")
        let experts = try config.int("num_local_experts", in: 0...100_000, default: 8)
        guard experts == 0 else {
            throw config.refusal(
                "num_local_experts", "layers that mix experts are not supported", "use a model without")
        }
        _ = try config.string("normalization_function", oneOf: ["rmsnorm"], default: "rmsnorm")
        try config.refuseStateSpaces(traits.layers.count)
        // Any other value is none.
        let hasPositions = config.value("position_embedding_type")?.string == "rope"
        if !hasPositions { traits.layers = traits.layers.map { _ in DecoderLayer(rotary: nil) } }
        return traits
    }
}

extension HFConfig {
    /// Throws unless all layers are of attention, by the key of today or the older one.
    fileprivate func refuseStateSpaces(_ count: Int) throws {
        let key = ["layer_types", "layers_block_type"].first { value($0) != nil } ?? "layer_types"
        let types = try strings(key) ?? []
        guard types.count == count, types.allSatisfy({ ["attention", "full_attention"].contains($0) })
        else {
            throw refusal(
                key, "not \(count) layers of attention; those of state spaces are not supported",
                "use a model whose layers are all of attention")
        }
    }
}
