extension Architecture {
    static let distilbertNames = EncoderNames(
        layer: { "transformer.layer.\($0)" }, query: "attention.q_lin", key: "attention.k_lin",
        value: "attention.v_lin", attentionOutput: "attention.out_lin", attentionNorm: "sa_layer_norm",
        intermediate: "ffn.lin1", output: "ffn.lin2", outputNorm: "output_layer_norm")

    /// DistilBERT: no token types, no pooler.
    package static let distilbert = Architecture(
        encoder: EncoderTraits(
            names: distilbertNames,
            keys: EncoderKeys(
                hiddenSize: ["hidden_size", "dim"], layers: ["num_hidden_layers", "n_layers"],
                heads: ["num_attention_heads", "n_heads"], intermediateSize: ["hidden_dim"],
                activation: "activation"),
            usualSizes: ["distilbert": EncoderSizes(layers: 6)], types: nil, hasEpsilon: false,
            idleKeys: [
                "dropout", "attention_dropout", "qa_dropout", "seq_classif_dropout", "sinusoidal_pos_embds",
                "tie_weights_",
            ]),
        modelTypes: [ModelType(name: "distilbert", className: "DistilBert")], prefix: "distilbert.",
        heads: Heads(classifier: .dense("pre_classifier", .relu, dropsInput: false)))
}
