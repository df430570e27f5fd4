import GoldenFiles
import ModelFiles
import Testing
import Transformers

/// Settings of decoders that would compute something else, and models of other kinds, are errors that name them.
@Suite struct DecoderConfigTests {
    private func message(_ model: String, _ settings: String) throws -> String {
        var config = try #require(try Golden.json("decoders/\(model)/model/config.json").object)
        for (key, value) in try JSONValue.parse("{\(settings)}").object?.members ?? [] { config[key] = value }
        do {
            let config = try HFConfig(json: .object(config), path: "c")
            _ = try Architecture.of(config).sizes(config)
            return "no error"
        } catch { return "\(error)" }
    }

    @Test(arguments: [
        (
            "mistral", #""layer_types": ["full_attention", "sliding_attention"]"#,
            "layer_types: layers of several"
        ),
        ("mistral", #""sliding_window": 0"#, "key 'sliding_window': 0 is outside 1...1000000000"),
        ("mistral", #""hidden_act": "relu""#, "key 'hidden_act': 'relu' is not supported"),
        ("qwen2", #""layer_types": ["full_attention"]"#, "layer_types: 1 types of 3 layers"),
        (
            "qwen2", #""layer_types": ["full_attention", "linear_attention", "full_attention"]"#,
            "layer_types: layers of type \"linear_attention\" are not supported; use a model whose layers"
        ),
        ("qwen2", #""use_sliding_window": false"#, "layer_types: layers of sliding_attention, and no"),
        ("qwen2", #""use_sliding_window": 1"#, "key 'use_sliding_window': 1 is neither true nor false"),
        ("qwen3", #""head_dim": 7"#, "head_dim: rotary positions turn pairs, and 7 is odd"),
        ("qwen3", #""num_key_value_heads": 3"#, "num_key_value_heads: 3 do not divide 4 heads"),
        ("gemma2", #""attn_logit_softcapping": -1"#, "key 'attn_logit_softcapping': -1.0 is outside"),
        (
            "gemma2", #""use_bidirectional_attention": true"#,
            "use_bidirectional_attention: attention that sees"
        ),
        ("gemma2", #""hidden_activation": "gelu""#, "key 'hidden_activation': 'gelu' is not supported"),
        ("gemma3", #""attn_logit_softcapping": 50"#, "attn_logit_softcapping: transformers caps no scores"),
        (
            "gemma3", #""rope_parameters": {"rope_type": "default"}"#,
            "rope_parameters.rope_type: rotary positions of this model are said for each type"
        ),
        (
            "gemma3", #""rope_scaling": {"rope_type": "linear", "factor": 8}"#,
            "rope_scaling: it says something else than rope_parameters"
        ),
        ("phi3", #""lm_head_bias": true"#, "lm_head_bias: transformers' Phi 3 has no biases"),
        ("granite4", #""normalization_function": "layernorm""#, "'layernorm' is not supported"),
        ("phi3", #""mlp_bias": true"#, "mlp_bias: transformers' Phi 3 has no biases"),
        (
            "phi3", #""rope_parameters": {"rope_type": "linear", "factor": 2}"#,
            "rotary positions of kind 'linear' are not supported; supported are default, longrope, su, yarn"
        ),
        (
            "phi3",
            #""rope_parameters": {"rope_type": "longrope", "short_factor": [1], "long_factor": [1, 2], "partial_rotary_factor": 0.5}"#,
            "rope_parameters.short_factor: not 2 numbers in"
        ),
        (
            "phi3", #""rope_parameters": {"rope_type": "default", "partial_rotary_factor": 0.4}"#,
            "rope_parameters.partial_rotary_factor: 3 of 8 columns turn, which are no pairs"
        ),
        ("smollm3", #""no_rope_layers": [1, 0, 2, 1]"#, "no_rope_layers: not 4 numbers, 0 or 1"),
        ("smollm3", #""no_rope_layers": [1, 0]"#, "no_rope_layers: not 4 numbers, 0 or 1"),
        (
            "granite4", #""num_local_experts": 4"#,
            "num_local_experts: layers that mix experts are not supported"
        ),
        (
            "granite4", #""layer_types": ["attention", "mamba"]"#,
            "layer_types: not 2 layers of attention; those of state spaces are not supported"
        ),
        ("granite4", #""layer_types": null"#, "layer_types: not 2 layers of attention"),
        ("olmo3", #""rope_theta": 10000"#, "rope_theta: transformers takes another base than 500000"),
        (
            "olmo3",
            #""rope_parameters": {"full_attention": {"rope_type": "yarn", "factor": 2, "truncate": false}}"#,
            "rope_parameters.full_attention.truncate: transformers does not follow it"
        ),
        ("ministral3", #""rope_parameters": null"#, "rope_parameters.llama_4_scaling_beta: missing, or not"),
        (
            "ministral3", #""rope_parameters": {"rope_type": "default", "llama_4_scaling_beta": 0.1}"#,
            "rope_parameters.original_max_position_embeddings: missing, or not"
        ),
        ("granite", #""logits_scaling": 0"#, "key 'logits_scaling': 0.0 is outside"),
        (
            "rope", #""rope_parameters": {"rope_type": "mrope"}"#,
            "supported are default, linear, llama3, dynamic"
        ),
        ("rope", #""rope_parameters": {"rope_type": "yarn"}"#, "rope_parameters.factor: missing"),
        (
            "rope", #""rope_parameters": {"rope_type": "yarn", "rope_theta": 1, "factor": 2}"#,
            "rope_parameters.rope_theta: 1.0 is not above 1"
        ),
        (
            "rope", #""rope_parameters": {"rope_type": "yarn", "factor": 2, "truncate": "no"}"#,
            "rope_parameters.truncate: neither true nor false"
        ),
        ("rope", #""rope_parameters": {"rope_type": "dynamic"}"#, "rope_parameters.factor: missing"),
        ("rope", #""rope_freq_factors": [1, 2]"#, "rope_freq_factors: not 8 positive numbers"),
        (
            "rope",
            #""rope_freq_factors": [1,1,1,1,1,1,1,1], "rope_parameters": {"rope_type": "dynamic", "factor": 2}"#,
            "rope_freq_factors: divisors beside rotary positions of kind 'dynamic'"
        ),
        ("rope", #""quantization_config": {"bits": 4}"#, "the weights are quantized"),
    ])
    func isRefused(model: String, settings: String, problem: String) throws {
        let message = try message(model, settings)
        #expect(message.hasPrefix("c: ") && message.contains(problem), "\(message)")
        #expect(message.contains("; ") && !message.contains("\n"), "\(message) says what to try")
    }

    @Test(arguments: [
        ("mistral", #""layer_types": ["sliding_attention", "sliding_attention"]"#),
        ("gemma3", #""rope_parameters": null, "rope_scaling": {"rope_type": "linear", "factor": 8}"#),
        (
            "phi3",
            #""rope_parameters": {"type": "su", "short_factor": [1, 1], "long_factor": [1, 2], "partial_rotary_factor": 0.5}"#
        ),
        ("qwen2", #""use_sliding_window": false, "layer_types": null, "sliding_window": 131072"#),
        ("smollm3", #""pretraining_tp": 2"#),
        ("granite4", #""layer_types": null, "layers_block_type": ["attention", "attention"]"#),
    ])
    func isAccepted(model: String, settings: String) throws {
        #expect(try message(model, settings) == "no error")
    }

    /// What published files hold beside what transformers' classes write.
    @Test(arguments: [
        (
            "phi3",
            #""full_attn_mod": 1, "interpolate_factor": 1, "lm_head_bias": false, "mlp_bias": false, "attention_bias": false"#
        ),
        ("smollm3", #""max_window_layers": 28, "pretraining_tp": 2, "rope_scaling": null"#),
        ("granite4", #""init_method": "mup", "normalization_function": "rmsnorm", "rope_scaling": null"#),
        ("gemma2", #""hidden_act": "gelu_pytorch_tanh", "cache_implementation": "hybrid""#),
        ("gemma3", #""cache_implementation": "hybrid", "_sliding_window_pattern": 6, "rope_scaling": null"#),
        ("qwen2", #""rope_scaling": null, "max_window_layers": 21"#),
    ])
    func publishedKeysAreKnown(model: String, settings: String) throws {
        var config = try #require(try Golden.json("decoders/\(model)/model/config.json").object)
        for (key, value) in try JSONValue.parse("{\(settings)}").object?.members ?? [] { config[key] = value }
        let changed = try HFConfig(json: .object(config), path: "c")
        _ = try Architecture.of(changed).sizes(changed)
        #expect(changed.unreadKeys.isEmpty, "\(changed.unreadKeys)")
    }

    @Test(arguments: [
        ("qwen3_moe", "its layers mix experts"), ("gpt_oss", "mix experts"), ("deepseek_v3", "mix experts"),
        ("llama4", "mix experts"),
        ("nemotron_h", "layers of state spaces, recurrences or convolutions"),
        ("qwen3_next", "recurrences"), ("lfm2", "convolutions"), ("gemma3n", "embeddings of each layer"),
        ("gemma4", "embeddings of each layer"), ("gemma3", "it reads pictures"),
        ("mistral3", "it reads pictures"), ("siglip2", "of models of two towers only"),
        ("clip_text_model", "it is one tower of two"),
        ("swin", "in another way than ViT"), ("vit_mae", "of ViT's kin only"),
        ("t5", "is not an architecture this version can train; use a checkpoint of bert"),
    ])
    func otherModelsAreRefusedByName(type: String, reason: String) throws {
        let message = try message("rope", #""model_type": "\#(type)""#)
        #expect(message.hasPrefix("c: model_type: \"\(type)\" is not an architecture"), "\(message)")
        #expect(message.contains(reason) && message.contains("use a checkpoint of bert"), "\(message)")
        #expect(message.contains("qwen3, gemma2, gemma3_text"), "\(message)")
    }
}
