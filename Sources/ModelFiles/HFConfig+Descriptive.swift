extension HFConfig {
    /// Keys that describe how a model was made or saved, what shape transformers gives its answers, or how text is
    /// generated: an encoder computes the same whatever they say.
    package static let descriptiveKeys: Set<String> = making.union(answers).union(generation).union(unread)

    private static let making: Set<String> = [
        "_name_or_path", "name_or_path", "_commit_hash", "architectures", "dtype", "torch_dtype",
        "finetuning_task",
        "gradient_checkpointing", "id2label", "label2id", "num_labels", "_num_labels", "initializer_range",
        "problem_type", "transformers_version", "use_cache", "task_specific_params", "custom_pipelines",
        "attn_implementation", "_attn_implementation", "_attn_implementation_internal",
        "_attn_implementation_autoset", "experts_implementation",
    ]

    private static let answers: Set<String> = [
        "output_hidden_states", "output_attentions", "return_dict", "use_return_dict", "torchscript",
        "tie_last_hidden_states", "is_encoder_decoder", "chunk_size_feed_forward", "use_bfloat16",
        "tf_legacy_loss", "tie_encoder_decoder", "cross_attention_hidden_size",
    ]

    private static let generation: Set<String> = [
        "max_length", "min_length", "max_new_tokens", "min_new_tokens", "do_sample", "early_stopping",
        "num_beams",
        "num_beam_groups", "diversity_penalty", "temperature", "top_k", "top_p", "min_p", "typical_p",
        "repetition_penalty", "length_penalty", "no_repeat_ngram_size", "encoder_no_repeat_ngram_size",
        "bad_words_ids", "num_return_sequences", "output_scores", "return_dict_in_generate",
        "forced_bos_token_id", "forced_eos_token_id", "remove_invalid_values",
        "exponential_decay_length_penalty", "suppress_tokens", "begin_suppress_tokens", "prefix",
        "bos_token_id", "eos_token_id", "sep_token_id", "cls_token_id", "mask_token_id",
        "decoder_start_token_id",
    ]

    /// Of published configs, and read by no version of transformers for these architectures.
    private static let unread: Set<String> = [
        "directionality", "pooler_fc_size", "pooler_num_attention_heads", "pooler_num_fc_layers",
        "pooler_size_per_head", "pooler_type", "z_steps",
    ]
}
