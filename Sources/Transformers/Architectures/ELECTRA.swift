extension Architecture {
    /// ELECTRA's discriminator: embeddings may be narrower than the layers.
    package static let electra = Architecture(
        encoder: EncoderTraits(
            usualSizes: ["electra": EncoderSizes(hidden: 256, heads: 4, intermediate: 1_024)],
            hasEmbeddingSize: true,
            idleKeys: ["summary_type", "summary_use_proj", "summary_activation", "summary_last_dropout"]),
        modelTypes: [ModelType(name: "electra", className: "Electra")], prefix: "electra.",
        heads: Heads(
            classifier: .dense("classifier.dense", .gelu, dropsInput: true), output: "classifier.out_proj"),
        ownMarks: ["embeddings_project.", "discriminator_predictions.", "generator_predictions."])
}
