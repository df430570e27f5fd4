import Autodiff
import ModelFiles

/// The numbers of an encoder's `config.json`.
package struct EncoderConfiguration: Sendable, Equatable {
    let vocabularySize: Int
    /// Of the embeddings
    let embeddingSize: Int
    let hiddenSize: Int
    let layers: Int
    let heads: Int
    let intermediateSize: Int
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
    let typeVocabularySize: Int
    let layerNormEpsilon: Float
    let activation: GELUForm

    var sizes: BackboneSizes {
        BackboneSizes(
            hidden: hiddenSize, layers: layers, vocabulary: vocabularySize,
            positions: positionRows - firstPosition, types: typeVocabularySize)
    }

    package init(_ config: HFConfig, _ traits: EncoderTraits) throws {
        try config.refuseOtherWeights()
        let keys = traits.keys
        let usual = config.modelType.flatMap { traits.usualSizes[$0] } ?? EncoderSizes()
        vocabularySize = try config.size(["vocab_size"], in: 1...10_000_000, usual.vocabulary)
        hiddenSize = try config.size(keys.hiddenSize, in: 1...65_536, usual.hidden)
        layers = try config.size(keys.layers, in: 1...1_000, usual.layers)
        heads = try config.size(keys.heads, in: 1...1_024, usual.heads)
        intermediateSize = try config.size(keys.intermediateSize, in: 1...262_144, usual.intermediate)
        embeddingSize =
            traits.hasEmbeddingSize
            ? try config.int("embedding_size", in: 1...65_536, default: 128) : hiddenSize
        (positionRows, firstPosition, skippedToken) = try Self.positions(config, traits)
        embedsPositions = try traits.embedsPositions(config)
        typeVocabularySize =
            try traits.types.map {
                try config.int("type_vocab_size", in: $0.least...1_024, default: $0.usual)
            }
            ?? 0
        layerNormEpsilon = Float(
            traits.hasEpsilon
                ? try config.double("layer_norm_eps", in: 1e-20...0.1, default: traits.usualEpsilon)
                : traits.usualEpsilon)
        activation = try GELUForm(config, keys.activation, usual: traits.usualActivation)
        try Self.refuseOtherAttention(config)
        for key in traits.idleKeys { _ = config.value(key) }
        try config.check(
            width: hiddenSize, heads: heads, at: keys.heads.first(where: config.has) ?? "heads")
        relative = try traits.relative(config, positionRows)
        try traits.refuse(config, hiddenSize, heads)
    }

    private static func positions(_ config: HFConfig, _ traits: EncoderTraits) throws -> (
        rows: Int, first: Int, skipped: Int32?
    ) {
        let rows = try config.size(["max_position_embeddings"], in: 1...1_000_000, 512)
        let padding = try config.int("pad_token_id", in: 0...1_000_000, default: traits.usualPadding)
        let first =
            switch traits.positions {
            case .fromZero: 0
            case .afterPadding: padding + 1
            case .fromTwo: 2
            }
        guard rows > first else {
            throw ModelFileError(
                file: config.path, place: "max_position_embeddings",
                problem: "\(rows) rows leave no position after the padding id \(first - 1)",
                advice: "use the config.json that was saved with the weights")
        }
        return (rows, first, first == 0 ? nil : Int32(first - 1))
    }

    private static func refuseOtherAttention(_ config: HFConfig) throws {
        // Looked at so that they do not count as unknown: there is no padding, and the frozen encoder runs without
        // its own dropout; the head's and the adapters' dropout are settings of the run.
        for key in [
            "hidden_dropout_prob", "attention_probs_dropout_prob", "tie_word_embeddings", "bos_token_id",
            "eos_token_id", "classifier_dropout", "output_past",
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
}
