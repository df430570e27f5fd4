import Autodiff
import ModelFiles

/// The numbers of a `config.json` of one of the `EncoderFamily` architectures.
package struct EncoderConfiguration: Sendable, Equatable {
    package let family: EncoderFamily
    package let vocabularySize: Int
    /// Of the embeddings; `hiddenSize` but in ELECTRA and ALBERT
    package let embeddingSize: Int
    package let hiddenSize: Int
    package let layers: Int
    package let heads: Int
    package let intermediateSize: Int
    /// Rows of the position embeddings
    let positionRows: Int
    /// The row of a sequence's first token
    let firstPosition: Int
    /// The token that has the row before that one, wherever it stands, and is not counted: RoBERTa's and MPNet's padding
    let skippedToken: Int32?
    /// Positions are part of the embeddings; DeBERTa may know them by its attention alone.
    let embedsPositions: Bool
    /// What attention knows of the distance between two tokens
    package let relative: RelativeScheme?
    /// 0 without token types
    package let typeVocabularySize: Int
    package let layerNormEpsilon: Float
    let activation: GELUForm
    /// One layer's weights serve all.
    let sharesLayers: Bool

    /// The longest sequence, in tokens.
    package var maximumPositions: Int { positionRows - firstPosition }

    package init(_ config: HFConfig) throws {
        guard let family = EncoderFamily(modelType: config.modelType) else {
            throw ModelFileError(
                file: config.path, place: "model_type",
                problem: "\"\(config.modelType)\" is not an architecture this version can train",
                advice: "use a checkpoint of " + EncoderFamily.modelTypes.joined(separator: ", "))
        }
        self.family = family
        try Self.refuseOtherWeights(config)
        let keys = family.keys
        let usual = UsualSizes(config.modelType)
        vocabularySize = try config.size(["vocab_size"], in: 1...10_000_000, usual.vocabulary)
        hiddenSize = try config.size(keys.hiddenSize, in: 1...65_536, usual.hidden)
        layers = try config.size(keys.layers, in: 1...1_000, usual.layers)
        heads = try config.size(keys.heads, in: 1...1_024, usual.heads)
        intermediateSize = try config.size(keys.intermediateSize, in: 1...262_144, usual.intermediate)
        embeddingSize =
            family == .electra || family == .albert
            ? try config.int("embedding_size", in: 1...65_536, default: 128) : hiddenSize
        (positionRows, firstPosition, skippedToken) = try Self.positions(config, family)
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
                file: config.path, place: keys.heads.first(where: config.has) ?? "heads",
                problem: "a width of \(hiddenSize) does not divide into \(heads) heads",
                advice: "use the config.json that was saved with the weights")
        }
        relative = try RelativeScheme(config, family, positionRows: positionRows)
        if family == .deberta { try Self.refuseOtherDeberta(config, width: hiddenSize, heads: heads) }
    }

    private static func positions(_ config: HFConfig, _ family: EncoderFamily) throws -> (
        rows: Int, first: Int, skipped: Int32?
    ) {
        let rows = try config.size(["max_position_embeddings"], in: 1...1_000_000, 512)
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
        return (rows, first, first == 0 ? nil : Int32(first - 1))
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
        case "gelu", "gelu_python": return .erf
        // One formula; they differ in how it is rounded.
        case "gelu_new", "gelu_pytorch_tanh", "gelu_python_tanh", "gelu_fast", "gelu_accurate": return .tanh
        default:
            throw ModelFileError(
                file: config.path, place: key, problem: "\"\(name)\" is not supported",
                advice:
                    "supported are gelu, gelu_python, gelu_new, gelu_fast, gelu_accurate, gelu_pytorch_tanh and "
                    + "gelu_python_tanh")
        }
    }
}
