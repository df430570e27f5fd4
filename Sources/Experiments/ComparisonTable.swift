import Adapters
import Messages
import RunRecords
import Tasks

/// What the reported trials of a comparison came to, so far.
package struct ComparisonTable: Sendable {
    /// An arm at a budget.
    package struct Row: Sendable {
        package let arm: String
        /// nil for an arm without a budget.
        package let budget: Budget?
        package let isBaseline: Bool
        package let kind: ArmKind
        /// What makes the method larger or smaller; nil for one without a size.
        package let knob: Knob?
        /// Runs of the plan.
        package let expected: Int
        /// Runs with a value of the metric, in the order of their seeds, then of their folds.
        package let results: [TrialResult]
        /// Runs that failed or whose metric is undefined.
        package let failed: Int
        /// The compared metric on the test data; nil without runs.
        package let metric: Summary?
        /// The other test metrics by name, defined in every run.
        package let others: [(name: String, summary: Summary)]
        /// Seeds of the plan, in each fold, that the baseline has too at this budget.
        package let expectedPairs: Int
        /// Pairs with the baseline's runs of the same budget, seed and fold.
        package let pairs: [RunPair]
        /// Against the baseline; nil for the baseline and without pairs.
        package let difference: PairedDifference?
        /// What the runs trained with, ascending: in folds each has its own search. Empty until it is known.
        package let learningRates: [Double]
        /// Runs far below the others, by their places in `results`. They count in every mean.
        package let collapsed: [Collapse]

        package var count: Int { results.count }
        package var trainableParameters: Double? { mean(\.trainableParameters) }
        /// At the first step, before anything was pruned.
        package var parametersAtStart: Double? { mean(\.parametersAtStart) }
        package var adapterParameters: Double? { mean(\.adapterParameters) }
        package var secondsPerStep: Double? { Summary(results.compactMap(\.secondsPerStep))?.mean }
        /// What the runs ended with; nil for an arm without ranks.
        package var ranks: MeanRanks? { MeanRanks(results.map(\.ranks)) }
        package func isCollapsed(_ result: TrialResult) -> Bool {
            collapsed.contains { results[$0.index].id == result.id }
        }
        /// The largest of the runs.
        package var peakMemoryBytes: Int? { results.compactMap(\.peakMemoryBytes).max() }

        /// Of the runs that were made beside other work, cores that it kept busy on average; nil where none was, or nothing tells.
        package var otherCores: Double? {
            Summary(results.compactMap(\.otherCores).filter { $0 > OtherWork.least })?.mean
        }
        /// How far a language model has moved from its base model on a text that it does not learn: KL a token, and how much its
        /// loss rose; nil where not every run told.
        package var forgetting: (divergence: Summary, rise: Summary)? {
            let told = results.compactMap { result in
                ForgettingMetrics { result.validationMetrics[$0] ?? nil }
            }
            guard told.count == results.count, let divergence = Summary(told.map(\.divergence)),
                let rise = Summary(told.map { $0.loss - $0.baseLoss })
            else { return nil }
            return (divergence, rise)
        }

        private func mean(_ value: (TrialResult) -> Int?) -> Double? {
            Summary(results.compactMap(value).map { Double($0) })?.mean
        }
    }

    package let plan: ComparisonPlan
    /// By budget, rising, arms in the plan's order; arms without a budget last.
    package let rows: [Row]
    package let robustness: Robustness
    /// At each budget whether adaptive rank is worth it.
    package let verdicts: [Verdict]
    package let searches: [SearchOutcome]
    /// Trials that failed, of both stages.
    package let failures: [TrialResult]
    /// Reported trials, `(finished, all)`; failed ones are finished.
    package let reported: (finished: Int, total: Int)
    /// Trials that can never run, because what they need failed.
    package let hopeless: [TrialSchedule.Blocked]
    /// The metric of a model that knows nothing, see `Metric.uninformed`; nil where nothing tells.
    package let uninformed: Double?
    let knowsTruth: Bool

    /// - Parameters:
    ///   - truth: of the test rows; nil resamples seeds, or folds, only.
    ///   - predictions: of a trial on the test rows, by id; nil when there are none.
    package init(
        plan: ComparisonPlan, state: TrialSchedule.State, truth: TestTruth? = nil,
        predictions: (String) throws -> Predictions? = { _ in nil }, bootstrap: Bootstrap = Bootstrap()
    ) rethrows {
        self.plan = plan
        searches = state.searches
        failures = state.finished.map(\.result).filter { !$0.isOK }
        reported = state.reported
        hopeless = state.blocked.filter(\.isHopeless)
        uninformed = truth.map { $0.uninformed(plan.metric) } ?? plan.metric.uninformed(nil)
        knowsTruth = truth != nil
        let points = plan.budgets.map(Optional.some) + [nil]
        let builder = RowBuilder(
            plan: plan, state: state, truth: truth, uninformed: uninformed, bootstrap: bootstrap)
        let rows = try points.flatMap { budget in
            try plan.arms.filter { $0.points.contains(budget) }.map {
                try builder.row($0, budget, predictions: predictions)
            }
        }
        self.rows = rows
        robustness = Robustness(plan: plan, state: state, rows: rows, truth: truth)
        verdicts = try plan.budgets.map { try builder.verdict($0, rows, predictions: predictions) }
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
}

private struct RowBuilder {
    let plan: ComparisonPlan
    let truth: TestTruth?
    let uninformed: Double?
    let bootstrap: Bootstrap
    private var finished: [Key: [TrialResult]] = [:]
    private var rates: [Key: Set<Double>] = [:]

    private struct Key: Hashable {
        let arm: String
        let budget: Budget?
    }

    init(
        plan: ComparisonPlan, state: TrialSchedule.State, truth: TestTruth?, uninformed: Double?,
        bootstrap: Bootstrap
    ) {
        self.plan = plan
        self.truth = truth
        self.uninformed = uninformed
        self.bootstrap = bootstrap
        for (trial, result) in state.finished where trial.stage == .report {
            finished[Key(arm: trial.arm, budget: trial.budget), default: []].append(result)
        }
        for trial in state.next + state.finished.map(\.trial) where trial.stage == .report {
            rates[Key(arm: trial.arm, budget: trial.budget), default: []].insert(trial.learningRate)
        }
    }

    func row(
        _ arm: ComparisonPlan.Arm, _ budget: Budget?, predictions: (String) throws -> Predictions?
    ) rethrows -> ComparisonTable.Row {
        let key = Key(arm: arm.name, budget: budget)
        let all = finished[key] ?? []
        let results = measured(key)
        let isBaseline = arm.name == plan.baseline
        let pairs =
            isBaseline ? [] : try pairs(results, with: partners(budget), predictions: predictions)
        return ComparisonTable.Row(
            arm: arm.name, budget: budget, isBaseline: isBaseline, kind: plan.kind(of: arm),
            knob: plan.tuning(of: arm).flatMap { $0.method.knob($0) },
            expected: arm.seeds(at: budget).count * plan.foldNumbers.count,
            results: results, failed: all.count - results.count,
            metric: Summary(results.compactMap { $0.test(plan.metric) }), others: others(results),
            expectedPairs: isBaseline
                ? 0
                : partnerSeeds(budget).count(where: arm.seeds(at: budget).contains) * plan.foldNumbers.count,
            pairs: pairs,
            difference: difference(pairs),
            learningRates: (rates[key] ?? []).sorted(),
            collapsed: Collapse.find(
                results.map { $0.test(plan.metric) ?? .nan }, metric: plan.metric, uninformed: uninformed,
                rows: truth?.rows))
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
    private func partners(_ budget: Budget?) -> [TrialResult] {
        guard let baseline = plan.arm(plan.baseline) else { return [] }
        return measured(Key(arm: baseline.name, budget: baseline.isBudgetless ? nil : budget))
    }

    private func difference(_ pairs: [RunPair]) -> PairedDifference? {
        PairedDifference(
            pairs: pairs, truth: truth, metric: plan.metric,
            testToTraining: plan.folds?.testToTraining ?? 0, bootstrap: bootstrap)
    }

    /// The best adaptive method at a budget beside the best fixed one. Fixed ones without a budget take part where they have no
    /// more in their adapters than the arms at it.
    func verdict(
        _ budget: Budget, _ rows: [ComparisonTable.Row], predictions: (String) throws -> Predictions?
    ) rethrows -> Verdict {
        let own = rows.filter { $0.budget == budget && $0.count > 0 }
        let most = own.compactMap(\.adapterParameters).max() ?? 0
        let small = rows.filter { row in
            row.budget == nil && row.count > 0
                && row.adapterParameters.map { $0 <= most * (1 + ParameterMatch.tolerance) } ?? false
        }
        let adaptive = Verdict.choose(own.filter { $0.kind == .adaptive }, plan.metric)
        let fixed = Verdict.choose((own + small).filter { $0.kind == .fixed }, plan.metric)
        func results(_ choice: Verdict.Choice?) -> [TrialResult] {
            (own + small).first { $0.arm == choice?.arm }?.results ?? []
        }
        let pairs = try pairs(results(adaptive), with: results(fixed), predictions: predictions)
        return Verdict(
            budget: budget, adaptive: adaptive, fixed: fixed, difference: difference(pairs),
            metric: plan.metric)
    }

    private func pairs(
        _ results: [TrialResult], with partners: [TrialResult],
        predictions: (String) throws -> Predictions?
    ) rethrows -> [RunPair] {
        try results.compactMap { result in
            guard let partner = partners.first(where: { $0.seed == result.seed && $0.fold == result.fold }),
                let value = result.test(plan.metric), let other = partner.test(plan.metric)
            else { return nil }
            let both = try predictions(result.id).flatMap { first in
                try predictions(partner.id).map { (first, $0) }
            }
            return RunPair(
                seed: result.seed, fold: result.fold, value: value, baseline: other, predictions: both)
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
