import ModelFiles

extension ClassSections {
    /// SigLIP's: SentencePiece on small letters without punctuation, and one token behind each text.
    func canonicalPieces() throws -> JSONValue {
        let unknown = try text("unk_token", "<unk>")
        let end = try text("eos_token", "</s>")
        if let arguments = files.settings["sp_model_kwargs"]?.object, !arguments.isEmpty {
            throw refused("the setting sp_model_kwargs")
        }
        var model = (stored["model"] ?? .null).setting("unk_token", .string(unknown))
        // transformers takes the space out of the model itself then.
        if try !files.flag("legacy", true, nullIsFalse: true) {
            model = model.setting("add_dummy_prefix", .bool(false))
        }
        guard let endID = vocabulary.id(of: end) else { throw refused("the eos_token \(inQuotes(end))") }
        func part(_ text: String) -> [JSONValue] {
            [
                .object(["Sequence": .object(["id": .string(text), "type_id": JSONValue(0)])]),
                .object(["SpecialToken": .object(["id": .string(end), "type_id": JSONValue(0)])]),
            ]
        }
        return .object([
            "added_tokens": try canonicalTokens().section,
            "normalizer": .object([
                "type": .string("CanonicalText"), "lowercase": .bool(try files.flag("do_lower_case", true)),
            ]),
            "post_processor": .object([
                "type": .string("TemplateProcessing"), "single": .array(part("A")),
                "pair": .array(part("A") + part("B")),
                "special_tokens": .object([
                    end: .object([
                        "id": .string(end), "ids": .array([JSONValue(Int(endID))]),
                        "tokens": .array([.string(end)]),
                    ])
                ]),
            ]),
            "padding": try padding("</s>"),
            "decoder": .object([
                "type": .string("Metaspace"), "replacement": .string("▁"),
                "prepend_scheme": .string("always"),
            ]),
            "model": model,
        ])
    }

    /// They are pieces of the model; others would take part in the text that is left of them.
    private func canonicalTokens() throws -> AddedList {
        var list = AddedList(vocabularyCount: vocabulary.count, idOf: vocabulary.id)
        let usual = ["eos_token": "</s>", "unk_token": "<unk>", "pad_token": "</s>"]
        let roles = try SideFiles.roles.compactMap { key -> SideFiles.Given? in
            guard let given = try files.role(key, usual: usual[key]) else { return nil }
            guard case .text(let text) = given, usual[key] != nil else { return given }
            return .token(
                AddedToken(text: text, id: -1, stripsLeft: true, stripsRight: true, isSpecial: true))
        }
        list.add(
            declared: files.declared, roles: roles + (try files.otherRoles()), extra: try files.extraTokens())
        for token in list.tokens {
            guard vocabulary.id(of: token.text) != nil, token.isSpecial, !token.isSingleWord else {
                throw refused("the added token \(inQuotes(token.text))")
            }
        }
        var all = AddedList(vocabularyCount: vocabulary.count, idOf: vocabulary.id)
        for var token in list.tokens {
            // Without the library all are looked for in the text as it stands.
            token.isNormalized = false
            all.add(token)
        }
        return all
    }

    private func refused(_ what: String) -> TokenizerError {
        TokenizerError(
            file: files.path, problem: "\(what) of SiglipTokenizer is not supported",
            advice: "this version reads special tokens that are pieces of spiece.model")
    }
}

extension ClassSections {
    /// SigLIP 2's: Gemma's BPE of pieces on small letters.
    func smallPieces() throws -> JSONValue {
        let added = try added([
            "bos_token": "<bos>", "eos_token": "<eos>", "unk_token": "<unk>", "pad_token": "<pad>",
            "mask_token": "<mask>",
        ])
        func replaced(_ old: String, _ new: String) -> JSONValue {
            .object([
                "type": .string("Replace"), "pattern": .object(["String": .string(old)]),
                "content": .string(new),
            ])
        }
        return .object([
            "added_tokens": added.section,
            "normalizer": .object([
                "type": .string("Sequence"),
                "normalizers": .array([.object(["type": .string("Lowercase")]), replaced(" ", "▁")]),
            ]),
            "pre_tokenizer": .object([
                "type": .string("Split"), "pattern": .object(["String": .string(" ")]),
                "behavior": .string("MergedWithPrevious"), "invert": .bool(false),
            ]),
            // transformers takes add_bos_token and add_eos_token away where there is a tokenizer.json.
            "post_processor": stored["post_processor"] ?? .null,
            "padding": try padding("<pad>"),
            "decoder": .object([
                "type": .string("Sequence"),
                "decoders": .array([
                    replaced("▁", " "), .object(["type": .string("ByteFallback")]),
                    .object(["type": .string("Fuse")]),
                ]),
            ]),
            "model": .object([
                "type": .string("BPE"), "unk_token": .string(try text("unk_token", "<unk>")),
                "fuse_unk": .bool(true), "byte_fallback": .bool(true),
                "vocab": stored["model"]?["vocab"] ?? .null,
                "merges": stored["model"]?["merges"] ?? .array([]),
            ]),
        ])
    }
}
