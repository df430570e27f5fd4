import Foundation
import Testing
import Tokenizers

/// BPE, Unigram, WordLevel and MPNet's WordPiece against Hugging Face's `tokenizers` library
/// (scripts/goldens/tokenizer_bpe_unigram.py); all is equal, not close.
@Suite struct SubwordParityTests {
    private struct Case: Decodable {
        let text: String
        let pair: String?
        let maxLength: Int?
    }

    static let names = [
        "roberta", "roberta-prefix", "bytes-partial", "bytes-nfkc", "xlm-r", "albert", "deberta-v3",
        "deberta-v2", "deberta-transformers", "deberta-split", "mpnet", "byte-fallback", "merged-next",
        "merged-previous", "clip", "clip-partial", "words",
    ]

    private static let folder = "Tests/Goldens/tokenizer/subword"
    private static let unlimited = 1 << 20

    private static func tokenizer(_ name: String) throws -> Tokenizer {
        let map = try #require(try Provided.lines("\(folder)/charsmap.txt").first)
        let json = try Provided.lines("\(folder)/\(name).json").joined(separator: "\n")
        let temporary = try TemporaryFolder()
        try temporary.write(json.replacingOccurrences(of: "@charsmap", with: map), as: "tokenizer.json")
        return try Tokenizer(folder: temporary.url)
    }

    @Test(arguments: names)
    func textsHaveTheLibrarysIDs(name: String) throws {
        let lines = try Provided.lines("\(Self.folder)/texts.jsonl")
        let hashes = try Provided.lines("\(Self.folder)/\(name).hashes.txt")
        let tokenizer = try Self.tokenizer(name)
        try #require(lines.count >= 1_000)
        try #require(hashes.count == lines.count)
        for (line, hash) in zip(lines, hashes) {
            let golden = try JSONDecoder().decode(Case.self, from: Data(line.utf8))
            let got = tokenizer.encode(
                golden.text, pair: golden.pair, maxLength: golden.maxLength ?? Self.unlimited)
            var (numbers, offsets) = (FNV(), FNV())
            for number in got.ids + [-1] + got.typeIDs { numbers.add(UInt32(bitPattern: number)) }
            for range in got.offsets {
                offsets.add(UInt32(range.lowerBound))
                offsets.add(UInt32(range.upperBound))
            }
            let pieces = got.ids.map { tokenizer.token(for: $0) ?? "?" }
            #expect(
                "\(numbers.text.prefix(8)) \(offsets.text.prefix(8))" == hash,
                "ids \(pieces), offsets \(got.offsets) of \(line)")
            let whole = tokenizer.encode(golden.text, pair: golden.pair, maxLength: Self.unlimited)
            #expect(got.truncatedTokens == whole.ids.count - got.ids.count, "cut tokens of \(line)")
        }
    }

    @Test(arguments: names)
    func everyScalarGivesTheLibrarysWords(name: String) throws {
        let hashes = try Provided.lines("\(Self.folder)/\(name).scalars.txt")
        let tokenizer = try Self.tokenizer(name)
        // Planes 4 to 13 are unassigned throughout.
        let codes = Array(UInt32(0)..<0xD800) + Array(0xE000..<0x40000) + Array(0xE0000..<0xE1000)
        let size = 4_096
        try #require(hashes.count == (codes.count + size - 1) / size)
        for (block, hash) in hashes.enumerated() {
            let block = codes[(block * size)..<min(codes.count, (block + 1) * size)]
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
}
