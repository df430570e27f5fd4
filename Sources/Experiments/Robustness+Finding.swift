import Tasks

extension Robustness {
    /// - Parameters:
    ///   - rows: of the table, for the reported runs.
    ///   - truth: of the test rows; tells what a model has that knows nothing.
    init(
        plan: ComparisonPlan, state: TrialSchedule.State, rows: [ComparisonTable.Row], truth: TestTruth?
    ) {
        let searched = state.finished.filter { $0.trial.stage == .search }
        let isRecorded =
            searched.isEmpty || searched.contains { $0.result.validation(plan.metric)?.isFinite ?? false }
        metric = isRecorded ? plan.metric : plan.search.metric
        func known(_ metric: Metric) -> Double? {
            truth.map { $0.uninformed(metric) } ?? metric.uninformed(nil)
        }
        uninformed = known(metric)
        noise = Noise(metric, state, rows).deviation
        let finder = GridFinder(
            plan: plan, searched: searched, searches: state.searches, metric: metric,
            uninformed: uninformed, noise: noise)
        grids = (plan.budgets.map(Optional.some) + [nil]).flatMap { budget in
            plan.arms.filter { plan.searchPoints(of: $0).contains(budget) }.map { finder.grid($0, budget) }
        }
        let tested = rows.flatMap(\.results).compactMap { $0.test(plan.metric) }.filter(\.isFinite)
        let best = tested.min { plan.metric.isBetter($0, than: $1) }
        seeds = rows.map {
            Self.seeds(
                $0, plan.metric, uninformed: known(plan.metric), best: best, testRows: truth?.rows)
        }
    }

    private static func seeds(
        _ row: ComparisonTable.Row, _ metric: Metric, uninformed: Double?, best: Double?, testRows: Int?
    ) -> Seeds {
        let values = row.results.compactMap { $0.test(metric) }
        let fallen = Set(row.collapsed.map(\.index))
        let collapsed = values.indices.filter { index in
            fallen.contains(index)
                || best.map {
                    Collapse.learnedNothing(
                        values[index], beside: $0, metric: metric, uninformed: uninformed, rows: testRows)
                } ?? false
        }
        return Seeds(
            arm: row.arm, budget: row.budget, learningRates: row.learningRates,
            deviation: row.metric?.deviation,
            worst: values.max { metric.isBetter($0, than: $1) },
            best: values.min { metric.isBetter($0, than: $1) },
            outcomes: Outcomes(
                count: values.count + row.failed, failed: row.failed, collapsed: collapsed.count))
    }
}

/// The grids of all methods, from the results of their searches.
private struct GridFinder {
    let plan: ComparisonPlan
    let searched: [(trial: Trial, result: TrialResult)]
    let searches: [SearchOutcome]
    let metric: Metric
    let uninformed: Double?
    let noise: Double?

    func grid(_ arm: ComparisonPlan.Arm, _ budget: Budget?) -> Robustness.Grid {
        let own = searched.filter { $0.trial.arm == arm.name && $0.trial.budget == budget }
        let outcomes = searches.filter { $0.arm == arm.name && $0.budget == budget }
        let tried = Set(arm.learningRates + outcomes.flatMap(\.rows).map(\.learningRate)).sorted()
        let rates = tried.map { rate in
            self.rate(
                rate, own.filter { $0.trial.learningRate == rate }.map(\.result),
                isWidened: !arm.learningRates.contains(rate))
        }
        let best = rates.indices.filter { rates[$0].mean != nil }.min { one, other in
            guard let first = rates[one].mean, let second = rates[other].mean, first != second else {
                return one < other
            }
            return metric.isBetter(first, than: second)
        }
        let margin = best.flatMap { best in
            noise.map { 2 * $0 * (2 / Double(max(rates[best].outcomes.count, 1))).squareRoot() }
        }
        let planned = rates.filter { !$0.isWidened }
        let means = planned.compactMap(\.mean)
        return Robustness.Grid(
            arm: arm.name, budget: budget, rates: rates, chosen: Set(outcomes.compactMap(\.winner)),
            best: best, withinNoise: best.flatMap { best in margin.map { around(best, rates, $0) } },
            margin: margin, mean: means.count == planned.count ? Summary(means)?.mean : nil,
            worst: means.count == planned.count
                ? planned.compactMap(\.worst).max { metric.isBetter($0, than: $1) } : nil)
    }

    private func rate(_ rate: Double, _ results: [TrialResult], isWidened: Bool) -> Robustness.Rate {
        let values = results.compactMap { $0.validation(metric) }.filter(\.isFinite)
        let failed = results.count - values.count
        let best = searched.compactMap { $0.result.validation(metric) }.filter(\.isFinite).min {
            metric.isBetter($0, than: $1)
        }
        // The validation rows' number is not recorded.
        let fallen = Set(
            Collapse.find(values, metric: metric, uninformed: uninformed, rows: nil).map(\.index))
        let collapsed = values.indices.filter { index in
            fallen.contains(index)
                || best.map {
                    Collapse.learnedNothing(
                        values[index], beside: $0, metric: metric, uninformed: uninformed, rows: nil)
                } ?? false
        }
        let counted =
            failed == 0
            ? values : uninformed.map { values + [Double](repeating: $0, count: failed) } ?? []
        return Robustness.Rate(
            learningRate: rate, mean: Summary(counted)?.mean,
            worst: counted.max { metric.isBetter($0, than: $1) },
            outcomes: .init(count: results.count, failed: failed, collapsed: collapsed.count),
            isWidened: isWidened)
    }

    private func around(_ best: Int, _ rates: [Robustness.Rate], _ margin: Double) -> ClosedRange<Int> {
        func isNear(_ place: Int) -> Bool {
            guard rates.indices.contains(place), let mean = rates[place].mean, let top = rates[best].mean
            else { return false }
            return abs(top - mean) <= margin
        }
        var (low, high) = (best, best)
        while isNear(low - 1) { low -= 1 }
        while isNear(high + 1) { high += 1 }
        return low...high
    }
}

/// What seeds alone differ by on the validation rows.
private struct Noise {
    let deviation: Double?

    private struct Cell: Hashable {
        let arm: String
        let budget: Budget?
        let rate: Double
        let fold: Int?
    }

    /// Of the reported runs, which train at good rates, without those that collapsed; where there are none yet, or one of
    /// each, of the search.
    init(_ metric: Metric, _ state: TrialSchedule.State, _ rows: [ComparisonTable.Row]) {
        let fallen = Set(rows.flatMap { row in row.collapsed.map { row.results[$0.index].id } })
        func pooled(_ stage: Trial.Stage) -> Double? {
            var cells: [Cell: [Double]] = [:]
            for (trial, result) in state.finished where trial.stage == stage && !fallen.contains(trial.id) {
                guard let value = result.validation(metric), value.isFinite else { continue }
                let cell = Cell(
                    arm: trial.arm, budget: trial.budget, rate: trial.learningRate, fold: trial.fold)
                cells[cell, default: []].append(value)
            }
            let spread = cells.values.compactMap { Summary($0) }.filter { $0.count > 1 }
            let degrees = spread.reduce(0) { $0 + $1.count - 1 }
            guard degrees > 0 else { return nil }
            // Sorted, since a dictionary's order changes the last digits of a sum.
            let squares = spread.map { Double($0.count - 1) * ($0.deviation ?? 0) * ($0.deviation ?? 0) }
            return (squares.sorted().reduce(0, +) / Double(degrees)).squareRoot()
        }
        deviation = pooled(.report) ?? pooled(.search)
    }
}
