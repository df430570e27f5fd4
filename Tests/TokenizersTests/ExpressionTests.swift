import Foundation
import Testing
import Tokenizers

/// Regular expressions of files against Oniguruma, by way of the `tokenizers` library
/// (scripts/goldens/tokenizer_decoders.py).
@Suite struct ExpressionTests {
    /// A tokenizer whose pre-tokenizer is one Split by this expression.
    private static func tokenizer(
        _ expression: String, behavior: String = "Isolated", invert: Bool = false
    ) throws -> Tokenizer {
        let pattern = String(decoding: try JSONEncoder().encode(expression), as: UTF8.self)
        let folder = try TemporaryFolder()
        try folder.write(
            TinySubword.bytePairs(
                preTokenizer: """
                    {"type":"Split","pattern":{"Regex":\(pattern)},"behavior":"\(behavior)","invert":\(invert)}
                    """), as: "tokenizer.json")
        return try Tokenizer(folder: folder.url)
    }

    private static func text(_ word: [Unicode.Scalar]) -> String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: word)
        return String(view)
    }

    private struct Case: Decodable {
        let expression, behavior: String
        let invert: Bool
        let text: String
        let pieces: [String]

        init(from decoder: any Decoder) throws {
            var list = try decoder.unkeyedContainer()
            expression = try list.decode(String.self)
            behavior = try list.decode(String.self)
            invert = try list.decode(Bool.self)
            text = try list.decode(String.self)
            pieces = try list.decode([String].self)
        }
    }

    private static func golden(_ name: String) throws -> Data {
        let lines = try Provided.lines("Tests/Goldens/tokenizer/decoders/\(name).json")
        return Data(lines.joined(separator: "\n").utf8)
    }

    @Test func matchesAreOnigurumas() throws {
        let cases = try JSONDecoder().decode([Case].self, from: Self.golden("expressions"))
        try #require(cases.count > 1_000)
        for one in cases {
            let tokenizer = try Self.tokenizer(one.expression, behavior: one.behavior, invert: one.invert)
            let got = tokenizer.words(of: one.text).map(Self.text)
            #expect(
                got.map { Array($0.utf8) } == one.pieces.map { Array($0.utf8) },
                "\(one.expression) \(one.behavior) \(one.invert) in \(one.text.debugDescription): \(got)")
        }
    }

    @Test func classesAreOnigurumas() throws {
        let hashes = try JSONDecoder().decode([String: String].self, from: Self.golden("classes"))
        try #require(hashes.count > 35)
        let every = (UInt32(0)..<0x110000).compactMap(Unicode.Scalar.init)
        for (name, hash) in hashes {
            let repeated = name.hasPrefix("(") ? name : name + "+"
            let tokenizer = try Self.tokenizer(repeated, behavior: "Removed", invert: true)
            var got = FNV()
            for start in stride(from: 0, to: every.count, by: 20_000) {
                let part = Array(every[start..<min(every.count, start + 20_000)])
                for word in tokenizer.words(of: Self.text(part)) {
                    for scalar in word { got.add(scalar.value) }
                }
            }
            #expect(got.text == hash, "\(name)")
        }
    }

    @Test(arguments: [
        (#"\p{Han}+"#, #"\p{Han}"#), (#"\bword"#, #"\b"#), (#"(?<=a)b"#, "(?<="), (#"(?>a)"#, "(?>a"),
        (#"a{2}+"#, "{2}+"), ("(ab)++", "after more than one character"), ("a**", "**"),
        ("(?=a*)b", "looking ahead further than 64"), ("(?:a", "without its"), ("a)", "without its"),
        ("[a", "without its"), ("[a&&b]", "&&"), ("[[:alpha:]]", "in a class"), ("[]", "an empty"),
        ("(?i:é)", "in any case"), ("(?i:stop)", "\"st\" in any case"),
        ("(?i:[^a])", "negated class in any case"),
        (#"\1"#, #"\1"#), ("^a", "\"^\" at this place"), ("a{1001}", "{1001}"), ("a{3,2}", "{3,2}"),
        (String(repeating: "(?:", count: 40) + "a" + String(repeating: ")", count: 40), "deeper than 32"),
        (String(repeating: "(?:a{1000}){10}", count: 1), "more than 4000 steps"),
        ("(?:a?){300}", "more than 256 branches"), (#"\"#, "an end after"), ("[z-a]", "range from"),
        (#"[a-\d]"#, "to a class"), ("$*", "a repeated"), ("(?=a)*", "a repeated look"), ("a{2}?", "{2}?"),
    ])
    func whatIsNotKnownIsRefusedByName(expression: String, problem: String) throws {
        let error = #expect(throws: TokenizerError.self) { try Self.tokenizer(expression) }
        let text = error?.description ?? ""
        #expect(text.contains(problem), "\(text)")
        #expect(text.contains("pre-tokenizer \"Split\" with the pattern"))
    }

    /// Engines that try one way after the other take 2ⁿ or n² steps for these.
    @Test(
        .timeLimit(.minutes(1)),
        arguments: [
            "(?:a*)*b", "(?:a|a|a)*b", "(?:a|aa)+$", "a*a*a*a*b", "(?:a*b|a)", "(?:(?:a?)*)*c", "a++b|a",
            "(?:a(?=a{0,30}b))*c|a",
        ])
    func hostileExpressionsEnd(expression: String) throws {
        let tokenizer = try Self.tokenizer(expression)
        let text = String(repeating: "a", count: 50_000)
        let words = tokenizer.words(of: text)
        #expect(words.reduce(0) { $0 + $1.count } == text.count)
    }
}
