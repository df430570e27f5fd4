import ModelFiles

extension EncoderTraits {
    package static let deberta = EncoderTraits(
        names: EncoderNames(
            query: "attention.self.query_proj", key: "attention.self.key_proj",
            value: "attention.self.value_proj", pooler: "", relativeTable: "encoder.rel_embeddings"),
        usualSizes: [
            "deberta-v2": EncoderSizes(
                vocabulary: 128_100, hidden: 1_536, layers: 24, heads: 24, intermediate: 6_144)
        ],
        embedsPositions: { try $0.bool("position_biased_input", default: true) }, types: (0, 0),
        usualEpsilon: 1e-7,
        relative: { .disentangled(try DisentangledAttention($0, positionRows: $1)) },
        refuse: refuseOtherDeberta,
        // Dropout of the head is a setting of the run; `legacy` and the others are about other heads.
        idleKeys: ["pooler_dropout", "cls_dropout", "legacy", "conv_act", "conv_groups"])

    private static func refuseOtherDeberta(_ config: HFConfig, width: Int, heads: Int) throws {
        for (key, needed) in [
            ("embedding_size", width), ("pooler_hidden_size", width), ("attention_head_size", width / heads),
        ] {
            let value = try config.int(key, in: 0...65_536, default: needed)
            guard value == needed else {
                throw ModelFileError(
                    file: config.path, place: key, problem: "\(value) is not supported, only \(needed)",
                    advice: "use a DeBERTa of one width throughout, as v3-xsmall to v3-large are")
            }
        }
        let kernel = try config.int("conv_kernel_size", in: -1...1_000, default: 0)
        guard kernel <= 0 else {
            throw ModelFileError(
                file: config.path, place: "conv_kernel_size",
                problem: "\(kernel): the convolution after the first layer is not supported",
                advice: "use a DeBERTa without one: v3 of any size, not v2-xlarge and v2-xxlarge")
        }
        let activation = try config.string("pooler_hidden_act", default: "gelu")
        guard activation == "gelu" || activation == "gelu_python" else {
            throw ModelFileError(
                file: config.path, place: "pooler_hidden_act", problem: "\"\(activation)\" is not supported",
                advice: "supported are gelu and gelu_python")
        }
    }
}

extension Architecture {
    /// DeBERTa-v2 and -v3: disentangled attention over relative positions, which layers share.
    package static let deberta = Architecture(
        encoder: .deberta, modelTypes: [ModelType(name: "deberta-v2", className: "DebertaV2")],
        prefix: "deberta.",
        heads: Heads(classifier: .dense("pooler.dense", .gelu, dropsInput: false)))
}
