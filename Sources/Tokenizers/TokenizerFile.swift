import Foundation
import ModelFiles

/// What a tokenizer folder says, checked.
struct TokenizerFile {
    let path: String
    let vocabulary: [(token: String, id: Int32)]
    let addedTokens: [AddedToken]
    let normalizer: BertNormalizer
    let unknownToken: String
    let classToken: String
    let separatorToken: String
    let paddingToken: String
    let continuingPrefix: String
    let longestWord: Int
    /// By UTF-8 bytes: Swift's `==` on `String` would take "é" and "e" + accent for one.
    private let idOfToken: [[UInt8]: Int32]

    /// More than any vocabulary in use; an id beyond it is an attack or damage.
    private static let largestID = 10_000_000

    /// A `tokenizer.json` of the BERT kind. Its truncation and padding sections are settings of whoever saved
    /// it and are not used.
    init(json url: URL) throws {
        path = url.path
        let root = try JSONValue.read(url)
        let model = root["model"]
        let settings = root["normalizer"]
        let processor = root["post_processor"]
        try Self.require(model, "model type", ["WordPiece"], path, default: "WordPiece")
        try Self.require(settings, "normalizer", ["BertNormalizer"], path)
        try Self.require(root["pre_tokenizer"], "pre-tokenizer", ["BertPreTokenizer"], path)
        try Self.require(processor, "post-processor", ["TemplateProcessing", "BertProcessing"], path)
        guard let words = model?["vocab"]?.object else {
            throw TokenizerError(file: path, problem: "there is no model.vocab")
        }
        vocabulary = try Self.checked(words.members.map { ($0.key, $0.value.int) }, path)
        let known = Self.index(vocabulary)
        unknownToken = try Self.setting(model, "unk_token", "[UNK]", \.string, path)
        continuingPrefix = try Self.setting(model, "continuing_subword_prefix", "##", \.string, path)
        longestWord = try Self.setting(model, "max_input_chars_per_word", 100, \.int, path)
        guard longestWord >= 0 else {
            throw TokenizerError(file: path, problem: "max_input_chars_per_word is \(longestWord)")
        }
        let lowercase = try Self.setting(settings, "lowercase", true, \.bool, path)
        normalizer = BertNormalizer(
            cleanText: try Self.setting(settings, "clean_text", true, \.bool, path),
            handleChineseCharacters: try Self.setting(settings, "handle_chinese_chars", true, \.bool, path),
            stripAccents: try Self.setting(settings, "strip_accents", lowercase, \.bool, path),
            lowercase: lowercase)
        addedTokens = try Self.addedTokens(root["added_tokens"]?.array ?? [], known, path)
        idOfToken = known.merging(Self.index(addedTokens.map { ($0.text, $0.id) })) { first, _ in first }
        paddingToken = try Self.setting(root["padding"], "pad_token", "[PAD]", \.string, path)
        (classToken, separatorToken) = try Self.template(processor, path)
        for token in [classToken, separatorToken] {
            let entry = processor?["special_tokens"]?[token]?["ids"]?.array?.first
            guard let id = entry?.int, let other = self.id(of: token), id != Int(other) else { continue }
            throw TokenizerError(
                file: path,
                problem: "token \"\(token)\" has the id \(id) in one place and \(other) in the vocabulary")
        }
    }

    /// The id of a token of the vocabulary or an added one.
    func id(of token: String) -> Int32? { idOfToken[Array(token.utf8)] }

    private static func index(_ entries: [(String, Int32)]) -> [[UInt8]: Int32] {
        Dictionary(entries.map { (Array($0.0.utf8), $0.1) }) { first, _ in first }
    }

    /// A `vocab.txt`, one token a line, id = line number from 0.
    init(vocabulary url: URL, configuration: URL?) throws {
        path = url.path
        let text = try Self.text(url)
        // Lines end as the library sees them, and trailing white space is not part of a token.
        var lines = text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map {
            line in
            var scalars = Substring(line).unicodeScalars
            while let last = scalars.last, UnicodeClasses.isWhitespace(last) { scalars.removeLast() }
            return String(scalars)
        }
        if lines.last == "" { lines.removeLast() }
        vocabulary = try Self.checked(lines.enumerated().map { ($0.element, $0.offset) }, path)
        let config = try configuration.map { try JSONValue.read($0) }
        let settings = configuration?.path ?? path
        let lowercase = try Self.setting(config, "do_lower_case", true, \.bool, settings)
        normalizer = BertNormalizer(
            cleanText: true,
            handleChineseCharacters: try Self.setting(
                config, "tokenize_chinese_chars", true, \.bool, settings),
            stripAccents: try Self.setting(config, "strip_accents", lowercase, \.bool, settings),
            lowercase: lowercase)
        unknownToken = try Self.setting(config, "unk_token", "[UNK]", \.string, settings)
        classToken = try Self.setting(config, "cls_token", "[CLS]", \.string, settings)
        separatorToken = try Self.setting(config, "sep_token", "[SEP]", \.string, settings)
        continuingPrefix = "##"
        longestWord = 100
        paddingToken = try Self.setting(config, "pad_token", "[PAD]", \.string, settings)
        let mask = try Self.setting(config, "mask_token", "[MASK]", \.string, settings)
        idOfToken = Self.index(vocabulary)
        let special = Set([unknownToken, classToken, separatorToken, paddingToken, mask])
        addedTokens = vocabulary.filter { special.contains($0.token) }.map {
            AddedToken(text: $0.token, id: $0.id)
        }
    }

