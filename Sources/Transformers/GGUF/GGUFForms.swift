import Foundation
import ModelFiles

/// Names that most decoders have.
private let outer = [
    ("token_embd", "model.embed_tokens"), ("output_norm", "model.norm"), ("output", "lm_head"),
]
private let projections = [
    ("blk.N.attn_q", "model.layers.N.self_attn.q_proj"), ("blk.N.attn_k", "model.layers.N.self_attn.k_proj"),
    ("blk.N.attn_v", "model.layers.N.self_attn.v_proj"),
]
private let attentionOutput = [("blk.N.attn_output", "model.layers.N.self_attn.o_proj")]
private let gated = [
    ("blk.N.ffn_gate", "model.layers.N.mlp.gate_proj"), ("blk.N.ffn_up", "model.layers.N.mlp.up_proj"),
]
private let down = [("blk.N.ffn_down", "model.layers.N.mlp.down_proj")]
private let matrices = outer + projections + attentionOutput + gated + down
private let norms = [
    ("blk.N.attn_norm", "model.layers.N.input_layernorm"),
    ("blk.N.ffn_norm", "model.layers.N.post_attention_layernorm"),
]
private let rowNorms = [
    ("blk.N.attn_q_norm", "model.layers.N.self_attn.q_norm"),
    ("blk.N.attn_k_norm", "model.layers.N.self_attn.k_norm"),
]
/// Of the Gemmas: a norm before and after each half.
private let fourNorms = [
    ("blk.N.attn_norm", "model.layers.N.input_layernorm"),
    ("blk.N.post_attention_norm", "model.layers.N.post_attention_layernorm"),
    ("blk.N.ffn_norm", "model.layers.N.pre_feedforward_layernorm"),
    ("blk.N.post_ffw_norm", "model.layers.N.post_feedforward_layernorm"),
]

extension GGUFForm {
    private init(
        _ name: String, modelType: String? = nil, otherTypes: [String] = [], _ modules: [(String, String)],
        halves: [(own: String, first: String, second: String)] = [], rowOrder: GGUFRowOrder = .same,
        rotaryTensors: RotaryTensors = .none, readsRamp: Bool = false,
        describe: @escaping @Sendable (GGUFKeys, inout JSONObject) throws -> Void,
        state: @escaping @Sendable (DecoderTraits, inout GGUFKeyList) throws -> Void = { _, _ in }
    ) {
        self.init(
            name: name, modelType: modelType ?? name, otherTypes: otherTypes,
            modules: modules.map { (stored: $0.0, own: $0.1) }, halves: halves, rowOrder: rowOrder,
            describe: describe,
            state: { backbone, keys in
                if let decoder = backbone as? RMSNormDecoder { try state(decoder.traits, &keys) }
            }, rotaryTensors: rotaryTensors, readsRamp: readsRamp)
    }

    private init(
        layerNorm name: String, modelType: String? = nil, _ modules: [(String, String)],
        rowOrder: GGUFRowOrder = .same,
        describe: @escaping @Sendable (GGUFKeys, inout JSONObject) throws -> Void,
        state: @escaping @Sendable (LayerNormConfiguration, inout GGUFKeyList) -> Void = { _, _ in }
    ) {
        self.init(
            name: name, modelType: modelType ?? name, otherTypes: [],
            modules: modules.map { (stored: $0.0, own: $0.1) }, rowOrder: rowOrder, describe: describe,
            state: { backbone, keys in
                if let decoder = backbone as? LayerNormDecoder { state(decoder.configuration, &keys) }
            }, rotaryTensors: .none)
    }

    /// Llama 2 and 3, SmolLM2, Mistral 7B and others that compute the same.
    static let llama = GGUFForm(
        "llama", otherTypes: ["mistral"], matrices + norms, rowOrder: .neighbouringPairs,
        rotaryTensors: .divisors
    ) { keys, config in
        config["attention_bias"] = keys.has(tensor: "blk.0.attn_q.bias").json
        config["mlp_bias"] = keys.has(tensor: "blk.0.ffn_gate.bias").json
        // llama.cpp looks at no window of this architecture.
        keys.asked("attention.sliding_window")
    }

    static let qwen2 = GGUFForm("qwen2", matrices + norms) { _, _ in }

    static let qwen3 = GGUFForm("qwen3", matrices + norms + rowNorms) { keys, config in
        config["attention_bias"] = keys.has(tensor: "blk.0.attn_q.bias").json
    }

