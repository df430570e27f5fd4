extension Architecture {
    /// An encoder of image patches with these traits.
    init(
        patches traits: PatchTraits, spelling: ModuleSpelling, modelTypes: [ModelType], prefix: String,
        heads: Heads
    ) {
        let layer = spelling.stored("\(traits.names.layer(0)).\(traits.names.query)")
        self.init(
            modelTypes: modelTypes, prefix: prefix,
            parts: ["embeddings.", "encoder.", "layers.", "layernorm."], marks: [layer + "."],
            roles: [.query, .key, .value, .attentionOutput]
                + (traits.isByRatio
                    ? [.intermediate, .output, .gate, .up, .down] : [.intermediate, .output]),
            inputRoles: [.query, .key, .value], heads: heads,
            sizes: { try PatchConfiguration($0, traits).sizes },
            open: { try PatchEncoder($0, traits, PatchConfiguration($1, traits), $2) })
        readsImages = true
        self.spelling = spelling
        initial = { try traits.starts($0) }
    }
}
