import Autodiff
import ModelFiles

/// What an architecture of post-layer-norm blocks (Devlin et al. 2019) does in its own way; unless it says so, as BERT.
package struct EncoderTraits: Sendable {
    var names = EncoderNames()
    var keys = EncoderKeys()
    /// By `model_type`; BERT's of those that are not there.
    var usualSizes: [String: EncoderSizes] = [:]
    /// Whether the embeddings may be narrower than the layers.
    var hasEmbeddingSize = false
    /// Whether embeddings of the layers' width are projected, too.
    var alwaysProjects = false
    var positions = Positions.fromZero
    /// The padding id of a `config.json` without one.
    var usualPadding = 0
    /// Whether the embeddings hold positions.
    var embedsPositions: @Sendable (HFConfig) throws -> Bool = { _ in true }
    /// Least and usual number of token types; nil without any.
    var types: (least: Int, usual: Int)? = (1, 2)
    var usualEpsilon = 1e-12
    /// Whether `config.json` says the epsilon of the layer norms.
    var hasEpsilon = true
    var usualActivation = "gelu"
    /// One layer's weights serve all.
    var sharesLayers = false
    /// What attention knows of distances.
    var relative: @Sendable (HFConfig, _ positionRows: Int) throws -> RelativeScheme? = { _, _ in nil }
    /// Throws where a `config.json` asks for something that is not computed here.
    var refuse: @Sendable (HFConfig, _ width: Int, _ heads: Int) throws -> Void = { _, _, _ in }
    /// Keys of `config.json` that are about dropout, other heads or training.
    var idleKeys: [String] = []

    /// Where the rows of the position embeddings begin.
    enum Positions: Sendable {
        case fromZero
        /// At the padding id + 1
        case afterPadding
        /// At 2, as if the padding id were 1
        case fromTwo
    }
}

/// Where the parts of a layer, and what lies around the layers, stand in a checkpoint.
struct EncoderNames: Sendable {
    var layer: @Sendable (Int) -> String = { "encoder.layer.\($0)" }
    var query = "attention.self.query"
    var key = "attention.self.key"
    var value = "attention.self.value"
    var attentionOutput = "attention.output.dense"
    var attentionNorm = "attention.output.LayerNorm"
    var intermediate = "intermediate.dense"
    var output = "output.dense"
    var outputNorm = "output.LayerNorm"
    /// From narrower embeddings to the layers' width
    var projection = "embeddings_project"
    /// Empty where transformers' encoder has none: DeBERTa's classifier has a dense layer of this name instead.
    var pooler = "pooler.dense"
    /// Of relative positions, shared by the layers
    var relativeTable = ""
    var relativeNorm = "encoder.LayerNorm"
    /// Where relative positions have projections of their own
    var positionKey = "attention.self.pos_key_proj"
    var positionQuery = "attention.self.pos_query_proj"
}

/// What sizes are called in a `config.json`. Of several names the first that is there counts, as in transformers.
struct EncoderKeys: Sendable {
    var hiddenSize = ["hidden_size"]
    var layers = ["num_hidden_layers"]
    var heads = ["num_attention_heads"]
    var intermediateSize = ["intermediate_size"]
    var activation = "hidden_act"
}

/// The sizes that transformers' configuration classes have where a `config.json` leaves them out.
struct EncoderSizes: Sendable {
    var vocabulary = 30_522
    var hidden = 768
    var layers = 12
    var heads = 12
    var intermediate = 3_072
}
