import Messages
import RunRecords

/// A language model's answers while it trains, for a terminal.
package enum SampleReport {
    private static let promptLimit = 120
    private static let answerLimit = 240

    /// The answers after the last step: the base model's and the tuned one's, a line each; empty without any.
    package static func last(_ history: SampleHistory) -> String {
        guard let last = history.steps.last else { return "" }
        let parts = last.answers.map { answers in
            [
                "> " + oneLine(answers.promptText, limit: promptLimit, namesLineEnds: true),
                "  base:  " + shown(answers.base), "  tuned: " + shown(answers.tuned),
            ].joined(separator: "\n")
        }
        return (["samples at step \(last.step)"] + parts).joined(separator: "\n")
    }

    private static func shown(_ answer: SampleAnswers.Answer) -> String {
        if answer.text.isEmpty {
            return answer.hasEnded
                ? "(ends at once)" : "(no text in \(Figures.counted(answer.tokens, "token")))"
        }
        let text = oneLine(answer.text, limit: answerLimit, namesLineEnds: true)
        return answer.hasEnded || text.hasSuffix("…") ? text : text + "…"
    }
}
