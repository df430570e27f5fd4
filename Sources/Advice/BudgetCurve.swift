import Foundation
import Messages

/// Held-out loss against rank, from one wide training: its update cut to lower ranks, and what a training at rank 1 says of how
/// much of a cut's loss training would win back.
package struct BudgetCurve: Sendable {
    package struct Point: Sendable, Equatable {
        package let rank: Double
        /// Above the loss at the wide rank, as cut
        package let lost: Double
        package let error: Double
    }

    /// Ascending, the wide rank last
    package let points: [Point]
    /// What the wide rank gains over the base, or over its head alone
    package let gain: (difference: Double, error: Double)
    /// What a training at rank 1 loses against the wide one; nil where there was none
    package let narrow: (difference: Double, error: Double)?
    private let found: ProbeFindings

    package init(_ found: ProbeFindings) {
        self.found = found
        points =
            found.cuts.sorted { $0.rank < $1.rank }.map { cut in
                let (lost, error) = cut.loss.above(found.wide)
                return Point(rank: cut.rank, lost: lost, error: error)
            } + [Point(rank: Double(found.plan.wideRank), lost: 0, error: 0)]
        gain = found.gain
        narrow = found.narrow.flatMap { $0.isFinite ? $0.above(found.wide) : nil }
    }

    /// What may be lost: a share of the gain, or what the rows do not tell from nothing.
    package var mayLose: Double {
        max(ProbeVerdict.tolerance * max(gain.difference, 0), narrow?.error ?? points.first?.error ?? 0)
    }

    /// Part of what a cut loses that is left where the rank was trained instead, as probes of six data sets told it: 0.11 to 0.68.
    private static let usualHealing = (mean: 0.4, deviation: 0.2)

    /// How much of what a cut loses is left where the rank was trained instead: as at rank 1, where both were measured. The less
    /// the two trainings tell, the nearer it is to what is usual.
    package var healing: Double { measuredHealing ?? Self.usualHealing.mean }

    private var measuredHealing: Double? {
        guard let first = points.first, first.rank == 1, first.lost > 0, let narrow else { return nil }
        let measured = min(1, max(0, narrow.difference / first.lost))
        // Twice what rows explain, by which trainings of two seeds were seen to differ.
        let deviation = 2 * hypot(narrow.error, measured * first.error) / first.lost
        let usual = Self.usualHealing
        let share = usual.deviation * usual.deviation
        return usual.mean + (measured - usual.mean) * share / (share + deviation * deviation)
    }

    /// Part of the gain that a training at rank 1 may lack and still be called as good: twice what a budget may lose, as few
    /// probes have rows to show less.
    private static let narrowTolerance = 2 * ProbeVerdict.tolerance

    /// Whether the rows show that a training at rank 1 came as far, not only that they show no difference.
    package var isNarrowEnough: Bool {
        narrow.map { $0.difference + 2 * $0.error <= Self.narrowTolerance * max(gain.difference, 0) } ?? false
    }

    /// Where the curve, healed, first stays within what may be lost: between two ranks by the logarithm of the rank.
    package var rankWithinTolerance: Double? {
        guard points.count > 1 else { return nil }
        let lost = points.map { $0.lost * healing }
        let limit = mayLose
        guard let last = points.indices.last(where: { lost[$0] > limit }) else { return points[0].rank }
        guard last + 1 < points.count else { return points[last].rank }
        let share = (lost[last] - limit) / max(lost[last] - lost[last + 1], .leastNonzeroMagnitude)
        let (low, high) = (log(points[last].rank), log(points[last + 1].rank))
        return exp(low + min(share, 1) * (high - low))
    }

    func sentence(_ rank: Double) -> String {
        let losses = points.map { "\(Figures.plain($0.rank)) \(Figures.signed($0.lost, 3))" }.joined(
            separator: ", ")
        return
            "Cut to lower ranks the wide update loses\(found.isByMetric ? " of it" : ""), by rank: \(losses); from rank \(Figures.fixed(rank, 1)) on it is "
            + "within \(Figures.fixed(mayLose, 3))\(healingWords)."
    }

    private var healingWords: String {
        let back = Figures.percent(1 - healing)
        guard measuredHealing != nil else {
            return " (training at a lower rank usually wins \(back) of that back)"
        }
        return healing > 0.95 ? "" : " (training at the lower rank wins about \(back) of that back)"
    }

    func gainSentence(_ facts: AdviceFacts) -> String {
        let start = facts.isLanguageModel ? "the base model" : "the head alone"
        let (alone, wide) = (found.shown(found.alone), found.shown(found.wide))
        let steps = Figures.grouped(found.plan.wideSteps)
        let text =
            "Held-out \(found.measure) \(Figures.fixed(alone, 3)) with \(start), \(Figures.fixed(wide, 3)) after \(steps) steps at rank "
            + "\(found.plan.wideRank) (±\(Figures.fixed(gain.error, 3)))"
        if found.isByMetric {
            return text + ", which the loss does not show."
        }
        return found.showsGain
            ? text + "." : text + ": no gain that \(Figures.grouped(found.plan.heldOutRows)) rows can show."
    }

    package var narrowSentence: String? {
        guard let narrow else { return nil }
        let text =
            "Trained at rank 1 for as long it is \(Figures.signed(narrow.difference, 3)) (±\(Figures.fixed(narrow.error, 3))) away"
        if isNarrowEnough { return text + ": rank 1 does as well." }
        return narrow.difference <= 2 * narrow.error ? text + ", which is not told from nothing." : text + "."
    }
}
