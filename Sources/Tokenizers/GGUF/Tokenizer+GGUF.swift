import Messages

extension Tokenizer {
    /// The tokenizer of a GGUF file, with the ids that llama.cpp gives. `name` is the file's, for messages. Throws
    /// `TokenizerError`.
    package init(gguf vocabulary: GGUFVocabulary, name: String) throws {
        let tokens = try GGUFTokens(vocabulary, name)
        let parts: GGUFParts
        switch vocabulary.model {
        case "gpt2": parts = try GGUFParts(bytePairs: vocabulary, tokens)
        case "llama": parts = try GGUFParts(scored: vocabulary, tokens)
        case "bert": parts = try GGUFParts(wordPieces: vocabulary, tokens)
        case "t5": parts = try GGUFParts(unigram: vocabulary, tokens)
        default:
            throw TokenizerError(
                file: name,
                problem: "tokenizer.ggml.model \(inQuotes(vocabulary.model)) is not supported",
                advice: "this version reads \"gpt2\", \"llama\", \"bert\" and \"t5\"")
        }
        let (roles, template) = try parts.around(vocabulary, tokens)
        let file = TokenizerFile(
            path: name,
            vocabulary: (parts.names ?? tokens.names).enumerated().map { ($0.element, Int32($0.offset)) },
            addedTokens: tokens.added(modelName: vocabulary.modelName), pipeline: parts.pipeline,
            processor: (template, nil),
            unknownID: try tokens.checked(vocabulary.unknownID ?? parts.usualUnknown, "unknown_token_id"),
            paddingID: try tokens.checked(vocabulary.paddingID, "padding_token_id"), decoding: parts.decoding)
        var habits = TokenizerHabits()
        habits.roles = roles
        habits.findsLongestFirst = true
        try self.init(file, habits, notes: parts.notes, typeNote: nil)
    }
}

/// What of a tokenizer follows from the kind of a GGUF file's vocabulary.
struct GGUFParts {
    let pipeline: TextPipeline
    let decoding: [DecodingStep]
    var notes: [String] = []
    /// Tokens as the model spells them, where the file does otherwise.
    var names: [String]?
    /// Where the file does not say.
    let addsBOS: Bool
    var addsEOS = false
    /// Texts are always between the token that begins one and the separator, whatever the file says.
    var isFramed = false
    /// The ids of the tokens that begin and end a text, and stand between two, where the file does not say.
    let usual: TokenizerHabits.Roles
    var usualSeparator: Int32?
    var usualUnknown: Int32?

    init(bytePairs vocabulary: GGUFVocabulary, _ tokens: GGUFTokens) throws {
        let pre = vocabulary.pre ?? "default"
        guard let splitting = GGUFSplitting(pre: pre) else {
            throw TokenizerError(
                file: tokens.path, problem: "tokenizer.ggml.pre \(inQuotes(pre)) is not supported",
                advice: "this version knows \(GGUFSplitting.names.sorted().joined(separator: ", "))")
        }
        let splits = try splitting.expressions.map {
            Split(expression: try readExpression($0, "tokenizer.ggml.pre", tokens.path, edition: .llamaCpp))
        }
        let model = try Self.bytePairs(vocabulary, tokens, ignoresMerges: splitting.ignoresMerges)
        pipeline = .subword(
            [], splits as [any PreTokenizer] + [ByteLevel(addsPrefixSpace: false, splitsWords: false)],
            .bytePair(model))
        decoding = [.byteLevel(ByteLevelDecoding(plain: tokens.plain()))]
        addsBOS = splitting.addsBOS
        usual = TokenizerHabits.Roles()
        if vocabulary.pre == nil {
            notes.append(
                "\(oneLine(tokens.path, limit: 2_000)): there is no tokenizer.ggml.pre; text is split by llama.cpp's "
                    + "\"default\", which may not be what the model was trained with; \(GGUFTokens.advice)")
        }
        // Bytes that stand in UTF-8.
        let missing = ([0...0xBF, 0xC2...0xF4] as [ClosedRange<Int>]).joined().count {
            model.alphabet[ByteLevel.scalars[$0]] == nil
        }
        if missing > 0 {
            notes.append(
                "\(oneLine(tokens.path, limit: 2_000)): the vocabulary has no token for \(missing) of the bytes of "
                    + "texts, which lose them, as in llama.cpp")
        }
    }

    private static func bytePairs(
        _ vocabulary: GGUFVocabulary, _ tokens: GGUFTokens, ignoresMerges: Bool
    ) throws -> BytePairEncoding {
        var alphabet: [Unicode.Scalar: Int32] = [:]
        var words: [[UInt8]: Int32] = [:]
        for (id, name) in tokens.names.enumerated() where tokens.kinds[id] != .control {
            let scalars = name.unicodeScalars
            if scalars.count == 1, let scalar = scalars.first { alphabet[scalar] = Int32(id) }
            if ignoresMerges { words[Array(name.utf8)] = Int32(id) }
        }
        if vocabulary.merges.isEmpty {
            throw TokenizerError(
                file: tokens.path, problem: "there is no tokenizer.ggml.merges", advice: GGUFTokens.advice)
        }
        // Of equal pairs the first counts.
        var seen = Set<UInt64>()
        var merges: [(left: Int32, right: Int32, id: Int32)] = []
        for (number, text) in vocabulary.merges.enumerated() {
            let merge = try merge(text, number, tokens)
            let key = UInt64(UInt32(bitPattern: merge.left)) << 32 | UInt64(UInt32(bitPattern: merge.right))
            if seen.insert(key).inserted { merges.append(merge) }
        }
        return BytePairEncoding(
            alphabet: alphabet, merges: merges, unknownID: nil, fusesUnknown: false, wholeWords: words)
    }

