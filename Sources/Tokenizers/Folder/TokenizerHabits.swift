import ModelFiles

/// How a tokenizer is used, beside the tokens that it makes.
struct TokenizerHabits: Equatable {
    /// What does not fit is cut at the start of a text, not at its end.
    var cutsStart = false
    /// Special tokens spelled in a text are plain text.
    var splitsSpecialTokens = false
    /// Models get the token types of the template; without them all are 0.
    var givesTypes = true
    /// The longest sequence that the files allow; nil where they do not say.
    var longest: Int?
    /// Tokens of the vocabulary and of `tokenizer.json`; further ones come from side files.
    var storedCount: Int?
    /// Of two added tokens that overlap the longer is found, not the one that comes first.
    var findsLongestFirst = false
    /// A text that ends with the one token behind it gets no other, and of two texts that are both cut the second loses
    /// the odd token; so it is with classes of transformers that do without the `tokenizers` library.
    var isWithoutLibrary = false
    /// The ids of the tokens that begin and end a text, and of one that ends a turn.
    var roles = Roles()

    /// How texts become tokens, in which roles have no part.
    var withoutRoles: TokenizerHabits {
        var habits = self
        habits.roles = Roles()
        return habits
    }

    struct Roles: Equatable {
        var bos: Int32?
        var eos: Int32?
        var eot: Int32?
    }
}

extension TokenizerHabits {
    /// As the files beside a vocabulary say, or else `stored`, the content of its `tokenizer.json`. Throws
    /// `TokenizerError`.
    init(_ files: SideFiles, _ kind: TokenizerClass, stored: JSONValue, storedCount count: Int) throws {
        let cut = stored["truncation"]?["direction"]?.string?.lowercased() ?? "right"
        self.init(
            cutsStart: try files.side("truncation_side", cut) == "left",
            splitsSpecialTokens: try files.flag("split_special_tokens", false),
            // Without a model nobody says what it takes.
            givesTypes: files.kind == nil || kind.givesTypes, isWithoutLibrary: kind == .siglip)
        // transformers writes 1e30 where there is no limit.
        let longest = files.settings["model_max_length"] ?? files.settings["max_len"]
        self.longest = longest?.double.flatMap { $0 >= 1 && $0 < 1e6 ? Int($0) : nil }
        if let inputs = files.settings["model_input_names"], !inputs.isNull {
            guard let names = inputs.array else {
                throw TokenizerError(file: files.path, problem: "model_input_names is not a list")
            }
            givesTypes = names.contains { $0.string == "token_type_ids" }
        }
        let listed = (stored["added_tokens"]?.array ?? []).compactMap { $0["id"]?.int }.max() ?? -1
        storedCount = max(count, listed + 1)
    }
}
