import Autodiff
import ModelFiles

/// The numbers of a `config.json` of one of the `EncoderFamily` architectures.
public struct EncoderConfiguration: Sendable, Equatable {
    public let family: EncoderFamily
    public let vocabularySize: Int
    /// Of the embeddings; `hiddenSize` but in ELECTRA and ALBERT
    public let embeddingSize: Int
    public let hiddenSize: Int
    public let layers: Int
    public let heads: Int
    public let intermediateSize: Int
    /// Rows of the position embeddings
    let positionRows: Int
    /// The row of a sequence's first token
    let firstPosition: Int
    /// Positions are part of the embeddings; DeBERTa may know them by its attention alone.
    let embedsPositions: Bool
    /// What attention knows of the distance between two tokens
    package let relative: RelativeScheme?
    /// 0 without token types
    public let typeVocabularySize: Int
    public let layerNormEpsilon: Float
    let activation: GELUForm
    /// One layer's weights serve all.
    let sharesLayers: Bool

    /// The longest sequence, in tokens.
    public var maximumPositions: Int { positionRows - firstPosition }

    public init(_ config: HFConfig) throws {
        guard let family = EncoderFamily(modelType: config.modelType) else {
            throw ModelFileError(
                file: config.path, place: "model_type",
                problem: "\"\(config.modelType)\" is not an architecture this version can train",
                advice: "use a checkpoint of " + EncoderFamily.modelTypes.joined(separator: ", "))
        }
        self.family = family
        let keys = family.keys
        vocabularySize = try config.int("vocab_size", in: 1...10_000_000)
        hiddenSize = try config.int(keys.hiddenSize, in: 1...65_536)
        layers = try config.int(keys.layers, in: 1...1_000)
        heads = try config.int(keys.heads, in: 1...1_024)
        intermediateSize = try config.int(keys.intermediateSize, in: 1...262_144)
        embeddingSize =
            family == .electra || family == .albert
            ? try config.int("embedding_size", in: 1...65_536, default: 128) : hiddenSize
        (positionRows, firstPosition) = try Self.positions(config, family)
        embedsPositions = try family != .deberta || config.bool("position_biased_input", default: true)
        typeVocabularySize = try Self.typeVocabularySize(config, family)
        let usualEpsilon = family == .deberta ? 1e-7 : 1e-12
        layerNormEpsilon =
            family == .distilbert
            ? 1e-12 : Float(try config.double("layer_norm_eps", in: 1e-20...0.1, default: usualEpsilon))
        activation = try Self.activation(config, keys.activation, family)
        sharesLayers = family == .albert
        try Self.refuseOtherAttention(config)
        try Self.refuseOtherGroups(config, family)
        guard hiddenSize % heads == 0 else {
            throw ModelFileError(
                file: config.path, place: keys.heads,
                problem: "a width of \(hiddenSize) does not divide into \(heads) heads",
                advice: "use the config.json that was saved with the weights")
        }
        relative = try RelativeScheme(config, family, positionRows: positionRows)
        if family == .deberta { try Self.refuseOtherDeberta(config, width: hiddenSize, heads: heads) }
    }

    private static func positions(_ config: HFConfig, _ family: EncoderFamily) throws -> (
        rows: Int, first: Int
    ) {
        let rows = try config.int("max_position_embeddings", in: 1...1_000_000)
        let padding = try config.int(
            "pad_token_id", in: 0...1_000_000, default: family == .roberta || family == .mpnet ? 1 : 0)
        let first: Int
        switch family {
        // transformers numbers RoBERTa's positions from the padding id + 1, and MPNet's as if that were 1.
        case .roberta: first = padding + 1
        case .mpnet: first = 2
        case .bert, .distilbert, .electra, .albert, .deberta: first = 0
        }
        guard rows > first else {
            throw ModelFileError(
                file: config.path, place: "max_position_embeddings",
                problem: "\(rows) rows leave no position after the padding id \(first - 1)",
                advice: "use the config.json that was saved with the weights")
        }
        return (rows, first)
    }

    private static func typeVocabularySize(_ config: HFConfig, _ family: EncoderFamily) throws -> Int {
        switch family {
        case .distilbert, .mpnet: 0
        case .deberta: try config.int("type_vocab_size", in: 0...1_024, default: 0)
        case .bert, .roberta, .electra, .albert:
            try config.int("type_vocab_size", in: 1...1_024, default: 2)
        }
    }

    private static func activation(_ config: HFConfig, _ key: String, _ family: EncoderFamily) throws
        -> GELUForm
    {
        let name = try config.string(key, default: family == .albert ? "gelu_new" : "gelu")
        switch name {
        case "gelu": return .erf
        case "gelu_new", "gelu_pytorch_tanh": return .tanh
        default:
            throw ModelFileError(
                file: config.path, place: key, problem: "\"\(name)\" is not supported",
                advice: "supported are gelu, gelu_new and gelu_pytorch_tanh")
        }
    }

    private static func refuseOtherAttention(_ config: HFConfig) throws {
        // Looked at so that they do not count as unknown: there is no padding, and the frozen encoder runs without
        // its own dropout; the head's and the adapters' dropout are settings of the run.
        for key in [
            "hidden_dropout_prob", "attention_probs_dropout_prob", "tie_word_embeddings", "dropout",
            "attention_dropout", "qa_dropout", "seq_classif_dropout", "sinusoidal_pos_embds", "tie_weights_",
            "bos_token_id", "eos_token_id", "classifier_dropout", "classifier_dropout_prob", "summary_type",
            "summary_use_proj", "summary_activation", "summary_last_dropout", "inner_group_num",
            "down_scale_factor", "gap_size", "net_structure_type", "num_memory_blocks", "output_past",
        ] {
            _ = config.value(key)
        }
        for key in ["is_decoder", "add_cross_attention"] where try config.bool(key, default: false) {
            throw ModelFileError(
                file: config.path, place: key, problem: "a decoder attends causally, which is not supported",
                advice: "use an encoder")
        }
        let positions = try config.string("position_embedding_type", default: "absolute")
        guard positions == "absolute" else {
            throw ModelFileError(
                file: config.path, place: "position_embedding_type",
                problem: "\"\(positions)\" is not supported",
                advice: "use a checkpoint with absolute positions")
        }
    }

    private static func refuseOtherGroups(_ config: HFConfig, _ family: EncoderFamily) throws {
        guard family == .albert else { return }
        for key in ["num_hidden_groups", "inner_group_num"] {
            let count = try config.int(key, in: 1...1_000, default: 1)
            guard count == 1 else {
                throw ModelFileError(
                    file: config.path, place: key, problem: "\(count) is not supported, only 1",
                    advice: "use an ALBERT whose layers share one set of weights")
            }
        }
    }

    private static func refuseOtherDeberta(_ config: HFConfig, width: Int, heads: Int) throws {
        // Dropout of the head is a setting of the run; `legacy` and the others are about other heads.
        for key in ["pooler_dropout", "cls_dropout", "legacy", "conv_act", "conv_groups"] {
            _ = config.value(key)
        }
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
        guard activation == "gelu" else {
            throw ModelFileError(
                file: config.path, place: "pooler_hidden_act", problem: "\"\(activation)\" is not supported",
                advice: "supported is gelu")
        }
    }
}