    private static func merge(
        _ text: String, _ number: Int, _ tokens: GGUFTokens
    ) throws -> (left: Int32, right: Int32, id: Int32) {
        let bytes = Array(text.utf8)
        let space = UInt8(ascii: " ")
        guard let cut = bytes.dropFirst().firstIndex(of: space) else {
            throw TokenizerError(
                file: tokens.path, problem: "merge \(number + 1) is not a pair of tokens",
                advice: GGUFTokens.advice)
        }
        let (left, right) = (
            String(decoding: bytes[..<cut], as: UTF8.self),
            String(decoding: bytes[(cut + 1)...], as: UTF8.self)
        )
        return (
            try tokens.index.requiredID(of: left, tokens.path),
            try tokens.index.requiredID(of: right, tokens.path),
            try tokens.index.requiredID(of: left + right, tokens.path)
        )
    }

    init(scored vocabulary: GGUFVocabulary, _ tokens: GGUFTokens) throws {
        guard !vocabulary.scores.isEmpty else {
            throw TokenizerError(
                file: tokens.path, problem: "there is no tokenizer.ggml.scores", advice: GGUFTokens.advice)
        }
        if let id = vocabulary.scores.firstIndex(where: \.isNaN) {
            throw TokenizerError(
                file: tokens.path,
                problem: "the score of token \(inQuotes(tokens.names[id])) is not a number",
                advice: GGUFTokens.advice)
        }
        let byteIDs = try (0..<256).map { byte in
            try tokens.index.requiredID(of: ByteToken.name(of: UInt8(byte)), tokens.path)
        }
        let model = ScoredPairs(
            vocabulary: Array(zip(tokens.names, vocabulary.scores)),
            isText: { tokens.kinds[$0] != .control }, byteIDs: byteIDs)
        let mark: Unicode.Scalar = "\u{2581}"
        let addsSpace = vocabulary.addSpacePrefix ?? true
        let marks = Replacement(pattern: .text([" "]), content: [mark])
        pipeline = .subword(
            addsSpace ? [Prepend(prefix: [" "]), marks] : [marks], [], .scoredPairs(model))
        let text: [DecodingStep] = [
            .metaspace(MetaspaceDecoding(mark: mark, dropsFirst: false, plain: tokens.plain())),
            .byteFallback(ByteFallbackDecoding()), .fuse,
        ]
        decoding = text + (addsSpace ? [.stripText(TextStripDecoding(scalar: " ", start: 1))] : [])
        addsBOS = true
        usual = TokenizerHabits.Roles(bos: 1, eos: 2)
    }

    /// The tokens around a text.
    func around(
        _ vocabulary: GGUFVocabulary, _ tokens: GGUFTokens
    ) throws -> (TokenizerHabits.Roles, Template) {
        func present(_ id: Int32?) -> Int32? {
            id.flatMap { tokens.names.indices.contains(Int($0)) ? $0 : nil }
        }
        let roles = TokenizerHabits.Roles(
            bos: try tokens.checked(vocabulary.bosID, "bos_token_id") ?? present(usual.bos),
            eos: try tokens.checked(vocabulary.eosID, "eos_token_id") ?? present(usual.eos),
            eot: try tokens.checked(vocabulary.eotID, "eot_token_id"))
        func special(_ isWanted: Bool, _ id: Int32?, _ name: String) throws -> [Template.Part] {
            guard isWanted else { return [] }
            guard let id else {
                throw TokenizerError(
                    file: tokens.path,
                    problem: "tokenizer.ggml.add_\(name)_token is set, but there is no \(name)_token_id",
                    advice: GGUFTokens.advice)
            }
            return [.special([id], type: 0)]
        }
        let separator =
            try tokens.checked(vocabulary.separatorID, "seperator_token_id") ?? present(usualSeparator)
        if isFramed {
            guard let start = roles.bos, let separator else {
                throw TokenizerError(
                    file: tokens.path, problem: "there are no tokens to begin and to end a text with",
                    advice: GGUFTokens.advice)
            }
            return (roles, .bert(start: start, end: separator))
        }
        let start = try special(vocabulary.addBOS ?? addsBOS, roles.bos, "bos")
        let end = try special(vocabulary.addEOS ?? addsEOS, roles.eos, "eos")
        let between = try special(vocabulary.addSEP ?? false, separator ?? roles.eos, "sep")
        return (
            roles,
            Template(
                single: start + [.first(type: 0)] + end,
                pair: start + [.first(type: 0)] + end + between + [.second(type: 0)] + end)
        )
    }
}
