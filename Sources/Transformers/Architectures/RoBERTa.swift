extension Architecture {
    /// RoBERTa, XLM-RoBERTa, CamemBERT: positions start after the padding id, and there is one token type.
    package static let roberta = Architecture(
        encoder: EncoderTraits(
            usualSizes: ["roberta": EncoderSizes(vocabulary: 50_265)], positions: .afterPadding,
            usualPadding: 1),
        modelTypes: [
            ModelType(name: "roberta", className: "Roberta"),
            ModelType(name: "xlm-roberta", className: "XLMRoberta"),
            ModelType(name: "camembert", className: "Camembert"),
        ], prefix: "roberta.",
        heads: Heads(
            classifier: .dense("classifier.dense", .tanh, dropsInput: true), output: "classifier.out_proj"))
}
