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
        let isDistil = family == .distilbert
        vocabularySize = try config.int("vocab_size", in: 1...10_000_000)
        hiddenSize = try config.int(isDistil ? "dim" : "hidden_size", in: 1...65_536)
        layers = try config.int(isDistil ? "n_layers" : "num_hidden_layers", in: 1...1_000)
        heads = try config.int(isDistil ? "n_heads" : "num_attention_heads", in: 1...1_024)
        intermediateSize = try config.int(isDistil ? "hidden_dim" : "intermediate_size", in: 1...262_144)
        let hasOwnWidth = family == .electra || family == .albert
        embeddingSize =
            hasOwnWidth
            ? try config.int("embedding_size", in: 1...65_536, default: 128) : hiddenSize
        positionRows = try config.int("max_position_embeddings", in: 1...1_000_000)
        // transformers numbers RoBERTa's positions from the padding id + 1.
        let padding = try config.int(
            "pad_token_id", in: 0...1_000_000, default: family == .roberta ? 1 : 0)
        firstPosition = family == .roberta ? padding + 1 : 0
        typeVocabularySize =
            isDistil ? 0 : try config.int("type_vocab_size", in: 1...1_024, default: 2)
        layerNormEpsilon =
            isDistil
            ? 1e-12 : Float(try config.double("layer_norm_eps", in: 1e-20...0.1, default: 1e-12))
        activation = try Self.activation(config, isDistil ? "activation" : "hidden_act", family)
        sharesLayers = family == .albert
        try Self.refuseOtherAttention(config)
        try Self.refuseOtherGroups(config, family)
        guard positionRows > firstPosition else {
            throw ModelFileError(
                file: config.path, place: "max_position_embeddings",
                problem: "\(positionRows) rows leave no position after the padding id \(padding)",
                advice: "use the config.json that was saved with the weights")
        }
        guard hiddenSize % heads == 0 else {
            throw ModelFileError(
                file: config.path, place: isDistil ? "n_heads" : "num_attention_heads",
                problem: "a width of \(hiddenSize) does not divide into \(heads) heads",
                advice: "use the config.json that was saved with the weights")
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
}
