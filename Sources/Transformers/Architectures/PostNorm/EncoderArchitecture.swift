extension Architecture {
    /// An encoder with these traits.
    ///
    /// - Parameter ownMarks: starts of weights' names that it has alone.
    init(
        encoder traits: EncoderTraits, modelTypes: [ModelType], prefix: String, heads: Heads,
        ownMarks: [String] = []
    ) {
        self.init(
            modelTypes: modelTypes, prefix: prefix,
            parts: ["embeddings.", "embeddings_project.", "encoder.", "transformer."],
            marks: ["\(traits.names.layer(0)).\(traits.names.query)."] + ownMarks,
            roles: [.query, .key, .value, .attentionOutput, .intermediate, .output],
            inputRoles: [.query, .key, .value], heads: heads,
            sizes: { try EncoderConfiguration($0, traits).sizes },
            open: { try PostNormEncoder($0, traits, EncoderConfiguration($1, traits), $2) })
    }
}
