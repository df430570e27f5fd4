import Messages
import ModelFiles

extension AdapterConfiguration {
    private static let mergeInstead =
        "merge it with PEFT (merge_and_unload) and take the merged model as the base"

    /// Fields by which the file's tensors would mean something else, or belong to modules that are not there.
    static func refuse(_ json: JSONValue, _ fault: Fault) throws {
        if try flag("use_qalora", json, fault) {
            throw fault(
                "use_qalora", "it works on quantized groups, which is not supported", mergeInstead)
        }
        for (key, what) in [
            ("layer_replication", "layers of the base are repeated"),
            ("megatron_config", "its modules are Megatron's"),
            ("trainable_token_indices", "rows of embeddings are replaced"),
            ("target_parameters", "it adapts parameters that are no module"),
            ("use_bdlora", "its matrices are block-diagonal"),
            ("kasa_config", "KaSA changes the base's weights"),
            ("monteclora_config", "its matrices are drawn at random"),
            ("velora_config", "VeLoRA's module is another one"),
        ] where json[key].map(isSet) ?? false {
            throw fault(key, "\(what), which is not supported", mergeInstead)
        }
        for (key, what) in [
            ("arrow_config", "several adapters are routed"),
            ("alora_invocation_tokens", "it acts only after certain tokens"),
        ] where json[key].map(isSet) ?? false {
            throw fault(
                key, "\(what), which is not supported", "no merged model does the same; use it with PEFT")
        }
        guard let start = json["init_lora_weights"], !start.isNull, start.bool == nil else { return }
        let name = start.string?.lowercased() ?? ""
        if json["peft_type"]?.string == "LORA", weightStart(json) != nil { return }
        // These starts take something out of the base's weights that cannot be told from them again.
        if ["pissa", "olora", "loftq", "corda", "lora_ga"].contains(where: name.hasPrefix) {
            throw fault(
                "init_lora_weights", "\(quoted(name)) changes the base's weights at the start",
                "convert it to plain LoRA with PEFT (save_pretrained with path_initial_model_for_weight_conversion)"
            )
        }
        guard ["gaussian", "eva", "orthogonal", "mica"].contains(name) else {
            throw fault(
                "init_lora_weights",
                "\(quoted(name)) is a start that is not known here and may change the base's weights",
                mergeInstead)
        }
    }

    /// A start that took of the base's weights what they tell again. `pissa_niter_N` draws at random.
    static func weightStart(_ json: JSONValue) -> LoRASettings.Start? {
        let taken: [LoRASettings.Start] = [.pissa, .olora]
        return taken.first { $0.rawValue == json["init_lora_weights"]?.string?.lowercased() }
    }

    static func trainsBiases(_ json: JSONValue, _ fault: Fault) throws -> Bool {
        guard let bias = json["bias"], !bias.isNull else { return false }
        guard let name = bias.string, ["none", "all", "lora_only"].contains(name) else {
            throw fault("bias", "\(quoted(bias.string ?? "?")) is neither none, all nor lora_only", asSaved)
        }
        return name != "none"
    }

    /// Of PEFT 0.21: read here, or without a part in what a trained adapter computes.
    private static let known: Set<String> = [
        "alpha_pattern", "auto_mapping", "base_model_name_or_path", "beta1", "beta2", "bias", "corda_config",
        "deltaT", "ensure_weight_tying", "eva_config", "exclude_modules", "fan_in_fan_out",
        "feedforward_modules",
        "inference_mode", "init_ia3_weights",
        "init_lora_weights", "init_r", "layers_pattern", "layers_to_transform", "loftq_config",
        "lora_alpha", "lora_bias", "lora_dropout", "lora_ga_config", "megatron_core", "modules_to_save",
        "orth_reg_weight", "peft_type", "peft_version", "qalora_group_size", "r", "rank_pattern", "revision",
        "runtime_config", "target_modules", "target_r", "task_type", "tfinal", "tinit", "total_step",
        "use_dora", "use_qalora", "use_rslora",
    ]

    private static func isSet(_ value: JSONValue) -> Bool {
        if value.isNull || value.bool == false { return false }
        return !(value.array?.isEmpty ?? value.object?.members.isEmpty ?? value.string?.isEmpty ?? false)
    }

    /// A field of a later PEFT that is switched on, or lists something, may make the tensors mean something else. A
    /// number or a word also stands there when nobody has set it: a warning each.
    static func unknownFields(_ json: JSONValue, _ fault: Fault) throws -> [String] {
        try (json.object?.members ?? []).compactMap { key, value in
            guard !known.contains(key), isSet(value) else { return nil }
            guard value.double != nil || value.string != nil else {
                throw fault(
                    oneLine(key),
                    "a field that is not known here is set, and may change what the adapter computes",
                    mergeInstead)
            }
            return "\(oneLine(key)): a field that is not known here is set, and is ignored"
        }
    }
}
