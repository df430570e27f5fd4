import Tasks

/// Where an arm stands beside the fixed ranks at the same budgets.
package struct SweepStanding: Sendable, Equatable {
    package let arm: String
    /// Ranks whose budget the arm uses better, as well, or worse than the fixed rank.
    package let better: [Int]
    package let level: [Int]
    package let worse: [Int]
    /// The smallest rank whose budget brings the arm as far as the best fixed rank.
    package let reachesBestAt: Int?
    /// The best fixed rank.
    package let bestRank: Int

    /// - Parameter tolerance: differences up to it count as none, of a metric without a scale those up to that share of the
    ///   fixed rank's value; nil takes two standard errors of each difference.
    /// - Returns: nil where no budget has both, or no tolerance can be known because a budget has one run of each.
    package init?(
        arm: String, fixed: [(rank: Int, summary: Summary?)], others: [(rank: Int, summary: Summary?)],
        metric: Metric, tolerance: Double?
    ) {
        var known: [(rank: Int, fixed: Summary, other: Summary)] = []
        for (base, other) in zip(fixed, others) {
            if let a = base.summary, let b = other.summary { known.append((base.rank, a, b)) }
        }
        let means = fixed.compactMap { point in point.summary.map { (rank: point.rank, summary: $0) } }
        guard !known.isEmpty,
            let best = means.min(by: { metric.isBetter($0.summary.mean, than: $1.summary.mean) })
        else { return nil }
        func margin(_ fixed: Summary, _ other: Summary) -> Double? {
            if let tolerance { return metric.reach(tolerance, from: fixed.mean) }
            guard let first = fixed.standardError, let second = other.standardError else { return nil }
            return 2 * (first * first + second * second).squareRoot()
        }
        var (better, level, worse): ([Int], [Int], [Int]) = ([], [], [])
        var reaches: Int?
        for (rank, base, other) in known {
            // One run of each has no standard error.
            guard let own = margin(base, other), let toBest = margin(best.summary, other) else { continue }
            let difference = other.mean - base.mean
            if abs(difference) <= own {
                level.append(rank)
            } else if metric.isBetter(other.mean, than: base.mean) {
                better.append(rank)
            } else {
                worse.append(rank)
            }
            let isAsFar =
                abs(other.mean - best.summary.mean) <= toBest
                || metric.isBetter(other.mean, than: best.summary.mean)
            if reaches == nil, isAsFar { reaches = rank }
        }
        guard !(better + level + worse).isEmpty else { return nil }
        self.arm = arm
        (self.better, self.level, self.worse) = (better, level, worse)
        reachesBestAt = reaches
        bestRank = best.rank
    }

    /// One or two sentences that claim no more than the numbers.
    package var sentence: String {
        let parts = [("better", better), ("level", level), ("worse", worse)].compactMap { word, ranks in
            ranks.isEmpty ? nil : "\(word) at rank \(ranks.map { String($0) }.joined(separator: ", "))"
        }
        let reach =
            reachesBestAt.map {
                "With the parameters of rank \($0) it comes as far as the best, rank \(bestRank)."
            }
            ?? "At none of the budgets does it come as far as the best, rank \(bestRank)."
        return "\(arm) beside the fixed rank of equal parameters: \(parts.joined(separator: "; ")). \(reach)"
    }
}

extension SweepPlanner {
    /// Where an arm stands, see `SweepStanding`.
    package func standing(of arm: String, _ outcomes: [SweepOutcome], tolerance: Double?) -> SweepStanding? {
        SweepStanding(
            arm: arm, fixed: summaries(arm: Self.fixedArm, outcomes), others: summaries(arm: arm, outcomes),
            metric: metric, tolerance: tolerance)
    }
}
