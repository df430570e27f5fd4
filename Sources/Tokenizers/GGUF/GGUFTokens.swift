/// The tokens of a GGUF file with what llama.cpp makes of them when it loads a vocabulary.
struct GGUFTokens {
    enum Kind: Sendable, Equatable {
        /// 1, and 5 (unused), which llama.cpp takes up in text all the same.
        case text
        case byte
        /// 2 and 3: part of no text.
        case control
        /// 4: one token wherever it stands.
        case userDefined
    }

    let names: [String]
    let kinds: [Kind]
    let index: TokenizerFile.Index
    let path: String

    /// Tokens by which llama.cpp ends a turn whatever their type: control tokens.
    private static let ends: Set<String> = [
        "<|eot_id|>", "<|im_end|>", "<|end|>", "<|return|>", "<|call|>", "<|flush|>", "<|calls|>",
        "<end_of_turn>", "<|endoftext|>", "</s>", "<|eom_id|>", "<EOT>", "_<EOT>", "[EOT]", "[EOS]",
        "<|end_of_text|>", "<end_of_utterance>", "<eos>", "<turn|>", "<|tool_response>",
        "<｜end▁of▁sentence｜>", "[e~[",
    ]
    /// gpt-oss's, which it always shows.
    private static let shown: Set<String> = ["<|channel|>", "<|message|>", "<|start|>", "<|constrain|>"]

    /// Throws `TokenizerError` for lists that do not fit together.
    init(_ vocabulary: GGUFVocabulary, _ path: String) throws {
        let count = vocabulary.tokens.count
        try TokenizerFile.checkCount(count, path)
        for (key, length) in [
            ("token_type", vocabulary.tokenTypes.count), ("scores", vocabulary.scores.count),
        ] where length != 0 && length != count {
            throw TokenizerError(
                file: path, problem: "tokenizer.ggml.\(key) has \(length) entries for \(count) tokens",
                advice: Self.advice)
        }
        var seen = Set<[UInt8]>(minimumCapacity: count)
        var names: [String] = []
        names.reserveCapacity(count)
        for (id, token) in vocabulary.tokens.enumerated() {
            let name = token.isEmpty ? "[EMPTY_\(id)]" : token
            try TokenizerFile.checkLength(name, path)
            guard seen.insert(Array(name.utf8)).inserted else {
                throw TokenizerError(
                    file: path, problem: "token \(inQuotes(name)) stands twice in the vocabulary",
                    advice: Self.advice)
            }
            names.append(name)
        }
        self.names = names
        self.path = path
        index = TokenizerFile.Index(names.enumerated().map { ($0.element, Int32($0.offset)) })
        let types = vocabulary.tokenTypes
        kinds = names.indices.map { Self.kind(names[$0], types.isEmpty ? 1 : types[$0]) }
    }

    static let advice = "convert the model again with llama.cpp's convert_hf_to_gguf.py"

    private static func kind(_ name: String, _ type: Int32) -> Kind {
        if shown.contains(name) { return .userDefined }
        if ends.contains(name) { return .control }
        switch type {
        case 2, 3: return .control
        case 4: return .userDefined
        case 6: return .byte
        default: return .text
        }
    }

    /// Throws where the file names a token that it does not have.
    func checked(_ id: Int32?, _ key: String) throws -> Int32? {
        guard let id else { return nil }
        guard names.indices.contains(Int(id)) else {
            throw TokenizerError(
                file: path,
                problem: "tokenizer.ggml.\(key) is \(id), the vocabulary has the ids 0 to \(names.count - 1)",
                advice: Self.advice)
        }
        return id
    }

    /// Those that are split out before anything else.
    func added(modelName: String?) -> [AddedToken] {
        let model = modelName?.lowercased() ?? ""
        let isPhi3 = model.contains("phi-3") || model.contains("phi3")
        return names.indices.filter { kinds[$0] == .control || kinds[$0] == .userDefined }.map { id in
            AddedToken(
                text: names[id], id: Int32(id),
                stripsRight: isPhi3 && !["<unk>", "<s>", "<|endoftext|>"].contains(names[id]),
                isSpecial: kinds[id] == .control)
        }
    }

    /// The spellings of those that are text as they stand.
    func plain() -> Set<[UInt8]> {
        Set(
            names.indices.filter { kinds[$0] == .control || kinds[$0] == .userDefined }
                .map { Array(names[$0].utf8) })
    }
}
