import Foundation
import ModelFiles

/// Reads the `normalizer` section of a `tokenizer.json`.
enum NormalizerList {
    private static let mostSteps = 32
    /// How many times as long as it was all steps together may make a text; Llama's " " to "▁" makes it 1.
    private static let mostGrowth = 16.0
    /// In scalars, of a text that stands in the file.
    private static let longestText = 100

    /// The steps in order; none for null. Throws `TokenizerError` for a step that this version lacks, and for steps
    /// that would make a text grow without measure.
    static func read(_ section: JSONValue?, _ path: String) throws -> [any TextNormalizer] {
        let steps = try steps(section, path)
        guard steps.count <= mostSteps else {
            throw TokenizerError(
                file: path, problem: "the normalizer has \(steps.count) steps, the limit is \(mostSteps)")
        }
        guard steps.count(where: { $0 is CharacterMap }) <= 1 else {
            throw TokenizerError(file: path, problem: "normalizer \"Precompiled\" stands twice")
        }
        let growth = steps.reduce(1) { $0 * max(1, ($1 as? Replacement)?.growth ?? 1) }
        guard growth <= mostGrowth else {
            throw TokenizerError(
                file: path,
                problem:
                    "the normalizer's replacements make a text up to \(growth) times as long, the limit is "
                    + "\(mostGrowth)")
        }
        return steps
    }

    private static func steps(_ section: JSONValue?, _ path: String) throws -> [any TextNormalizer] {
        guard let section, !section.isNull else { return [] }
        func flag(_ key: String) throws -> Bool {
            try readSetting(section, key, true, \.bool, path)
        }
        let type = try readSetting(section, "type", "none", \.string, path)
        switch type {
        case "Sequence":
            guard let steps = section["normalizers"]?.array else {
                throw TokenizerError(file: path, problem: "the normalizer Sequence has no normalizers")
            }
            return try steps.flatMap { try Self.steps($0, path) }
        case "NFD": return [NormalizationForm(isCompatible: false, composes: false)]
        case "NFKD": return [NormalizationForm(isCompatible: true, composes: false)]
        case "NFC": return [NormalizationForm(isCompatible: false, composes: true)]
        case "NFKC": return [NormalizationForm(isCompatible: true, composes: true)]
        case "Lowercase": return [Lowercase()]
        case "StripAccents": return [StripAccents()]
        case "Strip": return [Strip(left: try flag("strip_left"), right: try flag("strip_right"))]
        case "Prepend":
            guard let prefix = section["prepend"]?.string else {
                throw TokenizerError(file: path, problem: "the normalizer Prepend has no prepend")
            }
            return [Prepend(prefix: try scalars(prefix, path))]
        case "Replace": return [try replacement(section, path)]
        case "Precompiled": return [try characterMap(section, path)]
        default:
            throw TokenizerError(
                file: path, problem: "normalizer \(inQuotes(type)) is not supported",
                advice: TokenizerFile.families)
        }
    }

    private static func replacement(_ section: JSONValue, _ path: String) throws -> Replacement {
        guard let text = section["content"]?.string else {
            throw TokenizerError(file: path, problem: "the normalizer Replace has no content")
        }
        let content = try scalars(text, path)
        if let text = section["pattern"]?["String"]?.string, !text.isEmpty {
            return Replacement(pattern: .text(try scalars(text, path)), content: content)
        }
        let expression = section["pattern"]?["Regex"]?.string ?? ""
        guard let pattern = Replacement.pattern(ofRegularExpression: expression) else {
            throw TokenizerError(
                file: path,
                problem: "normalizer \"Replace\" with the pattern \(inQuotes(expression)) is not supported",
                advice: #"this version knows the regular expressions " {2,}", " +", "\s+", "\s{2,}" and "#
                    + #""\s{2,}|[\n\r\t]""#)
        }
        return Replacement(pattern: pattern, content: content)
    }

    private static func scalars(_ text: String, _ path: String) throws -> [Unicode.Scalar] {
        let scalars = Array(text.unicodeScalars)
        guard scalars.count <= longestText else {
            throw TokenizerError(
                file: path,
                problem:
                    "the normalizer's text \(inQuotes(text)) has \(scalars.count) characters, the limit is "
                    + "\(longestText)")
        }
        return scalars
    }

    private static func characterMap(_ section: JSONValue, _ path: String) throws -> CharacterMap {
        guard let text = section["precompiled_charsmap"]?.string, let data = Data(base64Encoded: text),
            let map = CharacterMap(Array(data))
        else {
            throw TokenizerError(
                file: path, problem: "the precompiled_charsmap of normalizer \"Precompiled\" cannot be read")
        }
        return map
    }
}