    private static func text(_ url: URL) throws -> String {
        let attributes = try? FileManager.default.attributesOfItem(atPath: url.resolvingSymlinksInPath().path)
        let size = (attributes?[.size] as? NSNumber)?.intValue ?? 0
        let limit = JSONLimits().byteCount
        guard attributes?[.type] as? FileAttributeType == .typeRegular, size <= limit else {
            throw TokenizerError(file: url.path, problem: "this is no file of at most \(limit) bytes")
        }
        guard let data = try? Data(contentsOf: url), let text = String(validating: data, as: UTF8.self) else {
            throw TokenizerError(file: url.path, problem: "the file cannot be read as UTF-8 text")
        }
        return text
    }

    private static func require(
        _ section: JSONValue?, _ what: String, _ supported: [String], _ path: String, default: String = "none"
    ) throws {
        let type = try setting(section, "type", `default`, \.string, path)
        if supported.contains(type) { return }
        throw TokenizerError(
            file: path, problem: "\(what) \"\(type)\" is not supported",
            advice: "this version reads BERT tokenizers (\(supported.joined(separator: " or ")))")
    }

    /// A setting that may be absent or null, but not of another JSON type.
    private static func setting<Value>(
        _ section: JSONValue?, _ key: String, _ standard: Value, _ read: (JSONValue) -> Value?, _ path: String
    ) throws -> Value {
        guard let entry = section?[key], !entry.isNull else { return standard }
        guard let value = read(entry) else {
            throw TokenizerError(file: path, problem: "the setting \(key) is not a \(Value.self)")
        }
        return value
    }

    private static func checked(_ entries: [(String, Int?)], _ path: String) throws -> [(
        token: String, id: Int32
    )] {
        if entries.isEmpty { throw TokenizerError(file: path, problem: "the vocabulary is empty") }
        var seen = Set<Int>()
        return try entries.map { token, id in
            guard let id, id >= 0, id <= largestID else {
                throw TokenizerError(
                    file: path,
                    problem: "token \"\(token)\" has an id that is not a number from 0 to \(largestID)")
            }
            guard seen.insert(id).inserted else {
                throw TokenizerError(
                    file: path, problem: "id \(id) of token \"\(token)\" belongs to another token too")
            }
            return (token, Int32(id))
        }
    }

    /// The library numbers tokens beyond the vocabulary itself, one after another. A file that says otherwise
    /// would give other ids here than there.
    private static func addedTokens(
        _ entries: [JSONValue], _ known: [[UInt8]: Int32], _ path: String
    ) throws -> [AddedToken] {
        let taken = Set(known.values)
        var seen = Set<[UInt8]>()
        var next = known.count
        return try entries.map { entry in
            guard let text = entry["content"]?.string, !text.isEmpty, let id = entry["id"]?.int, id >= 0,
                id <= largestID
            else {
                throw TokenizerError(file: path, problem: "an entry of added_tokens has no content or id")
            }
            let name = "added token \"\(text)\""
            guard seen.insert(Array(text.utf8)).inserted else {
                throw TokenizerError(file: path, problem: "\(name) stands twice")
            }
            if let other = known[Array(text.utf8)] {
                guard Int(other) == id else {
                    throw TokenizerError(
                        file: path, problem: "\(name) has the id \(id), in the vocabulary it has \(other)")
                }
            } else {
                guard id == next, !taken.contains(Int32(id)) else {
                    throw TokenizerError(
                        file: path,
                        problem: "\(name) has the id \(id), but the tokenizers library would "
                            + "number it \(next)")
                }
                next += 1
            }
            return AddedToken(
                text: text, id: Int32(id), stripsLeft: try setting(entry, "lstrip", false, \.bool, path),
                stripsRight: try setting(entry, "rstrip", false, \.bool, path),
                isSingleWord: try setting(entry, "single_word", false, \.bool, path),
                isNormalized: try setting(entry, "normalized", false, \.bool, path))
        }
    }

    /// The tokens around the text: [CLS] A [SEP] B [SEP].
    private static func template(_ processor: JSONValue?, _ path: String) throws -> (String, String) {
        if processor?["type"]?.string == "BertProcessing" {
            guard let start = processor?["cls"]?.array?.first?.string,
                let end = processor?["sep"]?.array?.first?.string
            else { throw TokenizerError(file: path, problem: "BertProcessing lacks cls or sep") }
            return (start, end)
        }
        /// One line per entry, as in "[CLS] 0", or "A 0" for a text.
        func entries(_ key: String) -> [String] {
            (processor?[key]?.array ?? []).map { entry in
                let part = entry["SpecialToken"] ?? entry["Sequence"]
                return "\(part?["id"]?.string ?? "?") \(part?["type_id"]?.int ?? -1)"
            }
        }
        func token(_ index: Int) -> String? {
            let single = processor?["single"]?.array ?? []
            return index < single.count ? single[index]["SpecialToken"]?["id"]?.string : nil
        }
        guard let start = token(0), let end = token(2),
            entries("single") == ["\(start) 0", "A 0", "\(end) 0"],
            entries("pair") == ["\(start) 0", "A 0", "\(end) 0", "B 1", "\(end) 1"]
        else {
            throw TokenizerError(
                file: path, problem: "the template is not [CLS] A [SEP] and [CLS] A [SEP] B [SEP]",
                advice: "this version reads BERT tokenizers")
        }
        return (start, end)
    }
}
