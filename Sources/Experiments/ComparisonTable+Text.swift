import Foundation
import Messages

extension ComparisonTable {
    /// For a terminal: a heading, a block for each budget, the warnings. At most `width` columns as long as
    /// the numbers fit.
    package func terminal(width: Int = 100) -> String {
        let isFolded = plan.folds != nil
        var lines = [
            "\(plan.name): \(plan.metric.rawValue) on the test \(isFolded ? "folds" : "data"), mean ± standard deviation over "
                + "\(isFolded ? "folds and " : "")seeds",
            "differences from \(plan.baseline) by \(isFolded ? "fold and " : "")seed, with 95 % bootstrap intervals",
        ]
        lines = lines.flatMap { Self.wrapped($0, width: width) } + [""] + results.terminal(width: width)
        lines += ["", "parameters in adapters and trained in all, at the end and at the start", ""]
        lines += costs.terminal(width: width)
        if let ranks = rankTables { lines += [""] + ranks.terminal(width: width) }
        if !warnings.isEmpty { lines.append("") }
        lines += warnings.flatMap { Self.wrapped("! " + $0, width: width) }
        return lines.joined(separator: "\n") + "\n"
    }

    private var results: SectionTable {
        var table = SectionTable([
            ("n", .right), (plan.metric.rawValue, .left), ("difference", .left), ("rate", .left),
        ])
        for section in sections {
            table.add(
                Self.title(section.budget),
                section.rows.map { row in
                    [
                        row.arm, row.countText, row.metricText(mark: " !"), row.differenceText,
                        row.rateText,
                    ]
                })
        }
        return table
    }

    private var costs: SectionTable {
        var table = SectionTable([
            ("adapters", .right), ("trained", .right), ("at start", .right), ("s/step", .right),
            ("memory", .right),
        ])
        func whole(_ value: Double?) -> String { value.map(Figures.whole) ?? "–" }
        for section in sections {
            table.add(
                Self.title(section.budget),
                section.rows.map { row in
                    [
                        row.arm, whole(row.adapterParameters), whole(row.trainableParameters),
                        whole(row.parametersAtStart), row.secondsPerStep.map(Figures.seconds) ?? "–",
                        row.peakMemoryBytes.map(Figures.bytes) ?? "–",
                    ]
                })
        }
        return table
    }

    private static func title(_ budget: Budget?) -> String { budget.map { "\($0)" } ?? "without a budget" }

    /// Of the arms with ranks, by budget; nil while there are none.
    package var rankTables: RankTables? {
        RankTables(
            sections.map { section in
                (
                    Self.title(section.budget),
                    section.rows.compactMap { row in row.ranks.map { .init(name: row.arm, ranks: $0) } }
                )
            })
    }

    /// A block for each budget, under headings of `level`.
    package func markdown(level: Int = 3) -> String {
        var blocks: [String] = []
        for section in sections {
            let title = Self.title(section.budget)
            blocks.append(
                String(repeating: "#", count: level) + " " + title.prefix(1).uppercased() + title.dropFirst())
            blocks.append(markdownTable(section.rows).markdown().joined(separator: "\n"))
        }
        return blocks.joined(separator: "\n\n") + "\n"
    }

    private func markdownTable(_ rows: [Row]) -> TextTable {
        let names = otherNames(of: rows)
        var columns: [(header: String, alignment: TextTable.Alignment)] = [
            ("arm", .left), ("trained", .right), ("at start", .right), ("in adapters", .right),
            ("n", .right), (plan.metric.rawValue, .right), ("difference [95 %]", .right),
        ]
        columns += names.map { ($0, .right) }
        columns += [("rate", .right), ("s/step", .right), ("peak memory", .right)]
        var table = TextTable(columns)
        for row in rows {
            var cells = [
                row.arm, row.trainableParameters.map(Figures.whole) ?? "–",
                row.parametersAtStart.map(Figures.whole) ?? "–",
                row.adapterParameters.map(Figures.whole) ?? "–", row.countText,
                row.metricText(mark: " (\(row.collapsed.count) collapsed)"), row.differenceText,
            ]
            cells += names.map { name in
                row.others.first { $0.name == name }.map { Figures.spread($0.summary) } ?? "–"
            }
            cells += [
                row.rateText, row.secondsPerStep.map(Figures.seconds) ?? "–",
                row.peakMemoryBytes.map(Figures.bytes) ?? "–",
            ]
            table.add(cells)
        }
        return table
    }

