import ModelFiles

/// What of a `config.json` would compute something else.
extension EncoderConfiguration {
    /// Weights that are not what their names say.
    static func refuseOtherWeights(_ config: HFConfig) throws {
        for (key, problem, advice) in [
            (
                "quantization_config", "the weights are quantized, which is not supported",
                "take the model in float32, float16 or bfloat16, as it was before"
            ),
            (
                "pruned_heads", "heads were taken out of the layers, which is not supported",
                "use the model as it was before, with all heads"
            ),
            (
                "per_layer_config", "layers have settings of their own, which is not supported",
                "use a model whose layers are alike"
            ),
        ] {
            guard let value = config.value(key), value.object?.isEmpty != true, value.array?.isEmpty != true
            else { continue }
            throw ModelFileError(file: config.path, place: key, problem: problem, advice: advice)
        }
    }

    static func refuseOtherAttention(_ config: HFConfig) throws {
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

    static func refuseOtherGroups(_ config: HFConfig, _ family: EncoderFamily) throws {
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

    static func refuseOtherDeberta(_ config: HFConfig, width: Int, heads: Int) throws {
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
        guard activation == "gelu" || activation == "gelu_python" else {
            throw ModelFileError(
                file: config.path, place: "pooler_hidden_act", problem: "\"\(activation)\" is not supported",
                advice: "supported are gelu and gelu_python")
        }
    }
}
