import Foundation
import Testing
import Tokenizers

/// Given words and windows on long contexts against Hugging Face's tokenizers (scripts/goldens/passages.py); all is equal,
/// not close.
@Suite struct PassageParityTests {
    private struct Words: Decodable {
        let tokenizer: String
        let words: [String]
        let maxLength: Int
        let ids: [Int32]
        let firsts: [Int?]
    }

    private struct Windows: Decodable {
        struct Window: Decodable {
            let ids: [Int32]
            let types: [Int32]
            let context: Int
            let offsets: [Int]
        }
        let tokenizer: String
        let question: String
        let context: String
        let maxLength: Int
        let stride: Int
        let windows: [Window]
    }

    private static func tokenizers() throws -> [String: Tokenizer] {
        var tokenizers = ["minilm": try Provided.tokenizer()]
        let map = try #require(try Provided.lines("Tests/Goldens/tokenizer/subword/charsmap.txt").first)
        for name in ["roberta", "roberta-prefix", "xlm-r"] {
            let json = try Provided.lines("Tests/Goldens/tokenizer/subword/\(name).json")
                .joined(separator: "\n")
            let temporary = try TemporaryFolder()
            try temporary.write(json.replacingOccurrences(of: "@charsmap", with: map), as: "tokenizer.json")
            tokenizers[name] = try Tokenizer(folder: temporary.url)
        }
        return tokenizers
    }

    @Test func wordsHaveTheLibrarysTokens() throws {
        let tokenizers = try Self.tokenizers()
        let lines = try Provided.lines("Tests/Goldens/passages/words.jsonl")
        try #require(lines.count == 120)
        for line in lines {
            let golden = try JSONDecoder().decode(Words.self, from: Data(line.utf8))
            let tokenizer = try #require(tokenizers[golden.tokenizer])
            let got = tokenizer.encode(words: golden.words, maxLength: golden.maxLength)
            #expect(got.encoding.ids == golden.ids, "\(line)")
            #expect(got.firstTokens == golden.firsts, "\(line)")
        }
    }

    @Test func windowsAreTheLibrarys() throws {
        let tokenizers = try Self.tokenizers()
        let lines = try Provided.lines("Tests/Goldens/passages/windows.jsonl")
        try #require(lines.count == 180)
        for line in lines {
            let golden = try JSONDecoder().decode(Windows.self, from: Data(line.utf8))
            let tokenizer = try #require(tokenizers[golden.tokenizer])
            let (got, cut) = tokenizer.windows(
                question: String(golden.question.drop(while: \.isWhitespace)), context: golden.context,
                maxLength: golden.maxLength, stride: golden.stride, longestQuestion: 0)
            #expect(cut == 0)
            #expect(got.map(\.encoding.ids) == golden.windows.map(\.ids), "\(line)")
            #expect(got.map(\.encoding.typeIDs) == golden.windows.map(\.types), "\(line)")
            #expect(got.map(\.second.lowerBound) == golden.windows.map(\.context), "\(line)")
            let offsets = got.map { window in
                window.encoding.offsets[window.second].flatMap { [$0.lowerBound, $0.upperBound] }
            }
            #expect(offsets == golden.windows.map(\.offsets), "\(line)")
        }
    }

    /// By hand: 3 special tokens and 2 of the question leave 4 of 9; with a stride of 1 each window moves on by 3.
    @Test func windowsByHand() throws {
        let tokenizer = try Provided.tokenizer()
        let (windows, cut) = tokenizer.windows(
            question: "which one", context: "one two three four five six seven", maxLength: 9, stride: 1,
            longestQuestion: 2)
        #expect(cut == 0 && windows.count == 2)
        #expect(windows.map(\.second) == [4..<8, 4..<8])
        #expect(windows.map { $0.encoding.offsets[4] } == [0..<3, 14..<18])
        // A question that leaves no more than the stride is cut.
        let (short, lost) = tokenizer.windows(
            question: "one two three four five", context: "six seven", maxLength: 9, stride: 1,
            longestQuestion: 3)
        #expect(lost == 2 && short.count == 1 && short[0].encoding.ids.count == 8)
    }
}
