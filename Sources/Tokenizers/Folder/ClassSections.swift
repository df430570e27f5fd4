import ModelFiles

/// A `tokenizer.json` as the class of transformers (5.24) makes it that opens a folder: from the vocabulary, the side
/// files' settings and the class's own.
struct ClassSections {
    let kind: TokenizerClass
    let files: SideFiles
    /// What `tokenizer.json` holds, or as much as the other files say.
    let stored: JSONValue
    let vocabulary: StoredVocabulary
    /// Of the file with the vocabulary, for messages.
    let path: String

    func made() throws -> JSONValue {
        switch kind {
        case .bert, .distilBert, .mpnet: try wordPiece()
        case .roberta: try bytePairs()
        case .clip: try endedBytePairs()
        case .siglip: try canonicalPieces()
        case .siglip2: try smallPieces()
        case .xlmRoberta, .camembert, .albert, .debertaV2: try unigram()
        case .stored: try asStored()
        }
    }

    // MARK: The parts of each class

    private func asStored() throws -> JSONValue {
        var added = AddedList(vocabularyCount: vocabulary.count, idOf: vocabulary.id)
        let listed = try TokenizerFile.addedTokens(
            stored["added_tokens"]?.array ?? [], vocabulary.index, vocabularyCount: vocabulary.count, path)
        for token in listed { added.add(token) }
        let padding = stored["padding"]?["pad_token"]?.string
        let roles = try SideFiles.roles.compactMap {
            try files.role($0, usual: $0 == "pad_token" ? padding : nil)
        }
        added.add(
            declared: files.declared, roles: roles + (try files.otherRoles()), extra: try files.extraTokens())
        let made = stored.setting("added_tokens", added.section)
        guard let around = try aroundAsSet(added) else { return made }
        return made.setting("post_processor", around)
    }

    /// As `add_bos_token` and `add_eos_token` say; nil where nothing says so, or `tokenizer.json` says the same.
    private func aroundAsSet(_ added: AddedList) throws -> JSONValue? {
        let keys = ["add_bos_token", "add_eos_token"]
        guard keys.contains(where: { files.settings[$0] != nil }) else { return nil }
        func token(_ key: String, _ role: String) throws -> String? {
            guard try files.flag(key, false, nullIsFalse: true) else { return nil }
            return try files.role(role)?.text
        }
        let start = try token("add_bos_token", "bos_token")
        let end = try token("add_eos_token", "eos_token")
        func part(_ kind: String, _ name: String, _ type: Int) -> JSONValue {
            .object([kind: .object(["id": .string(name), "type_id": JSONValue(type)])])
        }
        func parts(_ text: String, _ type: Int) -> [JSONValue] {
            [
                start.map { part("SpecialToken", $0, type) }, part("Sequence", text, type),
                end.map { part("SpecialToken", $0, type) },
            ].compactMap(\.self)
        }
        var special = JSONObject()
        for token in [start, end].compactMap(\.self) {
            guard let id = added.id(of: token) else { throw missing(token) }
            special[token] = .object([
                "id": .string(token), "ids": .array([JSONValue(Int(id))]), "tokens": .array([.string(token)]),
            ])
        }
        let section = JSONValue.object([
            "type": .string("TemplateProcessing"), "single": .array(parts("A", 0)),
            "pair": .array(parts("A", 0) + parts("B", 1)), "special_tokens": .object(special),
        ])
        let wanted = try PostProcessor(section, idOf: added.id, path).template
        let known = try? PostProcessor(stored["post_processor"], idOf: added.id, path).template
        return known == wanted ? nil : section
    }

    private func wordPiece() throws -> JSONValue {
        let isMPNet = kind == .mpnet
        let unknown = try text("unk_token", "[UNK]")
        guard vocabulary.id(of: unknown) != nil else { throw missing(unknown) }
        let start = try text("cls_token", isMPNet ? "<s>" : "[CLS]")
        let end = try text("sep_token", isMPNet ? "</s>" : "[SEP]")
        var usual: [String: String] = [
            "unk_token": "[UNK]", "sep_token": "[SEP]", "pad_token": "[PAD]", "cls_token": "[CLS]",
            "mask_token": "[MASK]",
        ]
        if isMPNet {
            usual = Self.usualRoles
            usual["unk_token"] = "[UNK]"
        }
        let added = try added(usual) { key, given in
            guard isMPNet, key == "mask_token", case .text(let text) = given else { return given }
            return .token(AddedToken(text: text, id: -1, stripsLeft: true, isSpecial: true))
        }
        let accents = files.settings["strip_accents"] ?? .null
        guard accents.isNull || accents.bool != nil else {
            throw TokenizerError(file: files.path, problem: "the setting strip_accents is not a Bool")
        }
        return .object([
            "added_tokens": added.section,
            "normalizer": .object([
                "type": .string("BertNormalizer"), "clean_text": .bool(true),
                "handle_chinese_chars": .bool(try files.flag("tokenize_chinese_chars", true)),
                "strip_accents": accents, "lowercase": .bool(try files.flag("do_lower_case", true)),
            ]),
            "pre_tokenizer": .object(["type": .string("BertPreTokenizer")]),
            "post_processor": isMPNet
                ? try around("RobertaProcessing", start, end, added, trims: true)
                : try around("BertProcessing", start, end, added),
            "padding": try padding(isMPNet ? "<pad>" : "[PAD]"),
            "decoder": .object(["type": .string("WordPiece")]),
            "model": .object([
                "type": .string("WordPiece"), "unk_token": .string(unknown),
                "continuing_subword_prefix": .string("##"), "max_input_chars_per_word": JSONValue(100),
                "vocab": stored["model"]?["vocab"] ?? .null,
            ]),
        ])
    }

