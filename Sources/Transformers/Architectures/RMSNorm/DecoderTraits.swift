import Autodiff
import Foundation
import ModelFiles

/// What a decoder of RMS norms (Zhang and Sennrich 2019), rotary positions (Su et al. 2021), grouped queries (Ainslie et al.
/// 2023) and a gated feed-forward network (Shazeer 2020) computes, as its `config.json` and its architecture's file say;
/// unless they say so, as Llama.
struct DecoderTraits: Sendable, Equatable {
    let vocabularySize: Int
    let hiddenSize: Int
    let heads: Int
    let keyValueHeads: Int
    /// D, of one head
    let headWidth: Int
    let intermediateSize: Int
    let positions: Int
    let normEpsilon: Float
    /// The output matrix is that of the embeddings.
    let tiesEmbeddings: Bool
    let activation: GateActivation
    var bias = Biases()
    var norms = NormPlacement.before
    /// Of every norm's weights: 1 where the file has what they differ from 1 by.
    var normOffset: Float = 0
    var queryKeyNorm = QueryKeyNorm.none
    var names = DecoderNames()
    /// Without the window, which is the layer's.
    var scores = CausalScores()
    /// Of the embeddings
    var embeddingFactor: Float = 1
    /// Whether it is a factor of what the first layer reads, not of the table's rows alone: rows of a prefix get it too.
    var scalesPrefix = false
    /// Of what a part of a layer adds to its input
    var residualFactor: Float = 1
    var logits = LogitTransform.identity
    var queryGrowth: QueryGrowth?
    /// The token that classifiers pass over at the end of a text
    var padding: Int32?
    var layers: [DecoderLayer]
    var rotary: [RotaryScheme] = []

    struct Biases: Sendable, Equatable {
        /// Of queries, keys and values
        var inputs = false
        var attentionOutput = false
        var feedForward = false
    }

    /// Where the norms of a layer's two parts stand.
    enum NormPlacement: Sendable {
        /// On the input of each part
        case before
        /// There, and on what each part adds
        case around
        /// On what each part adds
        case after
    }

    enum QueryKeyNorm: Sendable {
        case none
        /// Of each head, with weights that heads share
        case heads
        /// Of all heads together
        case whole
    }

    var queryColumns: Int { heads * headWidth }
    var keyColumns: Int { keyValueHeads * headWidth }

    var sizes: BackboneSizes {
        BackboneSizes(
            hidden: hiddenSize, layers: layers.count, vocabulary: vocabularySize, positions: positions)
    }
}

/// Queries of far positions are multiplied by 1 + β · ln(1 + ⌊position / length⌋), so that they find what they look for among
/// many keys, as in Llama 4.
struct QueryGrowth: Sendable, Equatable {
    let beta: Double
    let length: Int

    /// Of a row at this position
    func factor(_ position: Int32) -> Float {
        Float(1 + beta * log(1 + Double(Int(position) / length)))
    }
}

/// Where the matrices of a layer stand that architectures name in different ways.
struct DecoderNames: Sendable, Equatable {
    /// Of query, key and value in one matrix; nil where they are three
    var qkv: String?
    /// Of gates and what they let through in one matrix; nil where they are two
    var gateUp: String?
    var down = "mlp.down_proj"
}

/// What layers differ by.
struct DecoderLayer: Sendable, Equatable {
    /// W: a token sees itself and the W − 1 before it; nil for all.
    var window: Int?
    /// Which of the model's schemes turns queries and keys; nil for none.
    var rotary: Int? = 0
}

/// The values that transformers' configuration class has where a `config.json` leaves them out.
struct DecoderDefaults {
    var vocabulary = 32_000
    var hidden = 4_096
    var layers = 32
    var heads = 32
    /// nil for as many as heads
    var keyValueHeads: Int?
    /// nil for hidden / heads
    var headWidth: Int?
    var intermediateKey = "intermediate_size"
    var intermediate = 11_008
    var positions = 2_048
    var epsilon = 1e-6
    var tiesEmbeddings = false
    var activationKey = "hidden_act"
    var activation = "silu"
    var padding: Int32?
}

extension DecoderTraits {
    private static let activations: KeyValuePairs<String, GateActivation> = [
        "silu": .silu, "swish": .silu, "gelu_pytorch_tanh": .geluTanh, "gelu_new": .geluTanh,
        "gelu_python_tanh": .geluTanh, "gelu_fast": .geluTanh, "gelu_accurate": .geluTanh,
    ]

    /// The sizes of a `config.json`, and Llama's way of computing with them.
    ///
    /// - Parameter idle: further keys that are about dropout, generation, or how a training run was split.
    init(_ config: HFConfig, usual: DecoderDefaults = DecoderDefaults(), idle: [String] = []) throws {
        try config.refuseOtherWeights()
        vocabularySize = try config.int("vocab_size", in: 1...10_000_000, default: usual.vocabulary)
        hiddenSize = try config.int("hidden_size", in: 1...65_536, default: usual.hidden)
        let count = try config.int("num_hidden_layers", in: 1...1_000, default: usual.layers)
        layers = Array(repeating: DecoderLayer(), count: count)
        heads = try config.int("num_attention_heads", in: 1...1_024, default: usual.heads)
        // A null is another thing than none: as many as heads.
        let fewer = config.has("num_key_value_heads") ? nil : usual.keyValueHeads
        keyValueHeads = try config.int("num_key_value_heads", in: 1...1_024, default: fewer ?? heads)
        headWidth = try config.int(
            "head_dim", in: 1...65_536, default: usual.headWidth ?? max(1, hiddenSize / heads))
        intermediateSize = try config.int(
            usual.intermediateKey, in: 1...262_144, default: usual.intermediate)
        positions = try config.int(
            "max_position_embeddings", in: 1...10_000_000, default: usual.positions)
        normEpsilon = Float(try config.double("rms_norm_eps", in: 1e-20...0.1, default: usual.epsilon))
        tiesEmbeddings = try config.bool("tie_word_embeddings", default: usual.tiesEmbeddings)
        let name = try config.string(
            usual.activationKey, oneOf: Self.activations.map(\.key), default: usual.activation)
        activation = Self.activations.first { $0.key == name }?.value ?? .silu
        for key in ["attention_dropout", "bos_token_id", "eos_token_id", "use_cache"] + idle {
            _ = config.value(key)
        }
        padding = try config.paddingToken(usual: usual.padding)
        guard heads % keyValueHeads == 0 else {
            throw config.refusal("num_key_value_heads", "\(keyValueHeads) do not divide \(heads) heads")
        }
        guard config.value("head_dim") != nil || usual.headWidth != nil || hiddenSize % heads == 0 else {
            throw config.refusal(
                "num_attention_heads", "a width of \(hiddenSize) does not divide into \(heads) heads")
        }
        guard headWidth % 2 == 0 else {
            throw config.refusal("head_dim", "rotary positions turn pairs, and \(headWidth) is odd")
        }
    }
}
