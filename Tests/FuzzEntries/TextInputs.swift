import Datasets
import Foundation
import ModelFiles
import Tokenizers

/// Inputs that are texts, or read them.
enum TextInputs {
    // MARK: Tokenizers

    private static let samples = [
        "The cat sat.", "  naïve Ångström ﬁ①  ", "[MASK]<s> a\tb\n漢字 \u{1F600}", "",
    ]

    static func readTokenizer(_ bytes: [UInt8], in scratch: Scratch) throws {
        let isJSON = bytes.first == UInt8(ascii: "{")
        let names = isJSON ? ["tokenizer.json"] : ["vocab.txt", "tokenizer_config.json"]
        if isJSON { try readBeside(bytes, in: scratch) }
        scratch.remove(["tokenizer.json"] + sideFiles)
        try scratch.write(bytes, as: names)
        let tokenizer = try Tokenizer(folder: scratch.url)
        for text in samples { try encode(text, by: tokenizer) }
    }

    static func readPieces(_ bytes: [UInt8], in scratch: Scratch) throws {
        try scratch.write(Array(#"{"model_type":"siglip"}"#.utf8), as: ["config.json"])
        try scratch.write(bytes, as: ["spiece.model"])
        let tokenizer = try Tokenizer(folder: scratch.url)
        for text in samples { try encode(text, by: tokenizer) }
    }

    private static let sideFiles = [
        "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "config.json", "vocab.txt",
    ]

    /// The same bytes as each of the files beside a vocabulary.
    private static func readBeside(_ bytes: [UInt8], in scratch: Scratch) throws {
        let words = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nthe\n##s\n"
        for name in sideFiles.dropLast() {
            scratch.remove(sideFiles + ["tokenizer.json"])
            try scratch.write(Array(words.utf8), as: ["vocab.txt"])
            try scratch.write(bytes, as: [name])
            guard let tokenizer = try? Tokenizer(folder: scratch.url) else { continue }
            for text in samples { try encode(text, by: tokenizer) }
        }
    }

    /// Of each kind of pipeline one, from the goldens; their character map is a file of its own.
    private static let tokenizers: [Tokenizer] = {
        let folder = repository.appendingPathComponent("Tests/Goldens/tokenizer/subword")
        func text(_ name: String) -> String? {
            try? String(contentsOf: folder.appendingPathComponent(name), encoding: .utf8)
        }
        guard let scratch = try? Scratch(), let map = text("charsmap.txt")?.split(separator: "\n").first
        else {
            return []
        }
        let names = ["albert", "byte-fallback", "bytes-nfkc", "deberta-v3", "mpnet", "roberta", "xlm-r"]
        return names.compactMap { name in
            let json = text("\(name).json")?.replacingOccurrences(of: "@charsmap", with: map)
            try? scratch.write(Array((json ?? "").utf8), as: ["tokenizer.json"])
            return try? Tokenizer(folder: scratch.url)
        }
    }()

    static var repository: URL {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
    }

    static func encode(_ bytes: [UInt8]) throws {
        guard let first = bytes.first else { return }
        try require(tokenizers.count == 7, "\(tokenizers.count) of 7 tokenizers can be read")
        let text = String(decoding: bytes.dropFirst(), as: UTF8.self)
        try encode(text, by: tokenizers[Int(first) % tokenizers.count])
    }

    static func encode(_ text: String, by tokenizer: Tokenizer) throws {
        let least = tokenizer.specialTokenCount(isPair: true)
        for (pair, limit) in [(nil, 1 << 20), (text, least + 9)] as [(String?, Int)] {
            let encoding = tokenizer.encode(text, pair: pair, maxLength: max(limit, least))
            try check(encoding, of: text, tokenizer, maxLength: max(limit, least))
        }
        let words = text.split(separator: " ").map(String.init)
        let sentence = tokenizer.encode(words: words, maxLength: least + 16)
        try require(sentence.firstTokens.count == words.count, "\(words.count) words, not all have a token")
        for token in sentence.firstTokens.compactMap(\.self) {
            try require(sentence.encoding.ids.indices.contains(token), "a word's token is not there")
        }
        let (windows, _) = tokenizer.windows(
            question: String(text.prefix(20)), context: text, maxLength: least + 24, stride: 4,
            longestQuestion: 8)
        for window in windows {
            try require(window.encoding.ids.count <= least + 24, "a window is too long")
            try require(
                window.second.isEmpty || window.encoding.ids.indices.contains(window.second.upperBound - 1),
                "the tokens of a window's text are not there")
        }
    }

    private static func check(
        _ encoding: Encoding, of text: String, _ tokenizer: Tokenizer, maxLength: Int
    ) throws {
        let count = encoding.ids.count
        try require(count <= maxLength, "\(count) tokens, at most \(maxLength) were wanted")
        try require(
            encoding.typeIDs.count == count && encoding.offsets.count == count,
            "ids, types and offsets differ")
        let size = text.utf8.count
        for (id, place) in zip(encoding.ids, encoding.offsets) {
            try require(id >= 0 && Int(id) < tokenizer.vocabularySize, "id \(id) is beyond the vocabulary")
            try require(
                place.lowerBound >= 0 && place.upperBound <= size, "\(place) is outside \(size) bytes")
        }
    }

    // MARK: Data

    private static let forms: [(DataFormat, RowForm)] = [
        (.jsonl, .texts), (.csv, .texts), (.tsv, .texts), (.jsonl, .labelSets(separator: ";")),
        (.csv, .labelSets(separator: nil)), (.jsonl, .sentences), (.conll, .sentences),
        (.jsonl, .questions), (.squad, .questions), (.jsonl, .conversations), (.json, .conversations),
        (.csv, .conversations), (.json, .choices),
    ]

    static func readData(_ bytes: [UInt8], in scratch: Scratch) throws {
        guard let first = bytes.first else { return }
        // Files that go with rows are read or refused, whatever is in them.
        try scratch.write(Array(bytes.dropFirst()), as: ["names"])
        let file = scratch.url.appendingPathComponent("names")
        _ = try? LabelNames(file)
        _ = try? ClassWeights.read(file, labels: LabelSet(names: ["a", "b"], source: "rows"))
        let (format, form) = forms[Int(first) % forms.count]
        let dataset = try Dataset.parse(
            Array(bytes.dropFirst()), name: "data", format: format, form: form,
            requireLabels: first & 0x80 == 0)
        try require(!dataset.examples.isEmpty, "a data set without examples")
        if form != .questions && form != .conversations { _ = try LabelSet(from: dataset) }
    }
}
