import ModelFiles

/// Classes of transformers (5.24) for decoders' folders that split text by rules of their own, whatever `tokenizer.json`
/// says. What a model was trained with, and what llama.cpp runs, is the file, so the file is read; a person is told where
/// the class makes something else of it.
enum DecoderClass: String {
    case llama = "LlamaTokenizer"
    case qwen2 = "Qwen2Tokenizer"
    case gemma = "GemmaTokenizer"
    case gpt2 = "GPT2Tokenizer"
    case gptNeoX = "GPTNeoXTokenizer"

    /// By the name that files give, with or without "Fast".
    init?(named name: String) {
        self.init(rawValue: name.hasSuffix("Fast") ? String(name.dropLast(4)) : name)
    }

    /// Whether the class splits text as `stored`, the content of `tokenizer.json`, does.
    func agrees(with stored: JSONValue, _ files: SideFiles, vocabulary: TokenizerFile.Index) throws -> Bool {
        // transformers itself leaves a byte-level file to the file.
        if self == .llama, Self.isByteLevel(stored["pre_tokenizer"]) { return true }
        let made = stored.setting("normalizer", normalizer)
            .setting("pre_tokenizer", try preTokenizer(files))
        return SectionDifferences(stored: stored, made: made, vocabulary: vocabulary).lines.isEmpty
    }

    private static func isByteLevel(_ section: JSONValue?) -> Bool {
        section?["type"]?.string == "ByteLevel"
            || (section?["pretokenizers"]?.array ?? []).contains { $0["type"]?.string == "ByteLevel" }
    }

    private var normalizer: JSONValue {
        switch self {
        case .llama, .gpt2: .null
        case .qwen2, .gptNeoX: .object(["type": .string("NFC")])
        case .gemma:
            .object([
                "type": .string("Replace"), "pattern": .object(["String": .string(" ")]),
                "content": .string("▁"),
            ])
        }
    }

    private func preTokenizer(_ files: SideFiles) throws -> JSONValue {
        let addsPrefix = try files.flag("add_prefix_space", self == .llama, nullIsFalse: self != .llama)
        func byteLevel(splits: Bool) -> JSONValue {
            .object([
                "type": .string("ByteLevel"), "add_prefix_space": .bool(addsPrefix),
                "use_regex": .bool(splits),
            ])
        }
        func split(_ kind: String, _ pattern: String, _ behavior: String) -> JSONValue {
            .object([
                "type": .string("Split"), "pattern": .object([kind: .string(pattern)]),
                "behavior": .string(behavior), "invert": .bool(false),
            ])
        }
        switch self {
        case .gpt2, .gptNeoX: return byteLevel(splits: true)
        case .gemma: return split("String", " ", "MergedWithPrevious")
        case .qwen2:
            let words = #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"#
            let others = #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
            return .object([
                "type": .string("Sequence"),
                "pretokenizers": .array([
                    split("Regex", words + others, "Isolated"), byteLevel(splits: false),
                ]),
            ])
        case .llama:
            let isLegacy = try files.flag("legacy", false, nullIsFalse: true)
            return .object([
                "type": .string("Metaspace"), "replacement": .string("▁"),
                "prepend_scheme": .string(!addsPrefix ? "never" : isLegacy ? "always" : "first"),
                "split": .bool(false),
            ])
        }
    }
}
