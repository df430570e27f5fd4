import ModelFiles

extension Architecture {
    /// - Parameters:
    ///   - type: `model_type`
    ///   - mark: the start of a weight's name that is in every such checkpoint.
    ///   - heads: nil where transformers has no classifier.
    ///   - read: what a `config.json` says; throws where it asks for something that is not computed here.
    init(
        rmsNormDecoder type: String, className: String, mark: String = "layers.0.self_attn.q_proj.",
        roles: [LinearSite.Role] = [.query, .key, .value, .attentionOutput, .gate, .up, .down],
        languageModelClass: String? = nil, heads: Heads? = .lastRow,
        read: @escaping @Sendable (HFConfig) throws -> DecoderTraits
    ) {
        self.init(
            modelTypes: [
                ModelType(name: type, className: className, languageModelClass: languageModelClass)
            ], prefix: "model.",
            parts: ["layers.", "embed_tokens."], marks: [mark],
            roles: roles, inputRoles: roles.filter { [.query, .key, .value, .qkv].contains($0) },
            heads: heads,
            sizes: { try read($0).sizes }, open: { try RMSNormDecoder($0, read($1), $2) })
    }
}
