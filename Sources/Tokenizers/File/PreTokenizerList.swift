import ModelFiles

/// Reads the `pre_tokenizer` section of a `tokenizer.json`.
enum PreTokenizerList {
    private static let mostSteps = 16

    /// The steps in order; none for null. Throws `TokenizerError` for a step that this version lacks.
    static func read(_ section: JSONValue?, _ path: String) throws -> [any PreTokenizer] {
        let steps = try steps(section, path)
        guard steps.count <= mostSteps else {
            throw TokenizerError(
                file: path, problem: "the pre-tokenizer has \(steps.count) steps, the limit is \(mostSteps)")
        }
        // A second one would spell the bytes of the first one's spelling, twice as long each time.
        guard steps.count(where: { $0 is ByteLevel }) <= 1 else {
            throw TokenizerError(file: path, problem: "pre-tokenizer \"ByteLevel\" stands twice")
        }
        return steps
    }

    private static func steps(_ section: JSONValue?, _ path: String) throws -> [any PreTokenizer] {
        guard let section, !section.isNull else { return [] }
        func flag(_ key: String, _ standard: Bool) throws -> Bool {
            try readSetting(section, key, standard, \.bool, path)
        }
        let type = try readSetting(section, "type", "none", \.string, path)
        switch type {
        case "Sequence":
            guard let steps = section["pretokenizers"]?.array else {
                throw TokenizerError(file: path, problem: "the pre-tokenizer Sequence has no pretokenizers")
            }
            return try steps.flatMap { try Self.steps($0, path) }
        case "ByteLevel":
            return [
                ByteLevel(
                    addsPrefixSpace: try flag("add_prefix_space", true),
                    splitsWords: try flag("use_regex", true))
            ]
        case "Metaspace": return [try metaspace(section, path)]
        case "Whitespace": return [WordRuns()]
        case "WhitespaceSplit": return [Delimiters(kind: .whitespace, behavior: .removed)]
        case "Punctuation":
            return [Delimiters(kind: .punctuation, behavior: try behavior(section, type, path))]
        case "Split": return [try split(section, path)]
        case "Digits":
            let single = try flag("individual_digits", false)
            return [Delimiters(kind: .digit, behavior: single ? .isolated : .contiguous)]
        default:
            throw TokenizerError(
                file: path, problem: "pre-tokenizer \(inQuotes(type)) is not supported",
                advice: TokenizerFile.families)
        }
    }

    private static func behavior(
        _ section: JSONValue, _ type: String, _ path: String
    ) throws -> Delimiters.Behavior {
        let name = try readSetting(section, "behavior", "Isolated", \.string, path)
        guard let behavior = Delimiters.Behavior(rawValue: name) else {
            throw TokenizerError(
                file: path,
                problem:
                    "pre-tokenizer \(inQuotes(type)) with the behavior \(inQuotes(name)) is not supported")
        }
        return behavior
    }

    private static func split(_ section: JSONValue, _ path: String) throws -> Split {
        let behavior = try behavior(section, "Split", path)
        let isInverted = try readSetting(section, "invert", false, \.bool, path)
        let pattern = section["pattern"]
        if let text = pattern?["String"]?.string, !text.isEmpty {
            let literal = Expression(literal: Array(text.unicodeScalars))
            return Split(expression: literal, behavior: behavior, isInverted: isInverted)
        }
        guard let text = pattern?["Regex"]?.string else {
            throw TokenizerError(file: path, problem: "pre-tokenizer \"Split\" has no pattern")
        }
        let expression = try readExpression(text, "pre-tokenizer \"Split\"", path)
        return Split(expression: expression, behavior: behavior, isInverted: isInverted)
    }

    private static func metaspace(_ section: JSONValue, _ path: String) throws -> Metaspace {
        let mark = Array((section["replacement"]?.string ?? "").unicodeScalars)
        guard mark.count == 1 else {
            throw TokenizerError(
                file: path, problem: "the replacement of pre-tokenizer \"Metaspace\" is not one character")
        }
        let name = try readSetting(section, "prepend_scheme", "always", \.string, path)
        // The older name for two of the three schemes.
        let adds = try readSetting(section, "add_prefix_space", true, \.bool, path)
        guard let prefix = Metaspace.Prefix(rawValue: name), adds || prefix == .never else {
            throw TokenizerError(
                file: path,
                problem:
                    "pre-tokenizer \"Metaspace\" has the prepend_scheme \(inQuotes(name)) with add_prefix_space "
                    + "\(adds), which does not fit together")
        }
        return Metaspace(
            mark: mark[0], prefix: prefix,
            splitsWords: try readSetting(section, "split", true, \.bool, path))
    }
}
