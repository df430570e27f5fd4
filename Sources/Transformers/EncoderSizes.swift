import ModelFiles

/// What sizes are called in a `config.json`. Of several names the first that is there counts, as in transformers.
struct EncoderKeys: Sendable {
    var hiddenSize = ["hidden_size"]
    var layers = ["num_hidden_layers"]
    var heads = ["num_attention_heads"]
    var intermediateSize = ["intermediate_size"]
    var activation = "hidden_act"
}

extension EncoderFamily {
    /// Names in `config.json`.
    var keys: EncoderKeys {
        switch self {
        case .bert, .roberta, .electra, .albert, .deberta, .mpnet: EncoderKeys()
        case .distilbert:
            EncoderKeys(
                hiddenSize: ["hidden_size", "dim"], layers: ["num_hidden_layers", "n_layers"],
                heads: ["num_attention_heads", "n_heads"], intermediateSize: ["hidden_dim"],
                activation: "activation")
        }
    }
}

/// The sizes that transformers' configuration classes have where a `config.json` leaves them out.
struct UsualSizes {
    var vocabulary = 30_522
    var hidden = 768
    var layers = 12
    var heads = 12
    var intermediate = 3_072

    init(_ modelType: String) {
        switch modelType {
        case "roberta": vocabulary = 50_265
        case "mpnet": vocabulary = 30_527
        case "distilbert": layers = 6
        case "electra": (hidden, heads, intermediate) = (256, 4, 1_024)
        case "albert": (vocabulary, hidden, heads, intermediate) = (30_000, 4_096, 64, 16_384)
        case "deberta-v2":
            (vocabulary, hidden, layers, heads, intermediate) = (128_100, 1_536, 24, 24, 6_144)
        default: break
        }
    }
}

extension HFConfig {
    /// The first of these keys that is there; `usual` where none is.
    func size(_ keys: [String], in range: ClosedRange<Int>, _ usual: Int) throws -> Int {
        for key in keys { _ = value(key) }
        guard let key = keys.first(where: has) else { return usual }
        return try int(key, in: range)
    }
}
