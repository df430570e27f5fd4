import Foundation
import Testing
import Tokenizers

/// Tokenizers with the parts of decoders against Hugging Face's `tokenizers` library
/// (scripts/goldens/tokenizer_decoders.py); all is equal, not close.
@Suite struct DecoderParityTests {
    static let names = [
        "llama3", "qwen2", "qwen35", "smollm2", "gpt2", "neox", "tekken", "gpt-4o", "cl100k", "deepseek",
        "deepseek-coder", "falcon", "llama2", "llama-new", "mistral", "gemma",
    ]
    static let folder = "Tests/Goldens/tokenizer/decoders"

    static func tokenizer(_ name: String) throws -> Tokenizer {
        let temporary = try TemporaryFolder()
        let json = try Provided.lines("\(folder)/\(name).json").joined(separator: "\n")
        try temporary.write(json, as: "tokenizer.json")
        return try Tokenizer(folder: temporary.url)
    }

    static func texts() throws -> [String] {
        try Provided.lines("\(folder)/texts.jsonl").map { line in
            try JSONDecoder().decode(String.self, from: Data(line.utf8))
        }
    }

    static func hash(_ numbers: some Sequence<Int>) -> String {
        var hash = FNV()
        for number in numbers { hash.add(UInt32(truncatingIfNeeded: number)) }
        return String(hash.text.prefix(8))
    }

    @Test(arguments: names)
    func textsHaveTheLibrarysIDsAndCanBeReadBack(name: String) throws {
        let (texts, tokenizer) = (try Self.texts(), try Self.tokenizer(name))
        let hashes = try Provided.lines("\(Self.folder)/\(name).hashes.txt")
        try #require(texts.count > 550 && hashes.count == texts.count)
        for (text, hash) in zip(texts, hashes) {
            let got = tokenizer.encode(text, maxLength: 1 << 20)
            let parts = [
                Self.hash(got.ids.map(Int.init)),
                Self.hash(got.offsets.flatMap { [$0.lowerBound, $0.upperBound] }),
                Self.hash(tokenizer.decode(got.ids, skippingSpecial: false).utf8.map(Int.init)),
                Self.hash(tokenizer.decode(got.ids, skippingSpecial: true).utf8.map(Int.init)),
            ]
            #expect(
                parts.joined(separator: " ") == hash, "\(text.debugDescription): \(got.ids) \(got.offsets)")
        }
    }

    /// Cuts fall between the bytes of characters.
    @Test(arguments: names)
    func beginningsAreReadAsTheLibraryReadsThem(name: String) throws {
        let (texts, tokenizer) = (try Self.texts(), try Self.tokenizer(name))
        let hashes = try Provided.lines("\(Self.folder)/\(name).cuts.txt")
        try #require(hashes.count == 80)
        for (text, hash) in zip(texts, hashes) {
            let ids = tokenizer.encode(text, maxLength: 1 << 20).ids
            let all = (0...ids.count).flatMap { end in
                tokenizer.decode(Array(ids[..<end]), skippingSpecial: true).utf8.map(Int.init) + [-1]
            }
            #expect(Self.hash(all) == hash, "\(text.debugDescription)")
        }
    }

    /// What is pushed out is never taken back.
    @Test(arguments: names)
    func streamedTextIsTheWholeText(name: String) throws {
        let tokenizer = try Self.tokenizer(name)
        for text in try Self.texts().prefix(200) {
            let ids = tokenizer.encode(text, maxLength: 1 << 20).ids
            var decoder = tokenizer.decoder(skippingSpecial: true)
            var streamed = ""
            for id in ids {
                let more = decoder.push(id)
                #expect(!more.unicodeScalars.contains("\u{FFFD}") || text.unicodeScalars.contains("\u{FFFD}"))
                streamed += more
            }
            streamed += decoder.finish()
            #expect(streamed.utf8.elementsEqual(tokenizer.decode(ids, skippingSpecial: true).utf8))
        }
    }

    @Test(arguments: ["llama3", "gpt-4o", "deepseek"])
    func everyScalarGivesTheLibrarysWords(name: String) throws {
        let hashes = try Provided.lines("\(Self.folder)/\(name).scalars.txt")
        let tokenizer = try Self.tokenizer(name)
        let blocks = Self.scalarBlocks
        try #require(hashes.count == blocks.count)
        for (block, hash) in zip(blocks, hashes) {
            var got = FNV()
            for scalar in block.compactMap(Unicode.Scalar.init) {
                for word in tokenizer.words(of: "a\(scalar) ª\(scalar)\u{301}b9\(scalar)é") {
                    for part in word { got.add(part.value) }
                    got.add(0xFFFF_FFFF)
                }
                got.add(0xFFFF_FFFE)
            }
            #expect(got.text == hash, "scalars from U+\(String(block.first ?? 0, radix: 16))")
        }
    }

    static var scalarBlocks: [ArraySlice<UInt32>] {
        let codes = Array(UInt32(0)..<0xD800) + Array(0xE000..<0x20000) + Array(0xE0000..<0xE0200)
        return stride(from: 0, to: codes.count, by: 4_096).map { codes[$0..<min(codes.count, $0 + 4_096)] }
    }
}
