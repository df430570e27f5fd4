extension Architecture {
    /// BERT, and MiniLM as a smaller one.
    package static let bert = Architecture(
        encoder: EncoderTraits(), modelTypes: [ModelType(name: "bert", className: "Bert")], prefix: "bert.",
        heads: Heads(classifier: .pooler))
}
