import Messages
import Tasks

/// What the reported trials of a comparison came to, so far.
package struct ComparisonTable: Sendable {
    /// An arm at a budget.
    package struct Row: Sendable {
        package let arm: String
        /// nil for an arm without a budget.
        package let budget: Budget?
        package let isBaseline: Bool
        /// Runs of the plan.
        package let expected: Int
        /// Runs with a value of the metric, in the order of their seeds.
        package let results: [TrialResult]
        /// Runs that failed or whose metric is undefined.
        package let failed: Int
        /// The compared metric on the test data; nil without runs.
        package let metric: Summary?
        /// The other test metrics by name, defined in every run.
        package let others: [(name: String, summary: Summary)]
        /// Seeds of the plan that the baseline has too at this budget.
        package let expectedPairs: Int
        /// Pairs with the baseline's runs of the same budget and seed.
        package let pairs: [RunPair]
        /// Against the baseline; nil for the baseline and without pairs.
        package let difference: PairedDifference?
        /// What the runs trained with; nil until it is known.
        package let learningRate: Double?

        package var count: Int { results.count }
        package var trainableParameters: Double? { mean(\.trainableParameters) }
        package var adapterParameters: Double? { mean(\.adapterParameters) }
        package var secondsPerStep: Double? { Summary(results.compactMap(\.secondsPerStep))?.mean }
        /// The largest of the runs.
        package var peakMemoryBytes: Int? { results.compactMap(\.peakMemoryBytes).max() }

        private func mean(_ value: (TrialResult) -> Int?) -> Double? {
            Summary(results.compactMap(value).map { Double($0) })?.mean
        }
    }

    package let plan: ComparisonPlan
    /// By budget, rising, arms in the plan's order; arms without a budget last.
    package let rows: [Row]
    package let searches: [SearchOutcome]
    /// Trials that failed, of both stages.
    package let failures: [TrialResult]
    /// Reported trials, `(finished, all)`; failed ones are finished.
    package let reported: (finished: Int, total: Int)
    /// Trials that can never run, because what they need failed.
    package let hopeless: [TrialSchedule.Blocked]

    /// - Parameters:
    ///   - truth: of the test rows; nil resamples seeds only.
    ///   - predictions: of a trial on the test rows, by id; nil when there are none.
    package init(
        plan: ComparisonPlan, state: TrialSchedule.State, truth: Predictions? = nil,
        predictions: (String) throws -> Predictions? = { _ in nil }, bootstrap: Bootstrap = Bootstrap()
    ) rethrows {
        self.plan = plan
        searches = state.searches
        failures = state.finished.map(\.result).filter { !$0.isOK }
        reported = state.reported
        hopeless = state.blocked.filter(\.isHopeless)
        let points = plan.budgets.map(Optional.some) + [nil]
        let builder = RowBuilder(plan: plan, state: state, truth: truth, bootstrap: bootstrap)
        rows = try points.flatMap { budget in
            try plan.arms.filter { $0.points.contains(budget) }.map {
                try builder.row($0, budget, predictions: predictions)
            }
        }
    }

    /// Rows by budget, in order.
    package var sections: [(budget: Budget?, rows: [Row])] {
        var sections: [(budget: Budget?, rows: [Row])] = []
        for row in rows {
            if let last = sections.last, last.budget == row.budget {
                sections[sections.count - 1].rows.append(row)
            } else {
                sections.append((row.budget, [row]))
            }
        }
        return sections
    }

    /// What a reader must know before believing the numbers; each a single line.
    package var warnings: [String] {
        var lines: [String] = []
        if reported.finished < reported.total {
            lines.append("partial: \(reported.finished) of \(reported.total) reported runs are there")
        }
        lines += shortRows + unpaired + unequalParameters + edges + mixedOrigins + runWarnings
        let failed = failures.count
        if failed > 0 {
            lines.append("\(Figures.counted(failed, "run")) failed; see the list of failed runs")
        }
        if !hopeless.isEmpty {
            lines.append(
                "\(Figures.counted(hopeless.count, "run")) cannot be made: \(hopeless[0].reason)")
        }
        return lines
    }

    private var shortRows: [String] {
        let groups = sections.compactMap { section -> String? in
            let few = section.rows.filter { $0.count > 0 && $0.count < Self.fewestSeeds }
            guard !few.isEmpty else { return nil }
            let place = section.budget.map { "at \($0)" } ?? "without a budget"
            return place + " " + few.map { "\($0.arm) (\($0.count))" }.joined(separator: ", ")
        }
        return groups.isEmpty
            ? [] : ["fewer than 3 seeds, too few to judge by: \(groups.joined(separator: "; "))"]
    }

    /// Means and differences then stand on different seeds.
    private var unpaired: [String] {
        rows.compactMap { row in
            guard row.difference != nil, row.pairs.count < row.count else { return nil }
            let place = row.budget.map { " at \($0)" } ?? ""
            return "\(row.arm)\(place) has \(Figures.counted(row.count, "run")), of which "
                + "\(row.pairs.count) \(row.pairs.count == 1 ? "has" : "have") a partner of "
                + "\(plan.baseline): the difference is of these alone"
        }
    }

    private var unequalParameters: [String] {
        sections.compactMap { section in
            guard let budget = section.budget else { return nil }
            let known = section.rows.compactMap { row in
                (row.adapterParameters ?? row.trainableParameters).map { (row.arm, $0) }
            }
            guard let least = known.min(by: { $0.1 < $1.1 }), let most = known.max(by: { $0.1 < $1.1 }),
                most.1 > least.1 * 1.01
            else { return nil }
            let excess = Figures.fixed(100 * (most.1 / least.1 - 1), 1)
            return
                "unequal parameters at \(budget): \(most.0) has \(Figures.whole(most.1)), \(excess) % more "
                + "than \(least.0) with \(Figures.whole(least.1))"
        }
    }

    private var edges: [String] {
        searches.compactMap { search in
            guard let winner = search.winner, let edge = search.edge else { return nil }
            let place = search.budget.map { " at \($0)" } ?? ""
            return
                "the learning rate \(Figures.rate(winner)) of \(search.arm)\(place) is the "
                + "\(edge.rawValue) tried: widen the grid"
        }
    }

    /// What the runs themselves warned of, each text once.
    private var runWarnings: [String] {
        var counts: [(text: String, runs: Int)] = []
        // Results of runs that were resumed may hold a text twice.
        for text in rows.flatMap(\.results).flatMap({ Self.once($0.warnings) }) {
            if let known = counts.firstIndex(where: { $0.text == text }) {
                counts[known].runs += 1
            } else {
                counts.append((text, 1))
            }
        }
        let shown = counts.prefix(10).map { "\(Figures.counted($0.runs, "run")): \(TextTable.cell($0.text))" }
        return counts.count > 10 ? shown + ["and \(counts.count - 10) more warnings of runs"] : shown
    }

    private static func once(_ texts: [String]) -> [String] {
        texts.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
    }

    private var mixedOrigins: [String] {
        let results = rows.flatMap(\.results)
        return [("commits", results.compactMap(\.commit)), ("machines", results.compactMap(\.machine))]
            .compactMap {
                let different = Set($1).sorted()
                return different.count > 1
                    ? "runs come from \(different.count) \($0): \(different.joined(separator: ", "))" : nil
            }
    }
}

