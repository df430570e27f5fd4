import Foundation
import Messages
import Tasks

/// One run of a sweep.
package struct SweepRun: Sendable, Hashable {
    /// `fixed` or the name of an arm that stands beside it at the same budgets.
    package let arm: String
    package let rank: Int
    package let seed: UInt64

    package init(arm: String, rank: Int, seed: UInt64) {
        self.arm = arm
        self.rank = rank
        self.seed = seed
    }
}

/// The validation metric at the evaluations of one run, by rising step.
package struct SweepCurve: Sendable, Equatable {
    package struct Point: Sendable, Equatable {
        package let step: Int
        package let value: Double

        package init(step: Int, value: Double) {
            self.step = step
            self.value = value
        }
    }

    package private(set) var points: [Point] = []

    package init(_ points: [Point] = []) { for point in points { append(point) } }

    package mutating func append(_ point: Point) {
        precondition(
            point.step > points.last?.step ?? -1,
            "step \(point.step) comes after step \(points.last?.step ?? -1)")
        points.append(point)
    }

    /// The best value up to and with `step`; nil when there is none, and NaN never counts.
    package func best(upTo step: Int, metric: Metric) -> Double? {
        points.lazy.filter { $0.step <= step && $0.value.isFinite }.map(\.value)
            .reduce(nil) { best, value in best.map { metric.isBetter(value, than: $0) ? value : $0 } ?? value
            }
    }
}

/// When a run is given up: its best value so far is worse than the median of the finished runs' best values
/// at the same step by more than a margin (the median stopping rule).
///
/// Only evaluations at steps that every counted run has reached are compared; the first runs always finish.
package struct DiscardRule: Sendable, Equatable {
    /// In units of the metric; of one without a scale a share of the median.
    package let margin: Double
    /// Finished runs needed before any is given up.
    package let minimumFinished: Int
    /// The share of a run's steps that it always gets.
    package let minimumShare: Double

    package init(margin: Double, minimumFinished: Int = 3, minimumShare: Double = 0.3) {
        precondition(margin >= 0 && margin.isFinite, "the margin \(margin) must be 0 or more")
        precondition(minimumFinished > 0, "\(minimumFinished) finished runs have no median")
        self.margin = margin
        self.minimumFinished = minimumFinished
        self.minimumShare = minimumShare
    }

    /// Why the run should stop now; nil to go on. A run whose values are all undefined so far is behind any
    /// other.
    ///
    /// - Parameters:
    ///   - curve: what the run has so far.
    ///   - finished: curves of runs that went to their end, of any rank.
    ///   - totalSteps: the steps of a whole run.
    package func reasonToStop(
        _ curve: SweepCurve, finished: [SweepCurve], totalSteps: Int, metric: Metric
    ) -> String? {
        guard let step = curve.points.last?.step, Double(step) >= minimumShare * Double(totalSteps) else {
            return nil
        }
        let others = finished.compactMap { $0.best(upTo: step, metric: metric) }.sorted()
        guard others.count >= minimumFinished else { return nil }
        let median = Bootstrap.quantile(0.5, ofSorted: others)
        let reach = metric.reach(margin, from: median)
        let limit = metric.isHigherBetter ? median - reach : median + reach
        guard let best = curve.best(upTo: step, metric: metric) else {
            return "no defined \(metric.rawValue) by step \(step)"
        }
        guard metric.isBetter(limit, than: best) else { return nil }
        return "\(metric.rawValue) \(Figures.fixed(best, 4)) at step \(step) is behind the median "
            + "\(Figures.fixed(median, 4)) of \(others.count) finished runs by more "
            + "than \(metric.isUnbounded ? metric.told(margin) : Figures.plain(margin))"
    }
}

