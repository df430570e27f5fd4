import ModelFiles

extension EncoderTraits {
    package static let mpnet = EncoderTraits(
        names: EncoderNames(
            query: "attention.attn.q", key: "attention.attn.k", value: "attention.attn.v",
            attentionOutput: "attention.attn.o", attentionNorm: "attention.LayerNorm",
            relativeTable: "encoder.relative_attention_bias"),
        usualSizes: ["mpnet": EncoderSizes(vocabulary: 30_527)], positions: .fromTwo, usualPadding: 1,
        types: nil,
        relative: { config, _ in
            let (key, known) = ("relative_attention_num_buckets", RelativeScheme.biasBuckets)
            let buckets = try config.int(key, in: 1...1_000_000, default: known)
            guard buckets == known else {
                throw ModelFileError(
                    file: config.path, place: key, problem: "\(buckets) is not supported, only \(known)",
                    advice: "transformers computes \(known) buckets whatever this says")
            }
            return .bias
        })
}

extension Architecture {
    /// MPNet: absolute positions, and a bias of attention by distance, which layers share.
    package static let mpnet = Architecture(
        encoder: .mpnet, modelTypes: [ModelType(name: "mpnet", className: "MPNet")], prefix: "mpnet.",
        heads: Heads(
            classifier: .dense("classifier.dense", .tanh, dropsInput: true), output: "classifier.out_proj"))
}
