import Foundation
import ModelFiles
import Tokenizers

/// What texts are split by: regular expressions of `tokenizer.json`, vocabularies of GGUF files.
enum VocabularyInputs {
    private static let samples = [
        "The cat's  sat. 12345 I'LL", " naïve\u{301} \u{FB01}①²\t\n\n漢字かな 한 \u{1F600}\u{200D}\u{1F680}\r\n",
        "<s>a</s>", "",
    ]
    /// The same numbers everywhere: a fuzzer needs each byte.
    private static let byteNames: [String] = {
        let shown = (33..<127).map { $0 } + (161..<173).map { $0 } + (174..<256).map { $0 }
        var others: UInt32 = 256
        return (UInt32(0)..<256).compactMap { byte in
            if !shown.contains(Int(byte)) {
                others += 1
                return UnicodeScalar(others - 1).map(String.init)
            }
            return UnicodeScalar(byte).map(String.init)
        }
    }()

    // MARK: Expressions

    private static let behaviors = [
        "Isolated", "Removed", "Contiguous", "MergedWithPrevious", "MergedWithNext",
    ]

    /// The first byte says what becomes of matches; then an expression, and after a separator a text.
    static func split(_ bytes: [UInt8], in scratch: Scratch) throws {
        guard let first = bytes.first else { return }
        let parts = bytes.dropFirst().split(
            separator: Scratch.separator, maxSplits: 1, omittingEmptySubsequences: false)
        let pattern = String(decoding: parts[0], as: UTF8.self)
        let text = parts.count > 1 ? String(decoding: parts[1], as: UTF8.self) : ""
        let behavior = behaviors[Int(first >> 1) % behaviors.count]
        let json = """
            {"version":"1.0","added_tokens":[],"normalizer":null,"post_processor":null,"decoder":null,
            "pre_tokenizer":{"type":"Split","pattern":{"Regex":\(JSONValue.string(pattern).text())},
            "behavior":"\(behavior)","invert":\(first & 1 == 1)},
            "model":{"type":"BPE","vocab":{"[UNK]":0,"a":1,"b":2},"merges":[],"unk_token":"[UNK]"}}
            """
        try scratch.write(Array(json.utf8), as: ["tokenizer.json"])
        let tokenizer = try Tokenizer(folder: scratch.url)
        for text in samples + [text] {
            let pieces = tokenizer.words(of: text)
            let joined = pieces.flatMap(\.self)
            let all = Array(text.unicodeScalars)
            try require(
                behavior == "Removed" ? joined.count <= all.count : joined == all,
                "\(pieces.count) pieces are not the text")
            try TextInputs.encode(text, by: tokenizer)
        }
    }

    // MARK: Vocabularies

    /// A JSON object of a GGUF's keys without `tokenizer.ggml.`; `bytes` puts tokens of all bytes behind the others, by their
    /// letters (`"letters"`) or names (`"names"`).
    static func readVocabulary(_ bytes: [UInt8], in scratch: Scratch) throws {
        guard var keys = try? JSONValue.parse(bytes).object else {
            throw ModelFileError(file: "keys", problem: "no JSON object", advice: "give one")
        }
        if let kind = keys["bytes"]?.string { addBytes(kind, to: &keys) }
        var metadata: [(key: String, value: GGUFValue)] = []
        for (key, value) in keys.members where key != "bytes" {
            guard let value = key == "scores" ? value.storedScores : value.stored else { continue }
            metadata.append((key.contains(".") ? key : "tokenizer.ggml." + key, value))
        }
        let url = scratch.url.appendingPathComponent("vocabulary.gguf")
        try GGUFWriter.write(metadata: metadata, tensors: [], to: url)
        let vocabulary = try GGUFVocabulary.read(GGUFFile(url))
        let tokenizer = try Tokenizer(gguf: vocabulary, name: "vocabulary.gguf")
        let own = vocabulary.tokens.prefix(20).joined()
        for text in samples + [own, own + " " + own] {
            try TextInputs.encode(text, by: tokenizer)
            // A message, which spells what it likes, between pieces of a template.
            let size = text.utf8.count
            let data = size > 2 ? [text.utf8.first.map { $0 < 0x80 } == true ? 1..<size : 0..<size] : []
            let ids = tokenizer.encode(rendered: text, data: data).encoding.ids
            try require(
                ids.allSatisfy { $0 >= 0 && Int($0) < tokenizer.vocabularySize }, "an id without a token")
            for skips in [false, true] {
                var decoder = tokenizer.decoder(skippingSpecial: skips)
                for id in ids { _ = decoder.push(id) }
                _ = decoder.finish()
            }
        }
    }

    private static func addBytes(_ kind: String, to keys: inout JSONObject) {
        let isNamed = kind == "names"
        let names =
            isNamed
            ? (0..<256).map { byte in
                let digits = String(byte, radix: 16, uppercase: true)
                return "<0x" + (byte < 16 ? "0" : "") + digits + ">"
            } : byteNames
        for (key, own) in [
            ("tokens", names.map { JSONValue.string($0) }),
            ("scores", names.map { _ in JSONValue.number(0) }),
            ("token_type", names.map { _ in JSONValue.number(isNamed ? 6 : 1) }),
        ] {
            guard let known = keys[key]?.array else { continue }
            keys[key] = .array(known + own)
        }
    }
}

extension JSONValue {
    /// Numbers of a type of their own
    fileprivate var storedScores: GGUFValue? {
        guard let scores = array?.compactMap({ $0.double.map { Float($0) } }) else { return stored }
        return .array(.float32(scores))
    }

    /// As a GGUF's keys have such values; nil where they have none such.
    fileprivate var stored: GGUFValue? {
        switch self {
        case .string(let text): return .string(text)
        case .bool(let flag): return .bool(flag)
        case .number(let number):
            return int.flatMap { Int32(exactly: $0) }.map { .int32($0) } ?? int.map { .int64(Int64($0)) }
                ?? .float64(number)
        case .array(let values):
            let texts = values.compactMap(\.string)
            if texts.count == values.count { return .array(.string(texts)) }
            let integers = values.compactMap { $0.int.flatMap { Int32(exactly: $0) } }
            if integers.count == values.count { return .array(.int32(integers)) }
            let numbers = values.compactMap { $0.double.map { Float($0) } }
            return numbers.count == values.count ? .array(.float32(numbers)) : nil
        case .largeInteger(let digits): return UInt64(digits).map { .uint64($0) }
        case .null, .object: return nil
        }
    }
}