    private func bytePairs() throws -> JSONValue {
        let start = try text("cls_token", "<s>")
        let end = try text("sep_token", "</s>")
        let added = try added(Self.usualRoles)
        let prefix = try files.flag("add_prefix_space", false)
        return .object([
            "added_tokens": added.section, "normalizer": .null,
            "pre_tokenizer": .object([
                "type": .string("ByteLevel"), "add_prefix_space": .bool(prefix), "use_regex": .bool(true),
            ]),
            "post_processor": try around(
                "RobertaProcessing", start, end, added, trims: try files.flag("trim_offsets", true),
                prefix: prefix),
            "padding": try padding("<pad>"), "decoder": .object(["type": .string("ByteLevel")]),
            "model": .object([
                "type": .string("BPE"), "vocab": stored["model"]?["vocab"] ?? .null,
                "merges": stored["model"]?["merges"] ?? .array([]),
            ]),
        ])
    }

    private func unigram() throws -> JSONValue {
        let isFramed = kind == .albert || kind == .debertaV2
        let addsPrefix = try files.flag("add_prefix_space", true, nullIsFalse: true)
        let added = try unigramTokens()
        let unknown = try text("unk_token", kind == .debertaV2 ? "[UNK]" : "<unk>")
        let around: JSONValue
        if isFramed {
            let start = try text("cls_token", "[CLS]")
            let end = try text("sep_token", "[SEP]")
            let made = try self.around("BertProcessing", start, end, added)
            // ALBERT's class is the one that leaves what the file says.
            let kept = stored["post_processor"] ?? .null
            around = kind == .albert && !kept.isNull ? kept : made
        } else {
            let start = try text("bos_token", "<s>")
            let end = try text("eos_token", "</s>")
            around = try self.around("RobertaProcessing", start, end, added, trims: false)
        }
        return .object([
            "added_tokens": added.section, "normalizer": try unigramNormalizer(),
            "pre_tokenizer": try unigramSplitting(addsPrefix: addsPrefix), "post_processor": around,
            "padding": try padding(kind == .debertaV2 ? "[PAD]" : "<pad>"),
            "decoder": .object([
                "type": .string("Metaspace"), "replacement": .string("▁"),
                "prepend_scheme": .string(addsPrefix ? "always" : kind == .debertaV2 ? "first" : "never"),
            ]),
            "model": .object([
                "type": .string("Unigram"), "unk_id": JSONValue(try unknownID(unknown)),
                "byte_fallback": .bool(false), "vocab": stored["model"]?["vocab"] ?? .null,
            ]),
        ])
    }

    private func unigramTokens() throws -> AddedList {
        switch kind {
        case .albert, .debertaV2:
            var usual = Self.usualRoles.merging(
                [
                    "bos_token": "[CLS]", "eos_token": "[SEP]", "sep_token": "[SEP]", "cls_token": "[CLS]",
                    "mask_token": "[MASK]",
                ]
            ) { $1 }
            if kind == .debertaV2 { usual.merge(["unk_token": "[UNK]", "pad_token": "[PAD]"]) { $1 } }
            return try added(usual)
        case .camembert:
            return try added(
                Self.usualRoles, extra: ["<s>NOTUSED", "</s>NOTUSED", "<unk>NOTUSED"]
            ) { key, given in
                guard key == "mask_token", case .text(let text) = given else { return given }
                return .token(AddedToken(text: text, id: -1, stripsLeft: true, isSpecial: true))
            }
        default: return try added(Self.usualRoles)
        }
    }