    static let gemma2 = GGUFForm("gemma2", matrices + fourNorms) { keys, config in
        try describeGemma(keys, &config, usualPeriod: 2, usualWindow: 4_096, largest: 46)
        config["attn_logit_softcapping"] = .number(try keys.double("attn_logit_softcapping", 50))
        config["final_logit_softcapping"] = .number(try keys.double("final_logit_softcapping", 30))
    } state: { traits, keys in
        if let cap = traits.scores.softCap { keys.add("attn_logit_softcapping", cap) }
        if let cap = traits.logits.softCap { keys.add("final_logit_softcapping", cap) }
        stateWindows(traits, usualPeriod: 2, &keys)
    }

    static let gemma3 = GGUFForm("gemma3", modelType: "gemma3_text", matrices + fourNorms + rowNorms) {
        keys, config in
        try describeGemma(keys, &config, usualPeriod: 6, usualWindow: nil, largest: 62)
        if let cap = try keys.optionalDouble("final_logit_softcapping"), cap != 0 {
            config["final_logit_softcapping"] = .number(cap)
        }
        config["rope_local_base_freq"] = .number(try keys.double("rope.freq_base_swa", 10_000))
    } state: { traits, keys in
        if let cap = traits.logits.softCap { keys.add("final_logit_softcapping", cap) }
        if traits.rotary.count > 1 { keys.add("rope.freq_base_swa", traits.rotary[1].statement.base) }
        stateWindows(traits, usualPeriod: 6, &keys)
    }

    /// The window, and where only every so many layers see all by another period than llama.cpp takes, that.
    private static func stateWindows(_ traits: DecoderTraits, usualPeriod: Int, _ keys: inout GGUFKeyList) {
        guard let window = traits.layers.lazy.compactMap(\.window).first else { return }
        keys.add("attention.sliding_window", window)
        let period = traits.layers.firstIndex { $0.window == nil }.map { $0 + 1 } ?? 0
        // With fewer layers than a period none sees all either way.
        if period != usualPeriod, !(period == 0 && traits.layers.count < usualPeriod) {
            keys.add("attention.sliding_window_pattern", period)
        }
    }

    /// What llama.cpp supplies where a Gemma's file is silent.
    ///
    /// - Parameter largest: layers of the 27B, the one model whose queries are scaled otherwise.
    private static func describeGemma(
        _ keys: GGUFKeys, _ config: inout JSONObject, usualPeriod: Int, usualWindow: Int?, largest: Int
    ) throws {
        let layers = try keys.int("block_count")
        let window = try keys.optionalInt("attention.sliding_window") ?? usualWindow
        let windows = try keys.windows(layers, usualPeriod: usualPeriod)
        if let window, window > 0 { config["sliding_window"] = JSONValue(window) }
        config["layer_types"] = .array(
            windows.map { .string($0 && window ?? 0 > 0 ? "sliding_attention" : "full_attention") })
        let heads = try keys.alike("attention.head_count") ?? 1
        let hidden = try keys.int("embedding_length")
        let scaled = layers == largest ? hidden / heads : try keys.int("attention.key_length", hidden / heads)
        config["query_pre_attn_scalar"] = JSONValue(scaled)
        config["hidden_activation"] = .string("gelu_pytorch_tanh")
        config["norm_includes_one"] = true.json
    }

    static let phi3 = GGUFForm(
        "phi3",
        outer + attentionOutput + down + norms + [
            ("blk.N.attn_qkv", "model.layers.N.self_attn.qkv_proj"),
            ("blk.N.ffn_up", "model.layers.N.mlp.gate_up_proj"),
        ], rotaryTensors: .longAndShort
    ) { keys, config in
        // llama.cpp switches it off.
        keys.asked("attention.sliding_window")
        if let original = try keys.optionalInt("rope.scaling.original_context_length") {
            config["original_max_position_embeddings"] = JSONValue(original)
        }
    } state: { traits, keys in
        // 0 tells Phi 4, which has none, from Phi 3.
        keys.add("attention.sliding_window", traits.layers.first?.window ?? 0)
        guard let said = traits.rotary.first?.statement, said.kind == "default" else { return }
        keys.add("rope.scaling.original_context_length", traits.positions)
    }

    static let smollm3 = GGUFForm("smollm3", matrices + norms, rowOrder: .neighbouringPairs) { keys, config in
        // Of transformers and of llama.cpp, which knows no other.
        let layers = try keys.int("block_count")
        config["no_rope_layers"] = .array((0..<layers).map { .number(($0 + 1) % 4 == 0 ? 0 : 1) })
        config["attention_bias"] = keys.has(tensor: "blk.0.attn_q.bias").json
    }

