import Reports
import RunRecords
import Testing

@Suite struct SampleReportTests {
    private static func answers(_ step: Int, _ base: String, _ tuned: String, ended: Bool) -> SampleAnswers {
        SampleAnswers(
            step: step, prompt: 0, promptText: "What is\na lynx?",
            base: .init(text: base, tokens: 64, hasEnded: false),
            tuned: .init(text: tuned, tokens: 3, hasEnded: ended))
    }

    @Test func theLastStepBesideTheBase() {
        let history = SampleHistory(steps: [
            .init(step: 0, answers: [Self.answers(0, "b", "b", ended: false)]),
            .init(step: 8, answers: [Self.answers(8, "A\tb\u{1B}[31m", "A wild cat.", ended: true)]),
        ])
        #expect(
            SampleReport.last(history)
                == """
                samples at step 8
                > What is\\na lynx?
                  base:  A\\tb\\u{1b}[31m…
                  tuned: A wild cat.
                """)
    }

    @Test func longAndEmptyAnswers() {
        let long = String(repeating: "x", count: 500)
        let text = SampleReport.last(
            SampleHistory(steps: [.init(step: 1, answers: [Self.answers(1, long, "", ended: true)])]))
        let lines = text.split(separator: "\n")
        #expect(lines[2].count < 260 && lines[2].hasSuffix("x…") && lines[3] == "  tuned: (ends at once)")
        #expect(SampleReport.last(SampleHistory(steps: [])) == "")
    }
}
