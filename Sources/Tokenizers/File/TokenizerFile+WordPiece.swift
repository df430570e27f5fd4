import Foundation
import ModelFiles

/// BERT's tokenizers, and MPNet's, which differ from them in the tokens around a text.
extension TokenizerFile {
    init(wordPiece root: JSONValue, _ words: [(token: String, id: Int32)]?, _ path: String) throws {
        let model = root["model"]
        let settings = root["normalizer"]
        let processor = root["post_processor"]
        try Self.require(settings, "normalizer", ["BertNormalizer"], path)
        try Self.require(root["pre_tokenizer"], "pre-tokenizer", ["BertPreTokenizer"], path)
        try Self.require(
            processor, "post-processor", ["TemplateProcessing", "BertProcessing", "RobertaProcessing"], path)
        let vocabulary = try words ?? Self.wordVocabulary(model, path)
        var index = Index(vocabulary)
        let unknown = try readSetting(model, "unk_token", "[UNK]", \.string, path)
        let prefix = try readSetting(model, "continuing_subword_prefix", "##", \.string, path)
        let longestWord = try readSetting(model, "max_input_chars_per_word", 100, \.int, path)
        guard longestWord >= 0 else {
            throw TokenizerError(file: path, problem: "max_input_chars_per_word is \(longestWord)")
        }
        let normalizer = try Self.bertNormalizer(settings, path)
        let added = try Self.addedTokens(
            root["added_tokens"]?.array ?? [], index, vocabularyCount: vocabulary.count, path)
        index.add(added)
        let padding = try readSetting(root["padding"], "pad_token", "[PAD]", \.string, path)
        let unknownID = try index.requiredID(of: unknown, path)
        let wordPiece = try WordPiece(
            vocabulary: vocabulary, unknownID: unknownID, continuingPrefix: prefix, longestWord: longestWord,
            file: path)
        let around = try Self.processor(processor, index, path)
        self.init(
            path: path, vocabulary: vocabulary, addedTokens: added, pipeline: .bert(normalizer, wordPiece),
            processor: around, unknownID: unknownID,
            paddingID: index.id(of: padding), decoding: try DecodingList.read(root["decoder"], path))
    }

    private static func processor(
        _ section: JSONValue?, _ index: Index, _ path: String
    ) throws -> (template: Template, trimming: ByteLevelTrimming?) {
        if section?["type"]?.string == "RobertaProcessing" {
            let processor = try PostProcessor(section, idOf: index.id, path)
            return (processor.template, processor.trimming)
        }
        let (start, end) = try template(section, path)
        for token in [start, end] {
            let entry = section?["special_tokens"]?[token]?["ids"]?.array?.first
            guard let id = entry?.int, let other = index.id(of: token), id != Int(other) else { continue }
            throw TokenizerError(
                file: path,
                problem:
                    "token \(inQuotes(token)) has the id \(id) in one place and \(other) in the vocabulary")
        }
        return (
            .bert(
                start: try index.requiredID(of: start, path), end: try index.requiredID(of: end, path)), nil
        )
    }

    private static func wordVocabulary(
        _ model: JSONValue?, _ path: String
    ) throws -> [(token: String, id: Int32)] {
        guard let words = model?["vocab"]?.object else {
            throw TokenizerError(file: path, problem: "there is no model.vocab")
        }
        return try checked(words.members.map { ($0.key, $0.value.int) }, path)
    }

    private static func bertNormalizer(_ settings: JSONValue?, _ path: String) throws -> BertNormalizer {
        func flag(_ key: String, _ standard: Bool) throws -> Bool {
            try readSetting(settings, key, standard, \.bool, path)
        }
        let lowercase = try flag("lowercase", true)
        return BertNormalizer(
            cleanText: try flag("clean_text", true),
            handleChineseCharacters: try flag("handle_chinese_chars", true),
            stripAccents: try flag("strip_accents", lowercase), lowercase: lowercase)
    }

    /// A `vocab.txt`, one token a line, id = line number from 0.
    static func words(_ url: URL) throws -> [(token: String, id: Int32)] {
        try checked(try lines(url).enumerated().map { ($0.element, $0.offset) }, url.path)
    }

    /// The lines of a `merges.txt`, which may begin with its version.
    static func mergeLines(_ url: URL) throws -> [String] {
        try lines(url).filter { !$0.hasPrefix("#version") }
    }

    /// The lines of a list. They end as the library sees them, and trailing white space is not part of a token.
    private static func lines(_ url: URL) throws -> [String] {
        var bytes = try FileBytes.read(url, byteLimit: largestList)
        // Else it would belong to the first token.
        bytes.removeFirst(TextMarks.length(at: bytes))
        let lineBreak = UInt8(ascii: "\n")
        // Before each line becomes a string.
        let count = bytes.count { $0 == lineBreak }
        if count > mostTokens { try checkCount(count, url.path) }
        var lines = try bytes.split(separator: lineBreak, omittingEmptySubsequences: false).map { line in
            guard let text = String(validating: line, as: UTF8.self) else {
                throw TokenizerError(file: url.path, problem: "the file cannot be read as UTF-8 text")
            }
            var scalars = Substring(text).unicodeScalars
            while let last = scalars.last, UnicodeClasses.isWhitespace(last) { scalars.removeLast() }
            return String(scalars)
        }
        if lines.last == "" { lines.removeLast() }
        return lines
    }

    private static let largestList = 64 << 20

    private static func require(
        _ section: JSONValue?, _ what: String, _ supported: [String], _ path: String
    ) throws {
        let type = try readSetting(section, "type", "none", \.string, path)
        if supported.contains(type) { return }
        throw TokenizerError(
            file: path, problem: "\(what) \(inQuotes(type)) is not supported",
            advice: "this version reads BERT tokenizers (\(supported.joined(separator: " or ")))")
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
