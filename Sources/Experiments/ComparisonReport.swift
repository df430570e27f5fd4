import Messages

/// The report of a comparison in Markdown, whatever it shows.
package struct ComparisonReport: Sendable {
    /// What the caller knows beside the results.
    package struct Context: Sendable {
        package var commit: String
        package var machine: String
        /// As it is to be printed.
        package var date: String
        /// Σ (outputs + inputs) over the adapted matrices.
        package var parametersPerRank: Int?
        /// Every setting that decides what an arm's runs do, by the arm's name; see `TrialSchedule.settings`.
        package var settings: [String: [String: String]]
        /// Pictures to show, files relative to the report.
        package var images: [(title: String, file: String)]

        package init(
            commit: String, machine: String, date: String, parametersPerRank: Int? = nil,
            settings: [String: [String: String]] = [:], images: [(title: String, file: String)] = []
        ) {
            self.commit = commit
            self.machine = machine
            self.date = date
            self.parametersPerRank = parametersPerRank
            self.settings = settings
            self.images = images
        }
    }

    package static func markdown(_ table: ComparisonTable, context: Context) -> String {
        ComparisonReport(table: table, context: context).sections.filter { !$0.isEmpty }
            .joined(separator: "\n\n") + "\n"
    }

    private let table: ComparisonTable
    private let context: Context

    private var plan: ComparisonPlan { table.plan }

    private var sections: [String] {
        [
            "# Comparison: \(TextTable.cell(plan.name))", table.answer, origin, conclusion, matching, search,
            "## Results\n\n\(resultsText)\n\n" + table.markdown().trimmedEnd,
            RobustnessReport(table).markdown, ranks, pictures, pairs,
            failures, settings, source,
        ]
    }

    private var origin: String {
        var lines = [
            "- commit: \(context.commit)", "- machine: \(context.machine)", "- date: \(context.date)",
            "- model: `\(plan.model)`; data: \(data)",
            "- reported runs: \(table.reported.finished) of \(table.reported.total)",
        ]
        let kernels = Set(table.rows.flatMap(\.results).compactMap(\.kernel)).sorted()
        if !kernels.isEmpty { lines.insert("- kernel: \(kernels.joined(separator: ", "))", at: 2) }
        return lines.joined(separator: "\n")
    }

    private var data: String {
        switch plan.split {
        case .files(let validation, let test): "`\(plan.train)`, `\(validation)`, `\(test)`"
        case .folds(let folds): "`\(plan.train)` in \(folds.count) folds"
        }
    }

    private var conclusion: String {
        var text = "## Conclusion\n\n" + table.conclusions.map { "- " + $0 }.joined(separator: "\n")
        text += "\n\nThe first line: \(table.answerMethod)"
        if !table.warnings.isEmpty {
            text += "\n\n**Warnings**\n\n" + table.warnings.map { "- " + $0 }.joined(separator: "\n")
        }
        return text
    }

    private var matching: String {
        var text = "## What was matched\n\n"
        let kinds = plan.budgets.contains { if case .averageRank = $0 { true } else { false } }
        text +=
            "At each budget all arms are given the same number of trainable parameters for their adapters; the tables "
            + "show what each ended with, and a warning tells why where that differs by more than 2 %. The head comes on top. "
            + "What prunes its ranks trains more at the start. "
        if kinds {
            text +=
                "An average rank r stands for r · Σ(outputs + inputs) parameters over the adapted matrices"
            text += context.parametersPerRank.map { ", here r · \(Figures.grouped($0))" } ?? ""
            text += "."
        }
        let pattern = plan.arms.compactMap { arm in
            arm.patternOf.map {
                "\(arm.name) starts with the final ranks of \($0)'s run of the same budget"
                    + "\(plan.folds == nil ? "" : ", fold") and seed."
            }
        }
        let pruned = plan.arms.compactMap { arm in
            arm.pruneFrom.map { cutText(arm, $0) }
        }
        let pointless = plan.arms.filter(\.isBudgetless).map(\.name)
        let rest = pointless.isEmpty ? [] : ["Without a budget: \(pointless.joined(separator: ", "))."]
        text +=
            (kinds ? " " : "") + "Model and data are the same for all; runs are paired by "
            + "\(plan.folds == nil ? "seed" : "fold and seed"). Every run is measured once, after its last step."
        let notes = pattern + pruned + rest + steps + costs
        return text + (notes.isEmpty ? "" : "\n\n" + notes.map { "- " + $0 }.joined(separator: "\n"))
    }

    /// What else the arms of a budget differ by: nobody matched these.
    private var costs: [String] {
        let places = table.sections.compactMap { section -> String? in
            guard let budget = section.budget, let base = section.rows.first(where: \.isBaseline) else {
                return nil
            }
            let list = section.rows.filter { !$0.isBaseline }.compactMap { slack($0, beside: base) }
            return list.isEmpty ? nil : "at \(budget) \(list.joined(separator: ", "))"
        }
        guard !places.isEmpty else { return [] }
        return [
            "\(plan.matching == .time ? "Memory is" : "Memory and time are") not matched. Peak memory and time of a step beside "
                + "\(plan.baseline)'s: " + places.joined(separator: "; ")
                + ". Times are as the runs had them, which may have shared the machine."
        ]
    }

    /// How many steps each arm made in the same time.
    private var steps: [String] {
        guard plan.matching == .time else { return [] }
        let list = plan.arms.compactMap { arm in
            let made = table.rows.filter { $0.arm == arm.name }.flatMap(\.results).compactMap(\.steps)
            return made.max().map { "\(arm.name) \(Figures.grouped($0))" }
        }
        return [
            "The time of a run is matched: each arm makes as many steps as \(plan.baseline)'s time has room for, by the median "
                + "pace of its search runs, which all make the same number of steps"
                + (list.isEmpty ? "." : ". Steps of the reported runs: \(list.joined(separator: ", ")).")
        ]
    }

    private func slack(_ row: ComparisonTable.Row, beside base: ComparisonTable.Row) -> String? {
        func share(_ value: Double?, _ other: Double?) -> String? {
            guard let value, let other, other > 0 else { return nil }
            return Figures.signed(100 * (value / other - 1), 0) + " %"
        }
        let memory = share(
            row.peakMemoryBytes.map(Double.init), base.peakMemoryBytes.map(Double.init))
        let time = share(row.secondsPerStep, base.secondsPerStep)
        guard memory != nil || time != nil else { return nil }
        return "\(row.arm) \(memory ?? "–") and \(time ?? "–")"
    }

    /// `20 %`
    private func percent(_ share: Double) -> String { Figures.plain((1000 * share).rounded() / 10) + " %" }

    private func cutText(_ arm: ComparisonPlan.Arm, _ factor: Double) -> String {
        let trains = "\(arm.name) trains at \(Figures.plain(factor)) times the budget"
        guard let heal = arm.heal else { return "\(trains) and is then cut to it by exact singular values." }
        return
            "\(trains) for \(percent(1 - heal.share)) of the steps, is then cut to it by exact singular values, "
            + "and goes on from there as LoRA of the ranks that are left for the other \(percent(heal.share)), at "
            + "\(Figures.plain(heal.rate)) times the learning rates, with a warm-up and a fall of its own."
    }

    private var search: String {
        let title = "## Learning rates\n\n"
        guard plan.search.isNeeded else {
            return title + "Not searched: every arm trained with one given learning rate, "
                + plan.arms.map { "\($0.name) \(Figures.rate($0.learningRates[0]))" }.joined(separator: ", ")
                + "."
        }
        let rates = Set(table.searches.flatMap(\.rows).map(\.learningRate)).sorted()
        var columns: [(header: String, alignment: TextTable.Alignment)] = [("arm", .left), ("budget", .left)]
        if plan.folds != nil { columns.append(("fold", .right)) }
        columns += rates.map { (Figures.rate($0), .right) } + [("chosen", .right)]
        var grid = TextTable(columns)
        for search in table.searches {
            let cells = rates.map { rate in
                search.rows.first { $0.learningRate == rate }.map { cell($0, search) } ?? ""
            }
            let edge = search.edge.map { " (\($0.rawValue) tried)" } ?? ""
            grid.add(
                [search.arm, search.budget.map { "\($0)" } ?? "–"]
                    + (search.fold.map { [String($0)] } ?? []) + cells
                    + [(search.winner.map(Figures.rate) ?? "–") + edge])
        }
        let seeds = plan.search.seeds.map { String($0) }.joined(separator: ", ")
        return title + "Validation \(plan.search.metric.rawValue), mean over the search "
            + "seed\(plan.search.seeds.count == 1 ? "" : "s") \(seeds), apart from the reported "
            + "ones. Every arm had \(plan.search.learningRates.count) rates "
            + "to choose from"
            + (plan.search.widenings == 0
                ? ""
                : ", and up to \(plan.search.widenings) more beyond an end of the grid as long as the best one was there")
            + "; the best one is bold."
            + (plan.folds == nil
                ? "" : " Each fold has a search of its own, on rows held out of its training rows.")
            + "\n\n"
            + grid.markdown().joined(separator: "\n")
    }

    private func cell(_ row: SearchOutcome.Row, _ search: SearchOutcome) -> String {
        if let mean = row.mean {
            let text = Figures.fixed(mean, 4)
            return row.learningRate == search.winner ? "**\(text)**" : text
        }
        return row.failed > 0 ? "failed" : "missing"
    }

    private var resultsText: String {
        let levels = Set(table.rows.compactMap { $0.difference?.levels?.rawValue }).sorted()
        let isFolded = plan.folds != nil
        var text =
            "Test \(plan.metric.rawValue), mean ± standard deviation over n \(isFolded ? "runs, of folds and seeds" : "seeds"); "
            + "differences from \(plan.baseline) are paired by \(isFolded ? "fold and seed" : "seed")."
        if !levels.isEmpty {
            text += " Intervals: 95 % percentile bootstrap over \(levels.joined(separator: ", or "))."
        }
        if let folds = plan.folds { text += " " + foldText(folds) }
        if isFolded == false {
            text += " Of the mean itself: Student's 95 % interval over seeds."
        }
        if table.rows.contains(where: { $0.forgetting != nil }) {
            text +=
                " Forgetting is told on a text that nobody learned: KL to the base model a token, and how much the loss rose."
        }
        if table.rows.contains(where: { $0.otherCores != nil }) {
            text += " † Beside other work on the machine: no measure of speed."
        }
        if table.rows.contains(where: { !$0.collapsed.isEmpty })
            || table.robustness.grids.contains(where: { $0.outcomes.collapsed > 0 })
            || table.robustness.seeds.contains(where: { $0.outcomes.collapsed > 0 })
        {
            text += " \(Self.collapseText)"
        }
        return text
    }

    /// What the intervals of a cross-validation are.
    private func foldText(_ folds: ComparisonPlan.Folds) -> String {
        "Each row is tested once with each seed, by a run that trained on the other \(Figures.counted(folds.count - 1, "fold")) "
            + "less the \(Figures.plain(100 * folds.validationFraction)) % held out for validation. Figures are of each fold, and "
            + "means over folds and seeds. The bootstrap draws rows within each fold, the same for both arms, and seeds with "
            + "their runs of all folds. Runs of two folds share training rows, so a second interval decides too: Student's t "
            + "over the means of the folds with the variance of Nadeau and Bengio (2003), s² · (1/k + test rows / training "
            + "rows), and k − 1 degrees of freedom."
    }

    private static let collapseText =
        "A run collapsed where it lost more than a quarter of what the median of the others of its arm and budget gained over "
        + "a model that knows nothing, beyond three robust standard deviations of the others and what the draw of the test "
        + "rows explains; or kept less than a tenth of what the best gained. No figure leaves it out."

    private var ranks: String {
        guard let tables = table.rankTables else { return "" }
        return "## Final ranks\n\nTriplets, mean over runs.\n\n" + tables.markdown()
    }

    private var pictures: String {
        guard !context.images.isEmpty else { return "" }
        return "## Pictures\n\n"
            + context.images.map { "![\(TextTable.cell($0.title))](\($0.file))" }.joined(separator: "\n\n")
    }

    private var pairs: String {
        let rows = table.rows.filter { !$0.pairs.isEmpty }
        guard !rows.isEmpty else { return "" }
        let fold: [(header: String, alignment: TextTable.Alignment)] =
            plan.folds == nil ? [] : [("fold", .right)]
        var grid = TextTable(
            [("budget", .left), ("arm", .left)] + fold + [
                ("seed", .right), (plan.metric.rawValue, .right), (plan.baseline, .right),
                ("difference", .right),
            ])
        for row in rows {
            for pair in row.pairs {
                let marks = collapses(pair, row)
                grid.add(
                    [row.budget.map { "\($0)" } ?? "–", row.arm] + (pair.fold.map { [String($0)] } ?? []) + [
                        String(pair.seed), Figures.fixed(pair.value, 4) + marks.arm,
                        Figures.fixed(pair.baseline, 4) + marks.baseline, Figures.signed(pair.difference),
                    ])
            }
        }
        return "## Pairs\n\n" + grid.markdown().joined(separator: "\n")
    }

    private func collapses(_ pair: RunPair, _ row: ComparisonTable.Row) -> (arm: String, baseline: String) {
        let baseline = table.rows.first {
            $0.isBaseline && ($0.budget == row.budget || $0.budget == nil)
        }
        func mark(_ row: ComparisonTable.Row?) -> String {
            let result = row?.results.first { $0.seed == pair.seed && $0.fold == pair.fold }
            return row.flatMap { row in result.map(row.isCollapsed) } ?? false ? " (collapsed)" : ""
        }
        return (mark(row), mark(baseline))
    }

    private var failures: String {
        guard !table.failures.isEmpty else { return "" }
        var grid = TextTable([("run", .left), ("reason", .left)])
        for result in table.failures { grid.add(["`\(result.id)`", result.failure ?? ""]) }
        return "## Failed runs\n\n" + grid.markdown().joined(separator: "\n")
    }

    /// What all arms share, and what an arm has beside or in place of it.
    private var settings: String {
        let arms = plan.arms.compactMap { arm in
            context.settings[arm.name].map { (name: arm.name, settings: $0) }
        }
        guard let first = arms.first else { return "" }
        let shared = first.settings.filter { setting in
            arms.allSatisfy { $0.settings[setting.key] == setting.value }
        }
        func list(_ settings: [String: String]) -> String {
            settings.sorted { $0.key < $1.key }.map { "`\($0.key): \($0.value)`" }.joined(separator: ", ")
        }
        let lines = arms.map { arm in
            "- \(TextTable.cell(arm.name)): " + list(arm.settings.filter { shared[$0.key] == nil })
        }
        return
            "## Settings\n\nDefaults included; a setting without effect is left out. All arms: \(list(shared)).\n\n"
            + lines.joined(separator: "\n")
    }

    private var source: String {
        // A fence longer than any in the plan keeps the plan inside.
        var fence = "```"
        while plan.source.contains(fence) { fence += "`" }
        return "## Plan\n\n\(fence)yaml\n\(plan.source.trimmedEnd)\n\(fence)"
    }
}

extension String {
    /// Without line breaks and spaces at the end.
    var trimmedEnd: String {
        var text = self[...]
        while let last = text.last, last.isWhitespace { text.removeLast() }
        return String(text)
    }
}
