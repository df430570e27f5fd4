import ModelFiles

extension GGUFVocabulary {
    /// Of a model's file. Throws `ModelFileError` for keys of other types, `TokenizerError` where there is no vocabulary.
    package static func read(_ file: GGUFFile) throws -> GGUFVocabulary {
        let keys = file.metadata
        func name(_ key: String) -> String { "tokenizer.ggml.\(key)" }
        func fault(_ key: String, _ value: Int) -> TokenizerError {
            TokenizerError(
                file: file.path, problem: "\(name(key)) is \(value)",
                advice: "convert the model again, or take another file of it")
        }
        func id(_ key: String) throws -> Int32? {
            try keys.int(name(key)).map { value in
                guard let id = Int32(exactly: value) else { throw fault(key, value) }
                return id
            }
        }
        guard let model = try keys.string(name("model")), let tokens = try keys.strings(name("tokens")) else {
            throw TokenizerError(
                file: file.path,
                problem:
                    "the file has no vocabulary (tokenizer.ggml.model and tokens); convert the model again with one"
            )
        }
        var vocabulary = GGUFVocabulary(model: model, pre: try keys.string(name("pre")), tokens: tokens)
        vocabulary.scores = try keys.floats(name("scores")) ?? []
        vocabulary.tokenTypes = try (keys.ints(name("token_type")) ?? []).map { value in
            guard let type = Int32(exactly: value) else { throw fault("token_type", value) }
            return type
        }
        vocabulary.merges = try keys.strings(name("merges")) ?? []
        vocabulary.bosID = try id("bos_token_id")
        vocabulary.eosID = try id("eos_token_id")
        vocabulary.eotID = try id("eot_token_id")
        vocabulary.unknownID = try id("unknown_token_id")
        vocabulary.paddingID = try id("padding_token_id")
        vocabulary.separatorID = try id("seperator_token_id")
        vocabulary.maskID = try id("mask_token_id")
        vocabulary.addSEP = try keys.bool(name("add_sep_token"))
        vocabulary.removesExtraSpaces = try keys.bool(name("remove_extra_whitespaces"))
        vocabulary.characterMap = try (keys.ints(name("precompiled_charsmap")) ?? []).map { value in
            // Older files have them as signed bytes.
            guard (-128...255).contains(value) else { throw fault("precompiled_charsmap", value) }
            return UInt8(truncatingIfNeeded: value)
        }
        vocabulary.lowercases = try keys.bool(name("normalizer.lowercase"))
        vocabulary.stripsAccents = try keys.bool(name("normalizer.strip_accents"))
        vocabulary.typeCount = try keys.int(name("token_type_count"))
        vocabulary.addBOS = try keys.bool(name("add_bos_token"))
        vocabulary.addEOS = try keys.bool(name("add_eos_token"))
        vocabulary.addSpacePrefix = try keys.bool(name("add_space_prefix"))
        vocabulary.modelName = try keys.string("general.name")
        return vocabulary
    }
}
