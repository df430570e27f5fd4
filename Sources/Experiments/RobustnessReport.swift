import Messages
import Tasks

/// What a comparison shows of its methods' robustness, in Markdown.
struct RobustnessReport {
    private let plan: ComparisonPlan
    private let robustness: Robustness

    init(_ table: ComparisonTable) {
        plan = table.plan
        robustness = table.robustness
    }

    /// Empty where nothing was trained yet.
    var markdown: String {
        let grids = gridSections
        let seeds = seedTable
        guard !grids.isEmpty || seeds != nil else { return "" }
        let parts =
            ["## Robustness", "What a person meets who tries one learning rate and one seed."]
            + (grids.isEmpty
                ? []
                : [gridText] + grids.flatMap { ["### Learning rates, \($0.title)", $0.table] })
            + (seeds.map { ["### Seeds at the reported rate", seedText, $0] } ?? [])
        return parts.joined(separator: "\n\n")
    }

    private var gridText: String {
        let metric = robustness.metric
        let seeds = plan.search.seeds.map { String($0) }.joined(separator: ", ")
        let isOne = plan.search.seeds.count == 1 && plan.folds == nil
        var text =
            "Quality is validation \(metric.rawValue)\(metric.isHigherBetter ? "" : ", lower being better"): at each rate "
            + (isOne
                ? "that of the search seed \(seeds). "
                : "the mean over the search \(plan.search.seeds.count == 1 ? "seed" : "seeds") \(seeds)"
                    + "\(plan.folds == nil ? "" : " and all folds") / the worst run. ")
        if plan.search.metric != metric {
            text +=
                "The rates themselves were chosen by validation \(plan.search.metric.rawValue) (see Learning rates). "
        }
        text +=
            "The best mean is bold, \\* is what the search chose. Mean and worst run of the grid are of the "
            + "\(plan.search.learningRates.count) rates that the plan gives each method, without those that a search went on to. "
        text += noiseText
        return text + " " + lostText
    }

    private var noiseText: String {
        guard let noise = robustness.noise else {
            return "What seeds alone differ by is not known yet."
        }
        let margins = Set(robustness.grids.compactMap(\.margin).map { Figures.fixed($0, 4) }).sorted()
        return
            "Within noise are the rates next to each other whose mean is no further from the best one than two standard errors of "
            + "a difference of two such means, \(margins.joined(separator: " or ")), by the standard deviation over seeds of one "
            + "run, \(Figures.fixed(noise, 4)), pooled over all methods; ≥ where that reaches an end of the grid."
    }

    private var lostText: String {
        "A run failed to learn that diverged or ended without a figure, or that collapsed (see Results): "
            + (robustness.uninformed.map {
                "a model that knows nothing has \(Figures.fixed($0, 4)), which also stands for runs without a figure."
            } ?? "runs without a figure leave their rate without a mean.")
    }

    private var gridSections: [(title: String, table: String)] {
        var budgets: [Budget?] = []
        for grid in robustness.grids where !budgets.contains(grid.budget) { budgets.append(grid.budget) }
        return budgets.compactMap { budget in
            let grids = robustness.grids.filter { $0.budget == budget && $0.outcomes.count > 0 }
            guard !grids.isEmpty else { return nil }
            return (budget.map { "\($0)" } ?? "without a budget", table(grids))
        }
    }

    private func table(_ grids: [Robustness.Grid]) -> String {
        let rates = Set(grids.flatMap { $0.rates.map(\.learningRate) }).sorted()
        var table = TextTable(
            [("arm", .left)] + rates.map { (Figures.rate($0), .right) } + [
                ("mean of the grid", .right), ("worst run", .right), ("within noise", .left),
                ("failed to learn", .right),
            ])
        for grid in grids {
            let cells = rates.map { rate in
                grid.rates.firstIndex { $0.learningRate == rate }.map { cell(grid, $0) } ?? ""
            }
            table.add(
                [grid.arm] + cells + [
                    Self.figure(grid.mean), Self.figure(grid.worst), width(grid), Self.lost(grid.outcomes),
                ])
        }
        return table.markdown().joined(separator: "\n")
    }

    private func cell(_ grid: Robustness.Grid, _ place: Int) -> String {
        let rate = grid.rates[place]
        let mark = grid.chosen.contains(rate.learningRate) ? "\\*" : ""
        guard let mean = rate.mean, let worst = rate.worst else {
            return rate.outcomes.count == 0 ? "missing" : "failed"
        }
        let text = Figures.fixed(mean, 4)
        let shown = (place == grid.best ? "**\(text)**" : text) + mark
        return rate.outcomes.count == 1 ? shown : shown + " / " + Figures.fixed(worst, 4)
    }

    /// `3 of 5: 1.5e-3 to 6e-3, ×4`
    private func width(_ grid: Robustness.Grid) -> String {
        guard let within = grid.withinNoise, let factor = grid.factor else { return "–" }
        let (low, high) = (grid.rates[within.lowerBound], grid.rates[within.upperBound])
        let ends =
            low == high
            ? Figures.rate(low.learningRate)
            : "\(Figures.rate(low.learningRate)) to \(Figures.rate(high.learningRate))"
        let shown = "×" + Figures.plain((10 * factor).rounded() / 10)
        return "\(within.count) of \(grid.rates.count): \(ends), \(grid.isOpen ? "≥ " : "")\(shown)"
    }

    static func lost(_ outcomes: Robustness.Outcomes) -> String {
        let kinds = [("failed", outcomes.failed), ("collapsed", outcomes.collapsed)].filter { $0.1 > 0 }
        let list = kinds.map { "\($0.1) \($0.0)" }.joined(separator: ", ")
        return "\(outcomes.lost) of \(outcomes.count)" + (list.isEmpty ? "" : " (\(list))")
    }

    private static func figure(_ value: Double?) -> String { value.map { Figures.fixed($0, 4) } ?? "–" }

    private var seedText: String {
        "Test \(plan.metric.rawValue) of the reported runs, whose rates the search chose."
    }

    private var seedTable: String? {
        let rows = robustness.seeds.filter { $0.outcomes.count > 0 }
        guard !rows.isEmpty else { return nil }
        var table = TextTable([
            ("budget", .left), ("arm", .left), ("rate", .right), ("sd over \(unit)", .right),
            ("worst run", .right), ("best run", .right), ("between them", .right),
            ("failed to learn", .right),
        ])
        for row in rows {
            let span = row.deviation.flatMap { _ in
                row.worst.flatMap { worst in row.best.map { abs($0 - worst) } }
            }
            table.add([
                row.budget.map { "\($0)" } ?? "–", row.arm,
                row.learningRates.map(Figures.rate).joined(separator: ", "), Self.figure(row.deviation),
                Self.figure(row.worst), Self.figure(row.best), Self.figure(span), Self.lost(row.outcomes),
            ])
        }
        return table.markdown().joined(separator: "\n")
    }

    private var unit: String { plan.folds == nil ? "seeds" : "folds and seeds" }
}
