/// How llama.cpp (build 10605, `llama-vocab.cpp`) splits a text before BPE, by `tokenizer.ggml.pre`: at the matches of each
/// expression in turn.
struct GGUFSplitting {
    let expressions: [String]
    /// A word of the vocabulary is one token, whatever the merges say.
    var ignoresMerges = false
    /// Where the file does not say.
    var addsBOS = false

    /// nil for a name that this version does not know.
    init?(pre: String) {
        guard let known = Self.table.first(where: { $0.names.contains(pre) }) else { return nil }
        self = known.splitting
    }

    private init(_ expressions: [String], ignoresMerges: Bool = false, addsBOS: Bool = false) {
        self.expressions = expressions
        self.ignoresMerges = ignoresMerges
        self.addsBOS = addsBOS
    }

    static var names: [String] { table.flatMap(\.names) }

    /// All ways to split, with the names of each.
    static var all: [(names: [String], splitting: GGUFSplitting)] { table }

    // llama.cpp's own spellings. It knows `\p{Lu}` and the like only as letters, hence the detours by looking ahead, which
    // are kept: they are what a file's model sees there.
    private static let contractions = "(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])"
    private static let spaces = #"\s*[\r\n]+|\s+(?!\S)|\s+"#
    private static let gpt2 =
        #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)"#
    private static let marks = #"(?:(?=[\p{L}])(?:[^a-z]))*(?:(?=[\p{L}])(?:[^A-Z]))+"#
    private static let capitals = #"(?:(?=[\p{L}])(?:[^a-z]))+(?:(?=[\p{L}])(?:[^A-Z]))*"#

    private static func words(digits: String, letters: String = #"\p{L}+"#, others: String = #"\p{L}\p{N}"#)
        -> String
    {
        contractions + #"|[^\r\n\p{L}\p{N}]?"# + letters + "|" + digits + #"| ?[^\s"# + others
            + #"]+[\r\n]*|"# + spaces
    }

    private static func shapes(digits: String, ending: String) -> String {
        let lead = #"[^\r\n\p{L}\p{N}]?"#
        return lead + marks + ending + "|" + lead + capitals + ending + "|" + digits
            + #"| ?[^\s\p{L}\p{N}]+[\r\n/]*|"# + spaces
    }

    /// "[一-龥ࠀ-一가-퟿]+" where white space is not itself: llama.cpp has one ASCII scalar for all of it.
    private static let ideographs =
        "[一-龥ࠀ-\u{167F}\u{1681}-\u{1FFF}\u{200B}-\u{2027}\u{202A}-\u{202E}\u{2030}-\u{205E}\u{2060}-\u{2FFF}"
        + "\u{3001}-一가-퟿]+"

    private static let deepseek =
        ##"[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"##
        + #"| ?[\p{P}\p{S}]+[\r\n]*|"# + spaces

    private static let table: [(names: [String], splitting: GGUFSplitting)] = [
        (
            ["llama3", "llama-v3", "llama-bpe", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2"],
            GGUFSplitting([words(digits: #"\p{N}{1,3}"#)], ignoresMerges: true, addsBOS: true)
        ),
        (["dbrx", "smaug-bpe", "glm4", "chatglm-bpe"], GGUFSplitting([words(digits: #"\p{N}{1,3}"#)])),
        (
            [
                "qwen2", "deepseek-r1-qwen", "kormo", "f2llmv2", "megrez", "stablelm2", "hunyuan",
                "solar-open", "grok-2",
            ], GGUFSplitting([words(digits: #"\p{N}"#)])
        ),
        (
            ["qwen35"],
            GGUFSplitting([
                words(digits: #"\p{N}"#, letters: #"[\p{L}\p{M}]+"#, others: #"\p{L}\p{M}\p{N}"#)
            ])
        ),
        (
            ["minicpm5"],
            GGUFSplitting([#"\p{N}{1,3}"#, words(digits: #"\p{N}+"#)], ignoresMerges: true)
        ),
        (
            [
                "gpt-2", "phi-2", "gigachat", "a.x-4.0", "mellum", "exaone4", "mpt", "olmo", "jais",
                "trillion", "granite-docling", "roberta-bpe",
            ], GGUFSplitting([gpt2])
        ),
        (
            ["starcoder", "refact", "command-r", "smollm", "codeshell", "exaone", "minerva-7b", "mellum2"],
            GGUFSplitting([#"\p{N}"#, gpt2])
        ),
        (
            ["tekken"],
            GGUFSplitting([shapes(digits: #"\p{N}"#, ending: "")], ignoresMerges: true, addsBOS: true)
        ),
        (
            ["gpt-4o", "llama4", "kanana2", "talkie", "minimax-m2"],
            GGUFSplitting([shapes(digits: #"\p{N}{1,3}"#, ending: contractions + "?")])
        ),
        (
            ["deepseek-v3", "hunyuan-dense", "joyai-llm"],
            GGUFSplitting([#"\p{N}{1,3}"#, "[一-龥぀-ゟ゠-ヿ]+", deepseek])
        ),
        (
            ["deepseek-coder"],
            GGUFSplitting([#"[\r\n]"#, #"\s?\p{L}+"#, #"\s?\p{P}+"#, ideographs, #"\p{N}"#])
        ),
        (
            ["falcon"],
            GGUFSplitting([#"[\p{P}\$\+<=>\^~\|`]+"#, gpt2, "[0-9][0-9][0-9]"])
        ),
        (
            ["bailingmoe", "bailingmoe2", "llada-moe"],
            GGUFSplitting([
                #"'(?:[sSdDmMtT]|[lL][lL]|[vV][eE]|[rR][eE])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"#
                    + #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"#
            ])
        ),
        (
            ["seed-coder"],
            GGUFSplitting([
                contractions + #"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+|"# + spaces
            ])
        ),
        (
            ["default"],
            GGUFSplitting([#"[\p{P}\$\+<=>\^~\|]+"#, gpt2, #"\p{N}+"#, "[0-9][0-9][0-9]"])
        ),
    ]
}
