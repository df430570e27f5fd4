import Adapters
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
            ("knob", .left), ("adapters", .right), ("trained", .right), ("at start", .right),
            ("s/step", .right),
            ("memory", .right),
        ])
        func whole(_ value: Double?) -> String { value.map(Figures.whole) ?? "–" }
        for section in sections {
            table.add(
                Self.title(section.budget),
                section.rows.map { row in
                    [
                        row.arm, row.knobText, whole(row.adapterParameters),
                        whole(row.trainableParameters), whole(row.parametersAtStart), row.secondsText,
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
            ("arm", .left), ("knob", .left), ("trained", .right), ("at start", .right),
            ("in adapters", .right), ("n", .right), (plan.metric.rawValue, .right),
        ]
        if plan.folds == nil { columns.append(("mean [95 %]", .right)) }
        columns.append(("difference [95 %]", .right))
        columns += names.map { ($0, .right) }
        let tellsForgetting = self.rows.contains { $0.forgetting != nil }
        if tellsForgetting { columns += [("forgetting, KL", .right), ("held-out loss", .right)] }
        columns += [("rate", .right), ("s/step", .right), ("peak memory", .right)]
        var table = TextTable(columns)
        for row in rows {
            var cells = [
                row.arm, row.knobText, row.trainableParameters.map(Figures.whole) ?? "–",
                row.parametersAtStart.map(Figures.whole) ?? "–",
                row.adapterParameters.map(Figures.whole) ?? "–", row.countText,
                row.metricText(mark: " (\(row.collapsed.count) collapsed)"),
            ]
            if plan.folds == nil { cells.append(row.intervalText) }
            cells.append(row.differenceText)
            cells += names.map { name in
                row.others.first { $0.name == name }.map { Figures.spread($0.summary) } ?? "–"
            }
            if tellsForgetting {
                cells += [
                    row.forgetting.map { Figures.spread($0.divergence) } ?? "–",
                    row.forgetting.map { Figures.signed($0.rise.mean) } ?? "–",
                ]
            }
            cells += [
                row.rateText, row.secondsText,
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
        header += Self.newerColumns
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
        return cells + newerCells(row, text)
    }

    private static let newerColumns = [
        "kind", "knob", "knob-value", "mean-low", "mean-high", "forgetting-kl", "held-out-loss",
        "other-cores", "lost", "search-runs", "search-lost", "grid-mean", "grid-worst", "grid-low",
        "grid-high",
    ]

    private func newerCells(_ row: Row, _ text: (Double?) -> String) -> [String] {
        let interval = plan.folds == nil ? row.metric?.interval : nil
        let seeds = robustness.seeds(row.arm, row.budget)
        let grid = robustness.grid(row.arm, row.budget)
        func rate(_ place: Int?) -> Double? { place.flatMap { grid?.rates[$0].learningRate } }
        return [
            row.kind.rawValue, row.knob?.name ?? "", row.knobValue ?? "", text(interval?.lowerBound),
            text(interval?.upperBound), text(row.forgetting?.divergence.mean),
            text(row.forgetting?.rise.mean), text(row.otherCores),
            seeds.map { String($0.outcomes.lost) } ?? "", grid.map { String($0.outcomes.count) } ?? "",
            grid.map { String($0.outcomes.lost) } ?? "", text(grid?.mean), text(grid?.worst),
            text(rate(grid?.withinNoise?.lowerBound)), text(rate(grid?.withinNoise?.upperBound)),
        ]
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

    /// `36`; of ranks `4`, or `0–6, mean 1.02` where they differ. nil while nothing is known.
    package var knobValue: String? {
        guard let knob else { return nil }
        if let value = knob.value { return value }
        guard let ranks, let least = results.flatMap(\.ranks.values).min(),
            let most = results.flatMap(\.ranks.values).max()
        else { return nil }
        let mean = ranks.total / Double(ranks.bySite.count)
        return least == most ? "\(least)" : "\(least)–\(most), mean \(Figures.fixed(mean, 2))"
    }

    /// `width 36`
    package var knobText: String {
        knob.map { "\($0.name) \(knobValue ?? "–")" } ?? "–"
    }

    /// Student's, of the mean.
    package var intervalText: String {
        metric?.interval.map { "[\(Figures.fixed($0.lowerBound, 4)), \(Figures.fixed($0.upperBound, 4))]" }
            ?? "–"
    }

    /// `0.124`, with a mark where other work kept the machine busy.
    package var secondsText: String {
        (secondsPerStep.map(Figures.seconds) ?? "–") + (otherCores == nil ? "" : " †")
    }

    var differenceText: String {
        if isBaseline { return "baseline" }
        return difference.map(Figures.difference) ?? "–"
    }
}
