import ModelFiles

extension GGUFVocabulary {
    /// As a GGUF has them.
    package var keys: [(key: String, value: GGUFValue)] {
        var keys: [(key: String, value: GGUFValue)] = []
        func add(_ key: String, _ value: GGUFValue?) {
            if let value { keys.append(("tokenizer.ggml.\(key)", value)) }
        }
        func id(_ id: Int32?) -> GGUFValue? { id.map { .uint32(UInt32(clamping: $0)) } }
        add("token_type_count", typeCount.map { .uint32(UInt32(clamping: $0)) })
        add("model", .string(model))
        add("pre", pre.map { .string($0) })
        add("tokens", .array(.string(tokens)))
        if !scores.isEmpty { add("scores", .array(.float32(scores))) }
        if !tokenTypes.isEmpty { add("token_type", .array(.int32(tokenTypes))) }
        if !merges.isEmpty { add("merges", .array(.string(merges))) }
        add("bos_token_id", id(bosID))
        add("eos_token_id", id(eosID))
        add("eot_token_id", id(eotID))
        add("unknown_token_id", id(unknownID))
        add("seperator_token_id", id(separatorID))
        add("padding_token_id", id(paddingID))
        add("mask_token_id", id(maskID))
        add("add_bos_token", addBOS.map { .bool($0) })
        add("add_eos_token", addEOS.map { .bool($0) })
        add("add_sep_token", addSEP.map { .bool($0) })
        add("add_space_prefix", addSpacePrefix.map { .bool($0) })
        add("remove_extra_whitespaces", removesExtraSpaces.map { .bool($0) })
        if !characterMap.isEmpty { add("precompiled_charsmap", .array(.uint8(characterMap))) }
        add("normalizer.lowercase", lowercases.map { .bool($0) })
        add("normalizer.strip_accents", stripsAccents.map { .bool($0) })
        return keys
    }
}
