import Foundation
import Testing
import Tokenizers

/// Against Hugging Face's `tokenizers` library (scripts/goldens/tokenizer.py); all is equal, not close.
@Suite struct ParityTests {
    private struct Case: Decodable {
        let text: String
        let pair: String?
        let maxLength: Int?
        let ids: [Int32]
        let types: [Int32]
        /// Start and end of each token, flat.
        let offsets: [Int]
    }

    private static let unlimited = 1 << 20

    @Test func hostileTextsHaveTheLibrarysIDs() throws {
        let lines = try Provided.lines("Tests/Goldens/tokenizer/hostile.jsonl")
        let tokenizer = try Provided.tokenizer()
        #expect(lines.count >= 300)
        for line in lines {
            let golden = try JSONDecoder().decode(Case.self, from: Data(line.utf8))
            let got = tokenizer.encode(
                golden.text, pair: golden.pair, maxLength: golden.maxLength ?? Self.unlimited)
            #expect(got.ids == golden.ids, "ids of \(line)")
            #expect(got.typeIDs == golden.types, "types of \(line)")
            let offsets = got.offsets.flatMap { [$0.lowerBound, $0.upperBound] }
            #expect(offsets == golden.offsets, "offsets of \(line)")
            let whole = tokenizer.encode(golden.text, pair: golden.pair, maxLength: Self.unlimited)
            #expect(got.truncatedTokens == whole.ids.count - golden.ids.count, "cut tokens of \(line)")
        }
    }

    @Test func allWordNetGlossesHaveTheLibrarysIDs() throws {
        let hashes = try Provided.lines("Tests/Goldens/tokenizer/glosses.txt")
        let tokenizer = try Provided.tokenizer()
        let glosses = try Self.glosses()
        try #require(glosses.count == 95_882, "WordNet 3.0 has 95,882 noun and verb glosses")
        let size = 200
        try #require(hashes.count == (glosses.count + size - 1) / size)
        for (chunk, hash) in hashes.enumerated() {
            var got = FNV()
            for gloss in glosses[(chunk * size)..<min(glosses.count, (chunk + 1) * size)] {
                for id in tokenizer.encode(gloss, maxLength: Self.unlimited).ids {
                    got.add(UInt32(bitPattern: id))
                }
                got.add(0xFFFF_FFFF)
            }
            #expect(got.text == hash, "glosses \(chunk * size) to \((chunk + 1) * size - 1)")
        }
    }

    @Test func everyScalarGivesTheLibrarysWords() throws {
        let hashes = try Provided.lines("Tests/Goldens/tokenizer/scalars.txt")
        try #require(hashes.count == 0x1100)
        let normalizer = BertNormalizer(
            cleanText: true, handleChineseCharacters: true, stripAccents: true, lowercase: true)
        for (block, hash) in hashes.enumerated() {
            var got = FNV()
            for code in UInt32(block * 256)..<UInt32(block * 256 + 256) {
                guard let scalar = Unicode.Scalar(code) else { continue }
                let text = normalizer.normalize(LocatedScalar.scalars(of: "a\(scalar)b")[...])
                BertNormalizer.forEachWord(text[...]) { word in
                    for part in word { got.add(part.scalar.value) }
                    got.add(0xFFFF_FFFF)
                }
                got.add(0xFFFF_FFFE)
            }
            #expect(got.text == hash, "scalars from U+\(String(block * 256, radix: 16, uppercase: true))")
        }
    }

    /// The glosses up to the first "; ", of all nouns, then all verbs.
    private static func glosses() throws -> [String] {
        try ["noun", "verb"].flatMap { part in
            try Provided.lines("/usr/share/wordnet/data.\(part)").filter { !$0.hasPrefix("  ") }.map { line in
                let bar = try #require(line.range(of: "| "), "no gloss in \(line)")
                let gloss = line[bar.upperBound...]
                let end = gloss.range(of: "; ")?.lowerBound ?? gloss.endIndex
                return gloss[..<end].trimmingCharacters(in: .whitespaces)
            }
        }
    }
}
