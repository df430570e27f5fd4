import Foundation
import ModelFiles

/// Reads the `normalizer` section of a `tokenizer.json`.
enum NormalizerList {
    /// The steps in order; none for null. Throws `TokenizerError` for a step that this version lacks.
    static func read(_ section: JSONValue?, _ path: String) throws -> [any TextNormalizer] {
        guard let section, !section.isNull else { return [] }
        func flag(_ key: String) throws -> Bool {
            try TokenizerFile.setting(section, key, true, \.bool, path)
        }
        let type = try TokenizerFile.setting(section, "type", "none", \.string, path)
        switch type {
        case "Sequence":
            guard let steps = section["normalizers"]?.array else {
                throw TokenizerError(file: path, problem: "the normalizer Sequence has no normalizers")
            }
            return try steps.flatMap { try read($0, path) }
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
            return [Prepend(prefix: Array(prefix.unicodeScalars))]
        case "Replace": return [try replacement(section, path)]
        case "Precompiled": return [try characterMap(section, path)]
        default:
            throw TokenizerError(
                file: path, problem: "normalizer \"\(type)\" is not supported",
                advice: "this version reads the tokenizers of BERT, RoBERTa, XLM-R, ALBERT and DeBERTa")
        }
    }

    private static func replacement(_ section: JSONValue, _ path: String) throws -> Replacement {
        guard let content = section["content"]?.string else {
            throw TokenizerError(file: path, problem: "the normalizer Replace has no content")
        }
        let scalars = Array(content.unicodeScalars)
        if let text = section["pattern"]?["String"]?.string, !text.isEmpty {
            return Replacement(pattern: .text(Array(text.unicodeScalars)), content: scalars)
        }
        let expression = section["pattern"]?["Regex"]?.string ?? ""
        guard let pattern = Replacement.pattern(ofRegularExpression: expression) else {
            throw TokenizerError(
                file: path,
                problem: "normalizer \"Replace\" with the pattern \"\(expression)\" is not supported",
                advice: #"this version knows the regular expressions " {2,}", " +", "\s+", "\s{2,}" and "#
                    + #""\s{2,}|[\n\r\t]""#)
        }
        return Replacement(pattern: pattern, content: scalars)
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