private struct RowBuilder {
    let plan: ComparisonPlan
    let truth: Predictions?
    let bootstrap: Bootstrap
    private var finished: [Key: [TrialResult]] = [:]
    private var rates: [Key: Double] = [:]

    private struct Key: Hashable {
        let arm: String
        let budget: Budget?
    }

    init(plan: ComparisonPlan, state: TrialSchedule.State, truth: Predictions?, bootstrap: Bootstrap) {
        self.plan = plan
        self.truth = truth
        self.bootstrap = bootstrap
        for (trial, result) in state.finished where trial.stage == .report {
            finished[Key(arm: trial.arm, budget: trial.budget), default: []].append(result)
        }
        for trial in state.next + state.finished.map(\.trial) where trial.stage == .report {
            rates[Key(arm: trial.arm, budget: trial.budget)] = trial.learningRate
        }
    }

    func row(
        _ arm: ComparisonPlan.Arm, _ budget: Budget?, predictions: (String) throws -> Predictions?
    ) rethrows -> ComparisonTable.Row {
        let key = Key(arm: arm.name, budget: budget)
        let all = finished[key] ?? []
        let results = measured(key)
        let isBaseline = arm.name == plan.baseline
        let pairs = isBaseline ? [] : try pairs(results, budget, predictions: predictions)
        return ComparisonTable.Row(
            arm: arm.name, budget: budget, isBaseline: isBaseline, expected: arm.seeds(at: budget).count,
            results: results, failed: all.count - results.count,
            metric: Summary(results.compactMap { $0.test(plan.metric) }), others: others(results),
            expectedPairs: isBaseline ? 0 : partnerSeeds(budget).filter(arm.seeds(at: budget).contains).count,
            pairs: pairs,
            difference: PairedDifference(
                pairs: pairs, truth: truth, metric: plan.metric, bootstrap: bootstrap),
            learningRate: rates[key])
    }

    /// Of the baseline at a budget; none for an arm without a budget beside a baseline with one.
    private func partnerSeeds(_ budget: Budget?) -> [UInt64] {
        guard let baseline = plan.arm(plan.baseline) else { return [] }
        let point = baseline.isBudgetless ? nil : budget
        return baseline.points.contains(point) ? baseline.seeds(at: point) : []
    }

    private func measured(_ key: Key) -> [TrialResult] {
        (finished[key] ?? []).filter { $0.test(plan.metric)?.isFinite ?? false }
    }

    /// A baseline without a budget is the partner at every budget.
    private func pairs(
        _ results: [TrialResult], _ budget: Budget?, predictions: (String) throws -> Predictions?
    ) rethrows -> [RunPair] {
        guard let baseline = plan.arm(plan.baseline) else { return [] }
        let partners = measured(Key(arm: baseline.name, budget: baseline.isBudgetless ? nil : budget))
        return try results.compactMap { result in
            guard let partner = partners.first(where: { $0.seed == result.seed }),
                let value = result.test(plan.metric), let other = partner.test(plan.metric)
            else { return nil }
            let both = try predictions(result.id).flatMap { first in
                try predictions(partner.id).map { (first, $0) }
            }
            return RunPair(seed: result.seed, value: value, baseline: other, predictions: both)
        }
    }

    private func others(_ results: [TrialResult]) -> [(name: String, summary: Summary)] {
        let names = Set(results.flatMap(\.testMetrics.keys)).subtracting([plan.metric.rawValue])
        let usual = Metric.allCases.map(\.rawValue)
        let sorted = usual.filter(names.contains) + names.subtracting(usual).sorted()
        return sorted.compactMap { name in
            let values = results.compactMap { $0.testMetrics[name] ?? nil }
            guard values.count == results.count, let summary = Summary(values) else { return nil }
            return (name, summary)
        }
    }
}
