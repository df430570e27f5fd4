import RunConfiguration
import Testing

/// Files made to crash a reader or to keep it busy: each ends in a problem of one line.
@Suite struct HostileFileTests {
    @Test func tooLarge() {
        let text = String(repeating: "#", count: RunConfig.largestFile + 1)
        #expect(
            problems(text, smallest) == [
                "run.yaml: 1000001 bytes are too many for a configuration; use at most 1000000 bytes"
            ])
        #expect(problems(String(text.dropLast()), smallest).isEmpty)
    }

    @Test func aliasBombs() {
        var text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
        for level in 1...30 {
            let items = Array(repeating: "*a\(level - 1)", count: 9).joined(separator: ", ")
            text += "a\(level): &a\(level) [\(items)]\n"
        }
        let refused = "anchors and aliases are not accepted; write each value out, or quote a text with '&'"
        #expect(problems(text, smallest) == ["run.yaml:1: \(refused)"])
        #expect(problems(text + "? *a30\n: 1\n", smallest) == ["run.yaml:1: \(refused)"])
        #expect(problems("seed: 1\n? &a b\n: 1\n", smallest) == ["run.yaml:2: \(refused)"])
        #expect(problems("&a seed: 1\n", smallest) == ["run.yaml:1: \(refused)"])
        #expect(problems("seed: 1\nscale: [[&a x]]\n", smallest) == ["run.yaml:2: \(refused)"])
    }

    @Test(arguments: ["[", "{a: ", "- ", "? ", "{", "[[{"])
    func deepNesting(unit: String) {
        let text = String(repeating: unit, count: 300_000 / unit.utf8.count)
        let found = problems(text, smallest)
        #expect(found.count == 1)
        #expect(found.first?.hasPrefix("run.yaml:1: ") == true)
    }

    @Test func deepButValidNesting() {
        let text = "seed: " + String(repeating: "[", count: 900) + String(repeating: "]", count: 900)
        #expect(problems(text, smallest).count == 1)
        #expect(problems("model: a&b\n" + text, smallest).count == 1)
    }

    /// Only the first hundred problems are listed; the rest is counted.
    @Test func manyProblems() {
        let text = (0..<50_000).map { "k\($0): 1\n" }.joined()
        let found = problems(text, smallest)
        #expect(found.count == 101)
        #expect(found.last == "and 49900 more problems; mend the first ones")
        let repeated = String(repeating: "seed: 1\n", count: 1001)
        #expect(problems(repeated, smallest).last == "and 900 more problems; mend the first ones")
    }

    @Test func longTextsAreShortened() {
        let key = String(repeating: "k", count: 100_000)
        #expect(problems("\"\(key)\": 1", smallest).first?.utf8.count ?? 0 < 200)
        #expect(problems("seed: \(key)", smallest).first?.utf8.count ?? 0 < 200)
    }

    @Test func problemsAreOneLineEach() {
        let found = problems("\"a\\nb\\u2028c\": 1\nmethod: \"x\\ny\"\n\"\\e[31m\": 1\n", smallest)
        #expect(found.count == 3)
        for line in found { #expect(!line.contains { $0.isNewline } && !line.contains("\u{1b}")) }
    }

    /// Truncated at any byte, the resolved copy either loads or gives problems.
    @Test func truncatedFilesNeverCrash() throws {
        let text = try load(nil, smallest).config.yaml()
        for count in stride(from: 0, to: text.count, by: 7) { _ = problems(String(text.prefix(count))) }
    }

    /// Random bytes of YAML's own punctuation.
    @Test func randomPunctuationNeverCrashes() {
        let pieces =
            [
                "seed", "a", ":", ": ", "- ", "\n", " ", "[", "]", "{", "}", ",", "&a", "*a", "!", "!!str ",
                "'",
            ]
            + ["\"", "#", "|", ">", "?", "%", "---", "...", "~", "\\", "\t", "@", "`", "é", "\0", "<<"]
        var numbers = SeededNumbers(seed: 5)
        for _ in 0..<5000 {
            let count = Int.random(in: 1...25, using: &numbers)
            let text = (0..<count).map { _ in pieces.randomElement(using: &numbers) ?? "" }.joined()
            for line in problems(text, smallest) { #expect(!line.contains { $0.isNewline }) }
        }
    }
}
