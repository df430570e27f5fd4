import ModelFiles

/// Reads the `decoder` section of a `tokenizer.json`.
enum DecodingList {
    private static let mostSteps = 16

    /// The steps in order. Throws `TokenizerError` for a step that this version lacks.
    static func read(_ section: JSONValue?, _ path: String) throws -> [DecodingStep] {
        guard let section, !section.isNull else { return [.spaces(isFirst: true)] }
        let steps = try steps(section, path)
        guard steps.count <= mostSteps else {
            throw TokenizerError(
                file: path, problem: "the decoder has \(steps.count) steps, the limit is \(mostSteps)")
        }
        var isText = false
        return try steps.map { step in
            defer { isText = isText || makesText(step) }
            return isText ? try ofText(step, path) : step
        }
    }

    private static func makesText(_ step: DecodingStep) -> Bool {
        switch step {
        case .byteLevel, .fuse: true
        default: false
        }
    }

    /// A step behind one that makes a single text of all tokens.
    private static func ofText(_ step: DecodingStep, _ path: String) throws -> DecodingStep {
        switch step {
        case .fuse: return .fuse
        case .strip(let strip) where strip.end == 0:
            return .stripText(TextStripDecoding(scalar: strip.scalar, start: strip.start))
        default:
            throw TokenizerError(
                file: path,
                problem:
                    "the decoder has another step than Strip at the start behind Fuse or ByteLevel, which is not "
                    + "supported", advice: TokenizerFile.families)
        }
    }

    private static func steps(_ section: JSONValue, _ path: String) throws -> [DecodingStep] {
        func text(_ key: String, _ standard: String) throws -> String {
            try readSetting(section, key, standard, \.string, path)
        }
        let type = try text("type", "none")
        switch type {
        case "Sequence":
            guard let steps = section["decoders"]?.array else {
                throw TokenizerError(file: path, problem: "the decoder Sequence has no decoders")
            }
            return try steps.flatMap { try Self.steps($0, path) }
        case "ByteLevel": return [.byteLevel(ByteLevelDecoding())]
        case "ByteFallback": return [.byteFallback(ByteFallbackDecoding())]
        case "Fuse": return [.fuse]
        case "Metaspace":
            let scheme = try text("prepend_scheme", "always")
            return [
                .metaspace(
                    MetaspaceDecoding(
                        mark: try scalar(section, "replacement", "▁", type, path),
                        dropsFirst: scheme != "never"))
            ]
        case "WordPiece":
            let cleansUp = try readSetting(section, "cleanup", true, \.bool, path)
            return [.wordPiece(WordPieceDecoding(prefix: try text("prefix", "##"), cleansUp: cleansUp))]
        case "BPEDecoder": return [.suffix(SuffixDecoding(suffix: try text("suffix", "</w>")))]
        case "Strip":
            let start = try readSetting(section, "start", 0, \.int, path)
            let end = try readSetting(section, "stop", 0, \.int, path)
            return [
                .strip(
                    StripDecoding(
                        scalar: try scalar(section, "content", " ", type, path), start: start, end: end))
            ]
        case "Replace": return [try replacement(section, path)]
        default:
            throw TokenizerError(
                file: path, problem: "decoder \(inQuotes(type)) is not supported",
                advice: TokenizerFile.families)
        }
    }

    private static func scalar(
        _ section: JSONValue, _ key: String, _ standard: String, _ type: String, _ path: String
    ) throws -> Unicode.Scalar {
        let scalars = Array(try readSetting(section, key, standard, \.string, path).unicodeScalars)
        guard scalars.count == 1 else {
            throw TokenizerError(
                file: path, problem: "the \(key) of decoder \(inQuotes(type)) is not one character")
        }
        return scalars[0]
    }

    private static func replacement(_ section: JSONValue, _ path: String) throws -> DecodingStep {
        guard let content = section["content"]?.string else {
            throw TokenizerError(file: path, problem: "the decoder Replace has no content")
        }
        if let text = section["pattern"]?["String"]?.string, !text.isEmpty {
            return .replace(Expression(literal: Array(text.unicodeScalars)), with: content)
        }
        guard let text = section["pattern"]?["Regex"]?.string else {
            throw TokenizerError(file: path, problem: "the decoder Replace has no pattern")
        }
        return .replace(try readExpression(text, "decoder \"Replace\"", path), with: content)
    }
}