    /// Granite 4 without state spaces too, whose gates and what they let through are two matrices here; of its state spaces
    /// llama.cpp's converter says all the same what they would be.
    static let granite = GGUFForm(
        "granite", otherTypes: ["granitemoehybrid"],
        matrices + norms + [("blk.N.ffn_down", "model.layers.N.shared_mlp.output_linear")],
        halves: [("model.layers.N.shared_mlp.input_linear", "blk.N.ffn_gate", "blk.N.ffn_up")],
        rowOrder: .neighbouringPairs, rotaryTensors: .divisors
    ) { keys, config in
        for key in ["conv_kernel", "state_size", "group_count", "inner_size", "time_step_rank"] {
            keys.asked("ssm.\(key)")
        }
        // Of experts, of which there are none.
        for key in ["expert_used_count", "expert_shared_feed_forward_length"] { keys.asked(key) }
        let width = config["head_dim"]?.double ?? 1
        func multiplier(_ key: String) throws -> Double? {
            try keys.optionalDouble(key).flatMap { $0 == 0 ? nil : $0 }
        }
        config["embedding_multiplier"] = .number(try multiplier("embedding_scale") ?? 1)
        config["residual_multiplier"] = .number(try multiplier("residual_scale") ?? 1)
        config["attention_multiplier"] = .number(try multiplier("attention.scale") ?? 1 / width.squareRoot())
        config["logits_scaling"] = .number(try keys.double("logit_scale"))
        config["attention_bias"] = keys.has(tensor: "blk.0.attn_q.bias").json
        config["mlp_bias"] = keys.has(tensor: "blk.0.ffn_gate.bias").json
        if try !keys.bool("rope.scaling.finetuned", true) {
            throw keys.fault(
                "rope.scaling.finetuned", "a Granite without rotary positions is not supported",
                "use a model of attention layers that turn")
        }
    } state: { traits, keys in
        if let scale = traits.scores.scale { keys.add("attention.scale", scale) }
        keys.add("embedding_scale", traits.embeddingFactor)
        keys.add("residual_scale", traits.residualFactor)
        keys.add("logit_scale", 1 / traits.logits.scale)
    }

    /// Ministral 3, and Mistrals that llama.cpp's converter found beside what reads images.
    static let mistral3 = GGUFForm(
        "mistral3", modelType: "ministral3", matrices + norms, rowOrder: .neighbouringPairs,
        rotaryTensors: .divisors, readsRamp: true
    ) { keys, config in
        try describeStretch(keys, &config)
        let growth = try keys.double("attention.temperature_scale", 0)
        guard growth != 0 else {
            config["model_type"] = .string("llama")
            config["attention_bias"] = keys.has(tensor: "blk.0.attn_q.bias").json
            config["mlp_bias"] = keys.has(tensor: "blk.0.ffn_gate.bias").json
            return
        }
        guard var rotary = config["rope_scaling"]?.object,
            rotary["original_max_position_embeddings"] != nil
        else {
            throw keys.fault(
                "attention.temperature_scale", "queries grow by a length that the file does not say",
                "use a file with rope.scaling.original_context_length")
        }
        rotary["llama_4_scaling_beta"] = .number(growth)
        config["rope_parameters"] = .object(rotary)
        config["rope_scaling"] = nil
    } state: { traits, keys in
        if let growth = traits.queryGrowth { keys.add("attention.temperature_scale", growth.beta) }
    }

    /// The factor of cosines and sines where the file says by what YaRN's usual one is divided (`llama_context`).
    private static func describeStretch(_ keys: GGUFKeys, _ config: inout JSONObject) throws {
        guard let multiplier = try keys.optionalDouble("rope.scaling.yarn_log_multiplier"), multiplier != 0,
            var rotary = config["rope_scaling"]?.object, let stretch = rotary["factor"]?.double, stretch > 1
        else { return }
        let other = try keys.double("rope.scaling.attn_factor", 1)
        let (usual, divisor) = (0.1 * log(stretch) + 1, 0.1 * multiplier * log(stretch) + 1)
        rotary["attention_factor"] = .number(other * usual / divisor)
        config["rope_scaling"] = .object(rotary)
    }

