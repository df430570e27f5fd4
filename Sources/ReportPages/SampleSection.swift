import Messages
import RunRecords

/// What a language model answered to the run's prompts, on the page of the run.
struct SampleSection {
    let run: ReportedRun

    private struct Column {
        let title: String
        let answer: (SampleAnswers) -> SampleAnswers.Answer
        let rows: [SampleAnswers]
    }

    var markup: Markup {
        guard let history = run.samples, let last = history.steps.last else { return .empty }
        let columns = columns(history, last)
        let prompts = columns.flatMap(\.rows).max { $0.prompt < $1.prompt }.map { $0.prompt + 1 } ?? 0
        let parts = (0..<prompts).compactMap { prompt(columns, $0) }
        return PageParts.section(
            "samples", "Samples",
            intro:
                "Answers while the run trained: each token the most probable one, at most as many as the run allows.",
            [.element("div", [("class", "samples")], .joined(parts, separator: "\n"))])
    }

    /// The base model, the evaluation that the run keeps where it is not the last one, and the last one.
    private func columns(_ history: SampleHistory, _ last: SampleHistory.Step) -> [Column] {
        var columns = [Column(title: "Base model", answer: \.base, rows: last.answers)]
        if let kept = run.record.evaluations.last(where: \.isBest)?.step, kept != last.step {
            let rows = history.answers(at: kept)
            if !rows.isEmpty {
                columns.append(
                    Column(title: "Tuned, step \(Figures.grouped(kept)) (best)", answer: \.tuned, rows: rows))
            }
        }
        let isBest = run.record.evaluations.last(where: \.isBest)?.step == last.step
        columns.append(
            Column(
                title: "Tuned, step \(Figures.grouped(last.step))" + (isBest ? " (best)" : ""),
                answer: \.tuned,
                rows: last.answers))
        return columns
    }

    private func prompt(_ columns: [Column], _ index: Int) -> Markup? {
        func row(_ column: Column) -> SampleAnswers? { column.rows.first { $0.prompt == index } }
        guard let text = columns.lazy.compactMap(row).first?.promptText else { return nil }
        let answers = columns.compactMap { column in
            row(column).map { row in
                Markup.element(
                    "div", [("class", "answer")],
                    .element("h4", text: column.title) + self.answer(column.answer(row)))
            }
        }
        return .element(
            "article", [("class", "panel sample")],
            .element("h3", [("class", "said")], .lines(text))
                + .element("div", [("class", "answers")], .joined(answers, separator: "\n")))
    }

    private func answer(_ answer: SampleAnswers.Answer) -> Markup {
        let tokens = Figures.counted(answer.tokens, "token")
        let note = Markup.element(
            "p", [("class", "note")],
            text: answer.hasEnded ? "\(tokens), ended by the model" : "\(tokens), cut")
        guard !answer.text.allSatisfy(\.isWhitespace) else {
            return .element("p", [("class", "absent")], text: "No text.") + note
        }
        return .element("p", [("class", "said")], .lines(answer.text)) + note
    }
}
