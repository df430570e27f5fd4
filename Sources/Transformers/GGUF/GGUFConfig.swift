import Foundation
import Messages
import ModelFiles

extension GGUFForm {
    /// What the file's keys and tensors say, as a `config.json` of transformers. Members of ours say what a GGUF holds
    /// otherwise: `rope_interleaved`, `norm_includes_one`, `conv1d_transposed_back`, `qkv_grouped`, `rope_freq_factors`.
    func config(_ file: GGUFFile) throws -> JSONObject {
        let keys = GGUFKeys(file, architecture: name)
        if let experts = try keys.optionalInt("expert_count"), experts > 0 {
            throw keys.fault(
                "expert_count", "a mixture of \(experts) experts is not supported", "use a dense model")
        }
        var config: JSONObject = ["model_type": .string(modelType)]
        guard let words = file.tensor("token_embd.weight"), words.shape.count == 2 else {
            throw ModelFileError(
                file: file.path, place: "token_embd.weight", problem: "no matrix of embeddings",
                advice: "is this a whole model, and not a vocabulary, an adapter or an image projector?")
        }
        let layers = try keys.int("block_count")
        let hidden = try keys.int("embedding_length")
        guard let heads = try keys.alike("attention.head_count") else {
            throw keys.fault("attention.head_count", "missing")
        }
        guard heads > 0 else { throw keys.fault("attention.head_count", "\(heads) heads") }
        let width = try keys.int("attention.key_length", hidden / heads)
        if let other = try keys.optionalInt("attention.value_length"), other != width {
            throw keys.fault(
                "attention.value_length", "values of \(other) columns and keys of \(width) are not supported",
                "use a model with as many of both")
        }
        config["vocab_size"] = JSONValue(words.shape[0])
        config["hidden_size"] = JSONValue(hidden)
        config["num_hidden_layers"] = JSONValue(layers)
        config["num_attention_heads"] = JSONValue(heads)
        config["num_key_value_heads"] = JSONValue(try keys.alike("attention.head_count_kv") ?? heads)
        config["head_dim"] = JSONValue(width)
        guard let inner = try keys.alike("feed_forward_length") else {
            throw keys.fault("feed_forward_length", "missing")
        }
        config["intermediate_size"] = JSONValue(inner)
        config["max_position_embeddings"] = JSONValue(try keys.int("context_length"))
        config["tie_word_embeddings"] = .bool(!keys.has(tensor: "output.weight"))
        if let epsilon = try keys.optionalDouble("attention.layer_norm_rms_epsilon") {
            config["rms_norm_eps"] = .number(epsilon)
        }
        let padding = try file.metadata.int("tokenizer.ggml.padding_token_id")
        // Where the file names none, nothing is padding, whatever transformers takes for it.
        config["pad_token_id"] = padding.flatMap { $0 < words.shape[0] ? JSONValue($0) : nil } ?? .null
        keys.asked("vocab_size")
        try addRotary(keys, &config, width: width)
        try describe(keys, &config)
        // Under their own names, so that whoever opens the model tells of them.
        for key in keys.unreadKeys { config[key] = .string("not looked at") }
        return config
    }

    private func addRotary(_ keys: GGUFKeys, _ config: inout JSONObject, width: Int) throws {
        config["rope_theta"] = .number(try keys.double("rope.freq_base", 10_000))
        if let turning = try keys.optionalInt("rope.dimension_count"), turning != width {
            config["partial_rotary_factor"] = .number(Double(turning) / Double(width))
        }
        if rowOrder.isNeighbouring { config["rope_interleaved"] = true.json }
        if let factors = try keys.values("rope_freqs.weight") { config["rope_freq_factors"] = factors.json }
        let factor = try keys.optionalDouble("rope.scaling.factor")
        let old = try keys.optionalDouble("rope.scale_linear")
        let original = try keys.optionalInt("rope.scaling.original_context_length")
        let attention = try keys.optionalDouble("rope.scaling.attn_factor")
        var scaling = JSONObject()
        let kind = try keys.optionalString("rope.scaling.type") ?? (old == nil ? "none" : "linear")
        let long = try keys.values("rope_factors_long.weight")
        let short = try keys.values("rope_factors_short.weight")
        switch kind {
        case "none" where long == nil: break
        case "linear":
            scaling["rope_type"] = .string("linear")
            scaling["factor"] = .number(factor ?? old ?? 1)
        case "yarn":
            scaling["rope_type"] = .string("yarn")
            scaling["factor"] = .number(factor ?? 1)
            if let extrapolation = try keys.optionalDouble("rope.scaling.yarn_ext_factor"), extrapolation != 1
            {
                throw keys.fault(
                    "rope.scaling.yarn_ext_factor", "\(extrapolation) is not supported", "use a model with 1")
            }
            for (member, key) in [("beta_fast", "yarn_beta_fast"), ("beta_slow", "yarn_beta_slow")] {
                if let number = try keys.optionalDouble("rope.scaling.\(key)") {
                    scaling[member] = .number(number)
                }
            }
            // llama.cpp multiplies by attn_factor what YaRN usually has.
            let usual = 0.1 * log(max(1, factor ?? 1)) + 1
            let stated =
                try keys.optionalDouble("rope.scaling.yarn_attn_factor") ?? attention.map { $0 * usual }
            if let stated { scaling["attention_factor"] = .number(stated) }
        case "longrope", "none":
            guard let long, let short else {
                throw keys.fault("rope.scaling.type", "long rows turn by factors that are not in the file")
            }
            scaling["rope_type"] = .string("longrope")
            scaling["long_factor"] = long.json
            scaling["short_factor"] = short.json
            if let attention { scaling["attention_factor"] = .number(attention) }
        case let other:
            throw keys.fault(
                "rope.scaling.type", "rotary positions of kind \(quoted(other)) are not supported",
                "supported are linear, yarn and longrope")
        }
        guard !scaling.isEmpty else { return }
        if let original { scaling["original_max_position_embeddings"] = JSONValue(original) }
        config["rope_scaling"] = .object(scaling)
    }
}

extension GGUFRowOrder {
    fileprivate var isNeighbouring: Bool {
        if case .neighbouringPairs = self { true } else { false }
    }
}

extension Bool {
    var json: JSONValue { .bool(self) }
}

extension [Float] {
    fileprivate var json: JSONValue { .array(map { .number(Double($0)) }) }
}
