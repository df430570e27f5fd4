import Messages
import Testing

@Suite struct OneLineTests {
    @Test(arguments: [
        ("plain", "'plain'"), ("a\nb", #"'a\u{a}b'"#), ("a\u{A0}b", #"'a\u{a0}b'"#),
        ("\u{202E}x", #"'\u{202e}x'"#),
        ("日本", "'日本'"), (String(repeating: "a", count: 81), "'" + String(repeating: "a", count: 80) + "…'"),
    ])
    func quotes(text: String, expected: String) { #expect(quoted(text) == expected) }

    @Test func lineEndsByName() {
        #expect(oneLine("a\r\n\tb\u{7}", namesLineEnds: true) == #"a\r\n\tb\u{7}"#)
        #expect(oneLine("abc", limit: 2) == "ab…")
    }

    @Test func countsHaveTheirNoun() {
        #expect(Figures.counted(1, "matrix", plural: "matrices") == "1 matrix")
        #expect(Figures.counted(1_200, "matrix", plural: "matrices") == "1,200 matrices")
        #expect(Figures.counted(2, "run") == "2 runs")
    }
}
