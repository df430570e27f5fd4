import Charts
import Foundation
import Messages
import ModelFiles
import Reports
import RunRecords

/// Writes the report of a comparison: `report.md`, `report.json`, `table.csv` and pictures.
package struct ComparisonReporter {
    let plan: ComparisonPlan
    let schedule: TrialSchedule
    let store: ResultStore
    let runner: TrialRunner

    package init(plan: ComparisonPlan, schedule: TrialSchedule, store: ResultStore, runner: TrialRunner) {
        self.plan = plan
        self.schedule = schedule
        self.store = store
        self.runner = runner
    }

    package var file: URL { store.folder.appendingPathComponent("report.md") }

    /// - Returns: the table of the report.
    @discardableResult
    package func write(_ results: [TrialResult]) throws -> ComparisonTable {
        let state = schedule.state(completed: results)
        let stored = try store.predictions()
        let table = try ComparisonTable(
            plan: plan, state: state,
            truth: try TestTruth(plan.foldNumbers) { try stored.of(schedule.truthID(fold: $0)) },
            predictions: { try stored.of($0) })
        let images = try pictures(table, state)
        // Of the runs, whoever makes the report.
        func origins(_ origin: (TrialResult) -> String?, _ own: String) -> String {
            let all = Set(state.finished.compactMap { origin($0.result) }).sorted()
            return all.isEmpty ? own : all.joined(separator: "; ")
        }
        let context = ComparisonReport.Context(
            commit: origins(\.commit, runner.origin.commit),
            machine: origins(\.machine, runner.origin.machine),
            date: String(ISO8601DateFormatter().string(from: Date()).prefix(10)),
            parametersPerRank: try runner.perRank(), settings: schedule.settings,
            images: images)
        try put(ComparisonReport.markdown(table, context: context), "report.md")
        try put(table.json().text() + "\n", "report.json")
        try put(table.csv(), "table.csv")
        return table
    }

    private func put(_ text: String, _ name: String) throws {
        try AtomicFile.write(Data(text.utf8), to: store.folder.appendingPathComponent(name))
    }

    private func pictures(_ table: ComparisonTable, _ state: TrialSchedule.State) throws -> [(
        title: String, file: String
    )] {
        var images: [(title: String, file: String)] = []
        func add(_ title: String, _ file: String, _ svg: String?) throws {
            guard let svg else { return }
            try put(svg, file)
            images.append((title, file))
        }
        try add("Quality against parameters", "quality.svg", try quality(table))
        try add("Differences to \(plan.baseline)", "differences.svg", differences(table))
        for picture in Self.learningRates(table) { try add(picture.title, picture.file, picture.svg) }
        for section in table.sections {
            guard let budget = section.budget, let picture = finalRanks(section.rows, budget) else {
                continue
            }
            try add("Final ranks at \(budget)", "ranks-\(budget.slug).svg", picture)
        }
        for arm in plan.arms {
            let (title, file) = ("Rank over time: \(arm.name)", "rank-over-time-\(arm.slug).svg")
            if let picture = rankOverTime(state, arm.name) {
                try add(title, file, picture)
            } else if FileManager.default.fileExists(atPath: store.folder.appendingPathComponent(file).path) {
                // Results may travel without the records of their runs, the pictures with them.
                images.append((title, file))
            }
        }
        try add("Time per step", "step-time.svg", stepTime(table))
        return images
    }

    /// A line an arm, with one standard deviation; an arm without a budget is level. One that is far from all others
    /// is said in words: its line would leave them no room.
    private func quality(_ table: ComparisonTable) throws -> String? {
        let matched = table.rows.filter { $0.budget != nil }
        let spent = matched.compactMap(\.adapterParameters)
        let values = matched.compactMap(\.metric?.mean)
        guard let low = spent.min(), let high = spent.max(), low > 0, let worst = values.min(),
            let best = values.max()
        else { return nil }
        let room = max(best - worst, 0.01)
        func isFar(_ row: ComparisonTable.Row) -> Bool {
            guard row.budget == nil, let mean = row.metric?.mean else { return false }
            return mean < worst - room || mean > best + room
        }
        let series = plan.arms.compactMap { arm -> Series? in
            let points = table.rows.filter { $0.arm == arm.name }.flatMap { row -> [ChartPoint] in
                guard let metric = row.metric, !isFar(row) else { return [] }
                let deviation = metric.deviation ?? 0
                let places = row.budget == nil ? [low, high] : [row.adapterParameters ?? .nan]
                return places.map {
                    ChartPoint(
                        x: $0, y: metric.mean, low: metric.mean - deviation, high: metric.mean + deviation)
                }
            }
            return points.isEmpty ? nil : Series(name: arm.name, points: points, intervals: .errorBars)
        }
        guard !series.isEmpty else { return nil }
        let far = table.rows.filter(isFar).compactMap { row in
            row.metric.map { "\(row.arm) \(Figures.fixed($0.mean, 3))" }
        }
        let note = far.isEmpty ? "" : " (outside the picture: \(far.joined(separator: ", ")))"
        var x = Axis("adapter parameters\(note)", scale: .log2, format: .si)
        let perRank = try runner.perRank()
        x.tickValues = plan.budgets.map { Double($0.parameters(perRank: perRank)) }
        var chart = LineChart(
            id: "quality", title: "Quality at equal parameters: \(plan.name)", x: x,
            y: Axis("test \(plan.metric.rawValue)"), series: series)
        chart.summary = "Mean over runs and one standard deviation"
        // All arms together no wider than the margin beside the outermost budgets.
        chart.dodge = min(7, 32 / Double(series.count))
        return chart.svg()
    }

    private func differences(_ table: ComparisonTable) -> String? {
        let bars = table.rows.compactMap { row -> BarChart.Bar? in
            guard let difference = row.difference else { return nil }
            let at = row.budget.map { ", \($0)" } ?? ""
            return BarChart.Bar(
                name: row.arm + at, value: difference.mean, low: difference.interval?.lowerBound,
                high: difference.interval?.upperBound,
                color: plan.budgets.firstIndex { $0 == row.budget } ?? plan.budgets.count)
        }
        guard !bars.isEmpty else { return nil }
        var chart = BarChart(
            id: "differences",
            title:
                "Difference to \(plan.baseline), paired by \(plan.folds == nil ? "seed" : "fold and seed")",
            axis: Axis("difference of test \(plan.metric.rawValue)"), bars: bars)
        chart.reference = BarChart.Reference(0, label: plan.baseline)
        chart.valueFormat = .decimals(4)
        chart.summary = "Mean difference and its 95 % bootstrap interval"
        return chart.svg()
    }

    /// Mean final rank by layer and role at a budget, a map for each arm whose ranks are not all equal.
    private func finalRanks(_ rows: [ComparisonTable.Row], _ budget: Budget) -> String? {
        let maps = rows.compactMap { row -> Heatmap? in
            guard row.results.contains(where: { Set($0.ranks.values).count > 1 }) else { return nil }
            return Self.heatmap(row)
        }
        guard !maps.isEmpty else { return nil }
        var panel = HeatmapPanel(
            id: "ranks-\(budget.slug)", title: "Mean final rank at \(budget)", maps: maps)
        panel.style.format = .decimals(1)
        panel.style.legendTitle = "rank"
        panel.style.missingNote = "not adapted"
        panel.style.rowTitle = "layer"
        return panel.svg()
    }

    private static func heatmap(_ row: ComparisonTable.Row) -> Heatmap {
        let ranks = row.ranks?.bySite ?? [:]
        let grids = RankGrid.towers(ranks.keys.sorted().compactMap(RankGrid.Place.init(site:)))
        // A tower below the other, as rows of one map.
        let roles = grids.reduce(into: [String]()) { roles, grid in
            roles += grid.roles.filter { !roles.contains($0) }
        }
        return Heatmap(
            id: "ranks-\(row.arm)", title: row.arm,
            rowLabels: grids.flatMap { grid in grid.layers.map { grid.named("\($0)") } },
            columnLabels: roles.map(RankGrid.shortName),
            values: grids.flatMap { grid in
                grid.layers.map { layer in
                    roles.map { ranks[RankGrid.Place(tower: grid.tower, layer: layer, role: $0).name] }
                }
            })
    }

    /// Of an arm's first run with allocations at its smallest budget.
    private func rankOverTime(_ state: TrialSchedule.State, _ arm: String) -> String? {
        for budget in plan.budgets {
            for entry in state.finished
            where entry.trial.stage == .report && entry.trial.arm == arm && entry.trial.budget == budget {
                guard let run = try? RunReader.record(of: runner.runFolder(entry.trial.id)),
                    !run.allocations.isEmpty
                else { continue }
                return Self.overTime(run, title: "\(entry.trial.arm) at \(budget), seed \(entry.trial.seed)")
            }
        }
        return nil
    }

    private static func overTime(_ run: RunRecord, title: String) -> String {
        let groups = RankGrid.towers(run.start.sites).flatMap { grid in
            grid.roles.enumerated().map { column, role in
                let sites = grid.column(column).compactMap { $0 }
                return StackedAreaChart.Group(
                    name: grid.named(role),
                    values: run.rankTables.map { table in
                        sites.reduce(0.0) { $0 + Double(table.ranks[$1]) }
                    })
            }
        }
        var chart = StackedAreaChart(
            id: "over-time", title: "Rank over time by role: \(title)", x: Axis("step", wholeNumbers: true),
            y: Axis("triplets", includesZero: true, wholeNumbers: true),
            xValues: run.rankTables.map { Double($0.step) }, groups: groups)
        let last = run.start.totalSteps - run.start.finalSteps
        chart.phases = [
            PhaseRange("warm-up", from: 0, to: Double(run.start.warmupSteps)),
            PhaseRange("budgeting", from: Double(run.start.warmupSteps), to: Double(last)),
            PhaseRange("final", from: Double(last), to: Double(run.start.totalSteps)),
        ]
        return chart.svg()
    }

    /// Medians of runs that may have shared the machine: an order of magnitude, no benchmark.
    private func stepTime(_ table: ComparisonTable) -> String? {
        guard let section = table.sections.first(where: { $0.budget != nil }) else { return nil }
        let rows = section.rows + (table.sections.last { $0.budget == nil }?.rows ?? [])
        let bars = rows.compactMap { row in
            row.secondsPerStep.map { BarChart.Bar(name: row.arm, value: 1000 * $0) }
        }
        guard !bars.isEmpty else { return nil }
        var chart = BarChart(
            id: "step-time", title: "Median time of a training step",
            axis: Axis("ms", includesZero: true), bars: bars)
        chart.valueFormat = .decimals(0)
        return chart.svg()
    }
}
