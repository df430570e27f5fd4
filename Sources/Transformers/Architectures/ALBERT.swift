import ModelFiles

extension Architecture {
    /// ALBERT: one layer's weights serve all layers, so an adapter on them does too.
    package static let albert = Architecture(
        encoder: EncoderTraits(
            names: EncoderNames(
                layer: { _ in "encoder.albert_layer_groups.0.albert_layers.0" }, query: "attention.query",
                key: "attention.key", value: "attention.value", attentionOutput: "attention.dense",
                attentionNorm: "attention.LayerNorm", intermediate: "ffn", output: "ffn_output",
                outputNorm: "full_layer_layer_norm", projection: "encoder.embedding_hidden_mapping_in",
                pooler: "pooler"),
            usualSizes: [
                "albert": EncoderSizes(vocabulary: 30_000, hidden: 4_096, heads: 64, intermediate: 16_384)
            ],
            hasEmbeddingSize: true, alwaysProjects: true, usualActivation: "gelu_new", sharesLayers: true,
            refuse: { config, _, _ in try refuseGroups(config) },
            idleKeys: [
                "classifier_dropout_prob", "down_scale_factor", "gap_size", "net_structure_type",
                "num_memory_blocks",
            ]),
        modelTypes: [ModelType(name: "albert", className: "Albert")], prefix: "albert.",
        heads: Heads(classifier: .pooler))

    private static func refuseGroups(_ config: HFConfig) throws {
        for key in ["num_hidden_groups", "inner_group_num"] {
            let count = try config.int(key, in: 1...1_000, default: 1)
            guard count == 1 else {
                throw ModelFileError(
                    file: config.path, place: key, problem: "\(count) is not supported, only 1",
                    advice: "use an ALBERT whose layers share one set of weights")
            }
        }
    }
}