    private func unigramNormalizer() throws -> JSONValue {
        var steps: [JSONValue] = []
        func add(_ type: String, _ members: [(String, JSONValue)] = []) {
            var step: JSONObject = ["type": .string(type)]
            for (key, value) in members { step[key] = value }
            steps.append(.object(step))
        }
        func replace(_ pattern: JSONValue, _ content: String) {
            add("Replace", [("pattern", pattern), ("content", .string(content))])
        }
        if kind == .debertaV2 {
            if try files.flag("do_lower_case", false, nullIsFalse: true) { add("Lowercase") }
            replace(.object(["Regex": .string(#"\s{2,}|[\n\r\t]"#)]), " ")
            add("NFC")
            add("Strip", [("strip_left", .bool(false)), ("strip_right", .bool(true))])
            return .object(["type": .string("Sequence"), "normalizers": .array(steps)])
        }
        if kind == .albert {
            replace(.object(["String": .string("``")]), "\"")
            replace(.object(["String": .string("''")]), "\"")
            if try !files.flag("keep_accents", false, nullIsFalse: true) {
                add("NFKD")
                add("StripAccents")
            }
            if try files.flag("do_lower_case", true, nullIsFalse: true) { add("Lowercase") }
        }
        let normalizer = stored["normalizer"]
        let parts = normalizer?["normalizers"]?.array ?? [normalizer ?? .null]
        if let map = parts.first(where: { $0["type"]?.string == "Precompiled" }) { steps.append(map) }
        return .object(["type": .string("Sequence"), "normalizers": .array(steps)])
    }

    private func unigramSplitting(addsPrefix: Bool) throws -> JSONValue {
        let other = kind == .debertaV2 ? "first" : "never"
        let marks = JSONValue.object([
            "type": .string("Metaspace"), "replacement": .string("▁"),
            "prepend_scheme": .string(addsPrefix ? "always" : other), "split": .bool(true),
        ])
        var steps = [marks]
        if kind != .debertaV2 {
            steps.insert(.object(["type": .string("WhitespaceSplit")]), at: 0)
        } else if try files.flag("split_by_punct", false, nullIsFalse: true) {
            steps.insert(
                .object(["type": .string("Punctuation"), "behavior": .string("Isolated")]), at: 0)
        }
        return .object(["type": .string("Sequence"), "pretokenizers": .array(steps)])
    }

    private func unknownID(_ unknown: String) throws -> Int {
        let entries = stored["model"]?["vocab"]?.array ?? []
        let first = entries.firstIndex { $0.array?.first?.string?.utf8.elementsEqual(unknown.utf8) ?? false }
        switch kind {
        case .xlmRoberta: return 3
        case .albert: return 1
        case .debertaV2:
            // Only a token of score 0 is the unknown one.
            let exact = JSONValue.array([.string(unknown), .number(0)])
            return try entries.firstIndex(of: exact)
                ?? readSetting(.object(files.settings), "unk_id", 1, \.int, files.path)
        default: return first ?? 0
        }
    }

    // MARK: What the classes share

    private static let usualRoles = [
        "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "sep_token": "</s>",
        "pad_token": "<pad>", "cls_token": "<s>", "mask_token": "<mask>",
    ]

    func added(
        _ usual: [String: String], extra: [String] = [],
        _ behave: (String, SideFiles.Given) -> SideFiles.Given = { $1 }
    ) throws -> AddedList {
        var list = AddedList(vocabularyCount: vocabulary.count, idOf: vocabulary.id)
        let roles = try SideFiles.roles.compactMap { key in
            try files.role(key, usual: usual[key]).map { behave(key, $0) }
        }
        list.add(
            declared: files.declared, roles: roles + (try files.otherRoles()),
            extra: try files.extraTokens(usual: extra))
        return list
    }

    /// The text of a role's token, which the class cannot do without.
    func text(_ key: String, _ usual: String) throws -> String {
        guard let found = try files.role(key, usual: usual) else {
            throw TokenizerError(file: files.path, problem: "the setting \(key) is null")
        }
        return found.text
    }

    func padding(_ usual: String) throws -> JSONValue {
        guard let found = try files.role("pad_token", usual: usual) else { return .null }
        return .object(["pad_token": .string(found.text)])
    }

    private func missing(_ token: String) -> TokenizerError {
        TokenizerError(file: path, problem: "the vocabulary has no \(inQuotes(token)) token")
    }

    func around(
        _ type: String, _ start: String, _ end: String, _ added: AddedList, trims: Bool = false,
        prefix: Bool = false
    ) throws -> JSONValue {
        func pair(_ token: String) throws -> JSONValue {
            // transformers would number an undeclared one itself, beyond what the model has learned.
            let isKnown = vocabulary.id(of: token) != nil || files.declares(token)
            guard isKnown, let id = added.id(of: token) else { throw missing(token) }
            return .array([.string(token), JSONValue(Int(id))])
        }
        var section: JSONObject = ["type": .string(type), "cls": try pair(start), "sep": try pair(end)]
        if type == "RobertaProcessing" {
            section["trim_offsets"] = .bool(trims)
            section["add_prefix_space"] = .bool(prefix)
        }
        return .object(section)
    }
}
