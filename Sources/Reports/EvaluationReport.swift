import Messages

/// Tables for `adalora evaluate`.
package enum EvaluationReport {
    /// Classes shown unless all are asked for.
    package static let classLimit = 15

    /// Precision, recall and F1 of each class, worst F1 first, classes without an F1 last, ties as given; at most
    /// `classLimit` of them unless `all`. A ratio is nil where it has nothing to divide by.
    package static func perClassTable(
        rows: [(name: String, precision: Double?, recall: Double?, f1: Double?, support: Int)], style: Style,
        all: Bool = false
    ) -> String {
        let order = rows.indices.sorted { left, right in
            (rows[left].f1 ?? 2, left) < (rows[right].f1 ?? 2, right)
        }
        let shown = all ? order : Array(order.prefix(classLimit))
        let numbers = 11 + 11 + 11 + 10
        let widest = shown.map { TerminalText.columns(style.name(rows[$0].name)) }.max() ?? 0
        let nameWidth = min(max(widest, 5), max(style.width - numbers, 5))
        let head = ["precision", "recall", "F1 "].map { TerminalText.right($0, 11) }.joined()
        var lines = [
            style.bold(TerminalText.left("class", nameWidth) + head + TerminalText.right("examples", 10)),
            style.faint(String(repeating: style.rule, count: nameWidth + numbers)),
        ]
        for at in shown {
            let row = rows[at]
            let name = TerminalText.shortened(style.name(row.name), to: nameWidth, unicode: style.unicode)
            lines.append(
                TerminalText.left(name, nameWidth) + TerminalText.right(score(row.precision, style), 11)
                    + TerminalText.right(score(row.recall, style), 11) + "   "
                    + style.shaded(TerminalText.right(score(row.f1, style), 7) + " ", row.f1)
                    + TerminalText.right(Figures.grouped(row.support), 10))
        }
        if shown.count < rows.count {
            let rest = rows.count - shown.count
            lines.append(
                style.faint(
                    "the \(shown.count) classes of lowest F1, \(Figures.grouped(rest)) more not shown"))
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// Name and value, one a line; `–` where a metric is undefined.
    ///
    /// `loss` is the mean over the examples, without any regularizer; nil when it was not measured.
    package static func metrics(
        _ metrics: [(name: String, value: Double?)], loss: Double?, examples: Int, style: Style
    ) -> String {
        var rows = [("examples", Figures.grouped(examples))]
        if let loss { rows.append(("loss", score(loss, style))) }
        rows += metrics.map { (style.name($0.name), score($0.value, style)) }
        let nameWidth = min(rows.map { TerminalText.columns($0.0) }.max() ?? 0, max(style.width - 14, 8))
        let valueWidth = rows.map { TerminalText.columns($0.1) }.max() ?? 0
        let lines = rows.map { name, value in
            let short = TerminalText.shortened(name, to: nameWidth, unicode: style.unicode)
            return style.faint(TerminalText.left(short, nameWidth)) + "  "
                + TerminalText.right(value, valueWidth)
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func score(_ value: Double?, _ style: Style) -> String {
        guard let value, !value.isNaN else { return style.dash }
        return Figures.fixed(value, 4)
    }
}