    static let olmo2 = GGUFForm(
        "olmo2", otherTypes: ["olmo3"],
        matrices + rowNorms + [
            ("blk.N.post_attention_norm", "model.layers.N.post_attention_layernorm"),
            ("blk.N.post_ffw_norm", "model.layers.N.post_feedforward_layernorm"),
        ]
    ) { keys, config in
        guard let window = try keys.optionalInt("attention.sliding_window"), window > 0 else { return }
        // OLMo 3 under the same name.
        config["model_type"] = .string("olmo3")
        config["sliding_window"] = JSONValue(window)
        let windows = try keys.windows(try keys.int("block_count"), usualPeriod: 4)
        config["layer_types"] = .array(
            windows.map { .string($0 ? "sliding_attention" : "full_attention") })
        // Layers with a window turn by a base of their own, and never slower.
        let base = config["rope_theta"]?.double ?? 10_000
        var full = config["rope_scaling"]?.object ?? ["rope_type": .string("default")]
        full["rope_theta"] = .number(base)
        let sliding: JSONObject = [
            "rope_type": .string("default"),
            "rope_theta": .number(try keys.double("rope.freq_base_swa", base)),
        ]
        config["rope_parameters"] = .object([
            "full_attention": .object(full), "sliding_attention": .object(sliding),
        ])
        for key in ["rope_theta", "rope_scaling"] { config[key] = nil }
    } state: { traits, keys in
        if traits.rotary.count > 1 { keys.add("rope.freq_base_swa", traits.rotary[1].statement.base) }
        guard let window = traits.layers.lazy.compactMap(\.window).first else { return }
        keys.add("attention.sliding_window", window)
        keys.add(
            "attention.sliding_window_pattern", .array(.bool(traits.layers.map { $0.window != nil })))
    }

    static let gpt2 = GGUFForm(
        layerNorm: "gpt2",
        [
            ("token_embd", "transformer.wte"), ("position_embd", "transformer.wpe"),
            ("output_norm", "transformer.ln_f"), ("output", "lm_head"),
            ("blk.N.attn_norm", "transformer.h.N.ln_1"), ("blk.N.ffn_norm", "transformer.h.N.ln_2"),
            ("blk.N.attn_qkv", "transformer.h.N.attn.c_attn"),
            ("blk.N.attn_output", "transformer.h.N.attn.c_proj"),
            ("blk.N.ffn_up", "transformer.h.N.mlp.c_fc"), ("blk.N.ffn_down", "transformer.h.N.mlp.c_proj"),
        ]
    ) { keys, config in
        for (own, common) in [
            ("n_embd", "hidden_size"), ("n_layer", "num_hidden_layers"), ("n_head", "num_attention_heads"),
            ("n_inner", "intermediate_size"), ("n_positions", "max_position_embeddings"),
        ] { config[own] = config[common] }
        for key in [
            "hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "head_dim",
            "intermediate_size", "max_position_embeddings", "rope_theta",
        ] { config[key] = nil }
        config["layer_norm_epsilon"] = .number(try keys.double("attention.layer_norm_epsilon"))
        config["conv1d_transposed_back"] = true.json
    }

    static let gptNeoX = GGUFForm(
        layerNorm: "gptneox", modelType: "gpt_neox",
        [
            ("token_embd", "gpt_neox.embed_in"), ("output_norm", "gpt_neox.final_layer_norm"),
            ("output", "embed_out"), ("blk.N.attn_norm", "gpt_neox.layers.N.input_layernorm"),
            ("blk.N.ffn_norm", "gpt_neox.layers.N.post_attention_layernorm"),
            ("blk.N.attn_qkv", "gpt_neox.layers.N.attention.query_key_value"),
            ("blk.N.attn_output", "gpt_neox.layers.N.attention.dense"),
            ("blk.N.ffn_up", "gpt_neox.layers.N.mlp.dense_h_to_4h"),
            ("blk.N.ffn_down", "gpt_neox.layers.N.mlp.dense_4h_to_h"),
        ], rowOrder: .groupedProjections
    ) { keys, config in
        config["layer_norm_eps"] = .number(try keys.double("attention.layer_norm_epsilon"))
        config["use_parallel_residual"] = try keys.bool("use_parallel_residual", true).json
        config["rotary_emb_base"] = config["rope_theta"]
        config["rotary_pct"] = config["partial_rotary_factor"] ?? .number(1)
        for key in ["rope_theta", "partial_rotary_factor", "head_dim", "num_key_value_heads"] {
            config[key] = nil
        }
        config["qkv_grouped"] = true.json
    } state: { configuration, keys in
        keys.add("use_parallel_residual", .bool(configuration.isParallel))
    }
}