    /// One line for each arm and budget, numbers in full; empty fields where something is not known.
    package func csv() -> String {
        let names = otherNames(of: rows)
        var header = [
            "budget", "arm", "runs", "expected", "failed", "trainable-parameters", "adapter-parameters",
            "metric",
            "mean", "sd", "pairs", "difference", "low", "high", "resampled", "learning-rate",
            "seconds-per-step",
            "peak-memory-bytes",
        ]
        header += names.flatMap { ["\($0)-mean", "\($0)-sd"] } + ["collapsed", "parameters-at-start"]
        let lines = [header] + rows.map { row in csvCells(row, others: names) }
        return lines.map { $0.map(Self.csvField).joined(separator: ",") + "\n" }.joined()
    }

    private func csvCells(_ row: Row, others names: [String]) -> [String] {
        func text(_ value: Double?) -> String { value.map(Figures.plain) ?? "" }
        var cells = [
            row.budget.map { "\($0.slug)" } ?? "", row.arm, String(row.count), String(row.expected),
            String(row.failed), text(row.trainableParameters), text(row.adapterParameters),
            plan.metric.rawValue,
            text(row.metric?.mean), text(row.metric?.deviation), String(row.pairs.count),
        ]
        cells += [
            text(row.difference?.mean), text(row.difference?.interval?.lowerBound),
            text(row.difference?.interval?.upperBound), row.difference?.levels?.rawValue ?? "",
            row.learningRates.map(Figures.plain).joined(separator: " "), text(row.secondsPerStep),
            row.peakMemoryBytes.map { String($0) } ?? "",
        ]
        for name in names {
            let summary = row.others.first { $0.name == name }?.summary
            cells += [text(summary?.mean), text(summary?.deviation)]
        }
        cells += [String(row.collapsed.count), text(row.parametersAtStart)]
        return cells
    }

    private func otherNames(of rows: [Row]) -> [String] {
        var names: [String] = []
        for name in rows.flatMap(\.others).map(\.name) where !names.contains(name) { names.append(name) }
        return names
    }

    private static func csvField(_ text: String) -> String {
        guard text.contains(where: { ",\"\n\r".contains($0) }) else { return text }
        return "\"" + text.replacingOccurrences(of: "\"", with: "\"\"") + "\""
    }

    /// Broken at spaces; all lines but the first are indented by two.
    static func wrapped(_ text: String, width: Int) -> [String] {
        var lines: [String] = []
        var line = ""
        for word in text.split(separator: " ") {
            if line.isEmpty {
                line = String(word)
            } else if line.count + 1 + word.count <= width {
                line += " " + word
            } else {
                lines.append(line)
                line = "  " + word
            }
        }
        return lines + [line]
    }
}

extension ComparisonTable.Row {
    /// `3`, or `2/3` while runs are missing.
    var countText: String { count == expected ? String(count) : "\(count)/\(expected)" }

    /// `3e-3`; the lowest and the highest where folds chose others.
    var rateText: String {
        guard let lowest = learningRates.first, let highest = learningRates.last else { return "–" }
        return lowest == highest ? Figures.rate(lowest) : "\(Figures.rate(lowest))…\(Figures.rate(highest))"
    }

    /// - Parameter mark: where a run collapsed.
    func metricText(mark: String) -> String {
        (metric.map(Figures.spread) ?? "–") + (collapsed.isEmpty ? "" : mark)
    }

    var differenceText: String {
        if isBaseline { return "baseline" }
        return difference.map(Figures.difference) ?? "–"
    }
}