/// What a finished or given-up run of a sweep gave.
package struct SweepOutcome: Sendable, Equatable {
    /// What a run trained.
    package struct Parameters: Sendable, Equatable {
        /// In its adapters at the end.
        package let adapters: Int
        /// With the head, at the end.
        package let trained: Int
        /// With the head, at the first step.
        package let atStart: Int

        package init(adapters: Int, trained: Int, atStart: Int) {
            self.adapters = adapters
            self.trained = trained
            self.atStart = atStart
        }
    }

    package let run: SweepRun
    /// The metric at the end; nil for a run that was given up or failed.
    package let value: Double?
    package let curve: SweepCurve
    /// Why there is no value.
    package let reason: String?
    /// Final rank by site, `layer.3.query`; empty for a run that did not go to its end.
    package let ranks: [String: Int]
    /// nil for a run that did not go to its end.
    package let parameters: Parameters?
    /// The classes of the validation rows, in whatever order; nil where rows have not one class each.
    package let truth: Predictions?

    package init(
        run: SweepRun, value: Double?, curve: SweepCurve = SweepCurve(), reason: String? = nil,
        ranks: [String: Int] = [:], parameters: Parameters? = nil, truth: Predictions? = nil
    ) {
        self.run = run
        self.value = value
        self.curve = curve
        self.reason = reason
        self.ranks = ranks
        self.parameters = parameters
        self.truth = truth
    }
}

/// A sweep over fixed ranks, with other arms at the same budgets beside it.
package struct SweepPlanner: Sendable {
    package static let fixedArm = "fixed"

    /// Ascending.
    package let ranks: [Int]
    package let seeds: [UInt64]
    /// Arms beside the fixed ranks, such as `AdaLoRA`.
    package let otherArms: [String]
    package let metric: Metric
    package let rule: DiscardRule?

    package init(
        ranks: [Int], seeds: [UInt64], otherArms: [String] = [], metric: Metric, rule: DiscardRule?
    ) {
        precondition(
            !ranks.isEmpty && !seeds.isEmpty, "\(ranks.count) ranks and \(seeds.count) seeds give no run")
        self.ranks = ranks.sorted()
        self.seeds = seeds
        self.otherArms = otherArms
        self.metric = metric
        self.rule = rule
    }

    /// Reads `1,2,4,8`: whole numbers from 1, each once; ascending.
    package static func ranks(from text: String) throws -> [Int] {
        var ranks: [Int] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let word = part.trimmingCharacters(in: .whitespaces)
            guard word.utf8.allSatisfy({ (48...57).contains($0) }), let rank = Int(word),
                (1...100_000).contains(rank)
            else {
                throw ComparisonError(
                    "\(SettingName.ranks): \(quoted(word)) is not a rank; write whole numbers like 1,2,4,8")
            }
            guard !ranks.contains(rank) else {
                throw ComparisonError("\(SettingName.ranks): \(rank) is given twice; keep one")
            }
            ranks.append(rank)
        }
        return ranks.sorted()
    }

    /// All runs in order: the ranks with the first seed, fixed ones before other arms, then with the next
    /// seed. The largest rank goes first, so that a hopeless low rank meets finished curves to be measured
    /// against.
    package var runs: [SweepRun] {
        seeds.flatMap { seed in
            ([Self.fixedArm] + otherArms).flatMap { arm in
                ranks.reversed().map { SweepRun(arm: arm, rank: $0, seed: seed) }
            }
        }
    }

    /// The runs still to make. A rank that was given up with one seed is not tried with the others.
    package func remaining(after outcomes: [SweepOutcome]) -> [SweepRun] {
        let done = Set(outcomes.map(\.run))
        let dropped = Set(outcomes.filter { $0.value == nil }.map { [$0.run.arm, String($0.run.rank)] })
        return runs.filter { !done.contains($0) && !dropped.contains([$0.arm, String($0.rank)]) }
    }

    /// Whether a running run should stop, by the rule and the runs of its arm that went to their end.
    package func reasonToStop(
        _ run: SweepRun, _ curve: SweepCurve, after outcomes: [SweepOutcome], totalSteps: Int
    ) -> String? {
        let finished = outcomes.filter { $0.run.arm == run.arm && $0.value != nil }.map(\.curve)
        return rule?.reasonToStop(curve, finished: finished, totalSteps: totalSteps, metric: metric)
    }

    /// By rank, rising; nil where no run has a value, or one was given up: the mean of survivors says too much.
    package func summaries(arm: String, _ outcomes: [SweepOutcome]) -> [(rank: Int, summary: Summary?)] {
        ranks.map { rank in
            let runs = outcomes.filter { $0.run.arm == arm && $0.run.rank == rank }
            guard runs.allSatisfy({ $0.value != nil }) else { return (rank, nil) }
            return (rank, Summary(runs.compactMap(\.value).filter(\.isFinite)))
        }
    }

    /// Where more rank stops paying, among the fixed ranks.
    ///
    /// - Parameter tolerance: see `DiminishingReturns`.
    package func diminishingReturns(_ outcomes: [SweepOutcome], tolerance: Double? = nil)
        -> DiminishingReturns?
    {
        let known = summaries(arm: Self.fixedArm, outcomes).compactMap { rank, summary in
            summary.map { (rank: rank, summary: $0) }
        }
        return DiminishingReturns(known, metric: metric, tolerance: tolerance)
    }
}

