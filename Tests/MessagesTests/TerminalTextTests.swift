import Messages
import Testing

@Suite struct TerminalTextTests {
    @Test(arguments: [
        ("", 0), ("plain", 5), ("naïve", 5), ("日本語", 6), ("한국", 4), ("ｆｕｌｌ", 8), ("e\u{301}", 1), ("😀", 2),
        ("👩‍👩‍👧", 2), ("⌚", 2), ("…", 1), ("ἀ", 1), ("\u{200B}a", 1),
    ])
    func columns(text: String, expected: Int) {
        #expect(TerminalText.columns(text) == expected, "\(text)")
    }

    @Test func shorteningCountsColumns() {
        #expect(TerminalText.shortened("日本語の文", to: 6, unicode: true) == "日本…")
        #expect(TerminalText.shortened("plain", to: 4, unicode: false) == "pla~")
        #expect(TerminalText.left("日本", 6) == "日本  ")
    }
}
