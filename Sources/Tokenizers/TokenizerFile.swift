import Foundation
import ModelFiles

/// What a tokenizer folder says, checked.
struct TokenizerFile {
    let path: String
    let vocabulary: [(token: String, id: Int32)]
    let specialTokens: [(text: String, id: Int32)]
    let normalizer: BertNormalizer
    let unknownToken: String
    let classToken: String
    let separatorToken: String
    let continuingPrefix: String
    let longestWord: Int

    /// More than any vocabulary in use; an id beyond it is an attack or damage.
    private static let largestID = 10_000_000

    /// A `tokenizer.json` of the BERT kind. Its truncation and padding sections are settings of whoever saved
    /// it and are not used.
    init(json url: URL) throws {
        path = url.path
        let root: JSONValue
        do { root = try JSONValue.read(url) } catch { throw TokenizerError(file: url.path, problem: "\(error)") }
        let model = root["model"]
        try Self.require(model?["type"]?.string ?? "WordPiece", ["WordPiece"], "model type", path)
        try Self.require(root["normalizer"]?["type"]?.string ?? "none", ["BertNormalizer"], "normalizer", path)
        try Self.require(root["pre_tokenizer"]?["type"]?.string ?? "none", ["BertPreTokenizer"], "pre-tokenizer", path)
        let processor = root["post_processor"]
        try Self.require(
            processor?["type"]?.string ?? "none", ["TemplateProcessing", "BertProcessing"], "post-processor", path)
        guard let words = model?["vocab"]?.object else {
            throw TokenizerError(file: path, problem: "there is no model.vocab")
        }
        vocabulary = try Self.checked(words.members.map { ($0.key, $0.value.int) }, path)
        unknownToken = model?["unk_token"]?.string ?? "[UNK]"
        continuingPrefix = model?["continuing_subword_prefix"]?.string ?? "##"
        longestWord = model?["max_input_chars_per_word"]?.int ?? 100
        let settings = root["normalizer"]
        let lowercase = settings?["lowercase"]?.bool ?? true
        normalizer = BertNormalizer(
            cleanText: settings?["clean_text"]?.bool ?? true,
            handleChineseCharacters: settings?["handle_chinese_chars"]?.bool ?? true,
            stripAccents: settings?["strip_accents"]?.bool ?? lowercase, lowercase: lowercase)
        specialTokens = try Self.specialTokens(root["added_tokens"]?.array ?? [], path)
        (classToken, separatorToken) = try Self.template(processor, path)
    }

    /// A `vocab.txt`, one token a line, id = line number from 0.
    init(vocabulary url: URL, configuration: URL?) throws {
        path = url.path
        guard let data = try? Data(contentsOf: url), let text = String(data: data, encoding: .utf8) else {
            throw TokenizerError(file: url.path, problem: "the file cannot be read as UTF-8 text")
        }
        var lines = text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }.map(String.init)
        if lines.last == "" { lines.removeLast() }
        vocabulary = try Self.checked(lines.enumerated().map { ($0.element, $0.offset) }, path)
        let config = try configuration.map { try JSONValue.read($0) }
        let lowercase = config?["do_lower_case"]?.bool ?? true
        normalizer = BertNormalizer(
            cleanText: true, handleChineseCharacters: config?["tokenize_chinese_chars"]?.bool ?? true,
            stripAccents: config?["strip_accents"]?.bool ?? lowercase, lowercase: lowercase)
        unknownToken = config?["unk_token"]?.string ?? "[UNK]"
        classToken = config?["cls_token"]?.string ?? "[CLS]"
        separatorToken = config?["sep_token"]?.string ?? "[SEP]"
        continuingPrefix = "##"
        longestWord = 100
        let special = Set([unknownToken, classToken, separatorToken, "[PAD]", "[MASK]"])
        specialTokens = vocabulary.filter { special.contains($0.token) }.map { ($0.token, $0.id) }
    }

    private static func require(_ value: String, _ supported: [String], _ what: String, _ path: String) throws {
        if supported.contains(value) { return }
        throw TokenizerError(
            file: path, problem: "\(what) \"\(value)\" is not supported",
            advice: "this version reads BERT tokenizers (\(supported.joined(separator: " or ")))")
    }

    private static func checked(_ entries: [(String, Int?)], _ path: String) throws -> [(token: String, id: Int32)] {
        if entries.isEmpty { throw TokenizerError(file: path, problem: "the vocabulary is empty") }
        var seen = Set<Int>()
        return try entries.map { token, id in
            guard let id, id >= 0, id <= largestID else {
                throw TokenizerError(
                    file: path, problem: "token \"\(token)\" has an id that is not a number from 0 to \(largestID)")
            }
            guard seen.insert(id).inserted else {
                throw TokenizerError(file: path, problem: "id \(id) of token \"\(token)\" belongs to another token too")
            }
            return (token, Int32(id))
        }
    }

    private static func specialTokens(_ entries: [JSONValue], _ path: String) throws -> [(text: String, id: Int32)] {
        try entries.map { entry in
            guard let text = entry["content"]?.string, !text.isEmpty, let id = entry["id"]?.int, id >= 0, id <= largestID
            else { throw TokenizerError(file: path, problem: "an entry of added_tokens has no content or id") }
            for flag in ["normalized", "lstrip", "rstrip", "single_word"] where entry[flag]?.bool == true {
                throw TokenizerError(
                    file: path, problem: "added token \"\(text)\" has \(flag) = true, which is not supported",
                    advice: "use the tokenizer.json of the pretrained model")
            }
            return (text, Int32(id))
        }
    }

    /// The tokens around the text: [CLS] A [SEP] B [SEP].
    private static func template(_ processor: JSONValue?, _ path: String) throws -> (String, String) {
        if processor?["type"]?.string == "BertProcessing" {
            guard let start = processor?["cls"]?.array?.first?.string, let end = processor?["sep"]?.array?.first?.string
            else { throw TokenizerError(file: path, problem: "BertProcessing lacks cls or sep") }
            return (start, end)
        }
        let single = (processor?["single"]?.array ?? []).map { $0["SpecialToken"]?["id"]?.string }
        let pair = (processor?["pair"]?.array ?? []).map { $0["SpecialToken"]?["id"]?.string }
        guard single.count == 3, let start = single[0], single[1] == nil, let end = single[2],
            pair == [start, nil, end, nil, end]
        else {
            throw TokenizerError(
                file: path, problem: "the template is not [CLS] A [SEP] and [CLS] A [SEP] B [SEP]",
                advice: "this version reads BERT tokenizers")
        }
        return (start, end)
    }
}