/// The smallest rank whose mean is within a tolerance of the best mean.
package struct DiminishingReturns: Sendable, Equatable {
    package let rank: Int
    package let mean: Double
    package let bestRank: Int
    package let bestMean: Double
    /// In units of the metric: one standard error of the best mean, unless it was given.
    package let tolerance: Double
    /// As it was given
    private let given: Double?
    /// False when the best rank is the largest one tried: a larger rank may be better still.
    package let isBracketed: Bool
    private let smallest: Int
    private let largest: Int

    /// nil without points, and when no tolerance is given and the best rank has a single run, whose standard
    /// error is not known.
    ///
    /// - Parameter tolerance: in units of the metric; of one without a scale a share of the best mean.
    package init?(_ points: [(rank: Int, summary: Summary)], metric: Metric, tolerance: Double? = nil) {
        let rising = points.sorted { $0.rank < $1.rank }
        guard var best = rising.first, let largest = rising.last else { return nil }
        for point in rising where metric.isBetter(point.summary.mean, than: best.summary.mean) {
            best = point
        }
        let reach = tolerance.map { metric.reach($0, from: best.summary.mean) }
        guard let distance = reach ?? best.summary.standardError else { return nil }
        let chosen = rising.first { abs($0.summary.mean - best.summary.mean) <= distance } ?? best
        rank = chosen.rank
        mean = chosen.summary.mean
        bestRank = best.rank
        bestMean = best.summary.mean
        (self.tolerance, given) = (distance, tolerance)
        isBracketed = best.rank != largest.rank
        smallest = rising[0].rank
        self.largest = largest.rank
    }

    /// A sentence or two that claim no more than the numbers.
    package func sentence(metric: Metric) -> String {
        let value = "\(metric.rawValue) \(Figures.fixed(bestMean, 4))"
        if smallest == largest {
            return "rank \(bestRank) has \(value); no other rank has a result to stand beside it."
        }
        let below =
            smallest > 1
            ? "Try smaller ones." : "AdaLoRA goes below it: adalora train \(SettingName.averageRank) 0.5."
        if bestRank == smallest {
            return
                "rank \(bestRank), the smallest tried, is best with \(value): more rank does not pay here. \(below)"
        }
        let best = "rank \(bestRank) is best with \(value)"
        let distance = given.map(metric.told) ?? Figures.fixed(tolerance, 4)
        let chosen =
            rank == bestRank
            ? "no smaller rank comes within \(distance) of it."
            : "rank \(rank) is the smallest within \(distance) of it "
                + "(\(Figures.fixed(mean, 4)))."
        let end = isBracketed ? "" : " The best is the largest tried: try larger ones."
        return "\(best); \(chosen)" + (rank == smallest ? " That is the smallest tried. \(below)" : end)
    }
}
