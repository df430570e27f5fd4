/// Chooses which triplets survive: the operator T of eq. 6, over all adapted matrices at once.
public enum RankAllocator {
    /// Keeps exactly the `budget` triplets of highest score.
    ///
    /// Triplets are sorted by falling score, ties by lower site and then lower index, and the first `budget`
    /// of them survive. A threshold would prune or keep too many wherever scores are equal, and has no value
    /// at all when the budget is 0 or everything.
    ///
    ///     let allocation = try RankAllocator.allocate(scores: [[3, 1], [2, 2]], budget: 2)
    ///     allocation.keep  // [[true, false], [true, false]]
    ///
    /// - Parameters:
    ///   - scores: for each site the scores of its triplets; a site may have none. Infinity is the largest
    ///     score.
    ///   - budget: how many triplets survive, from 0 to the number of scores.
    ///   - previous: the mask in force so far, shaped like `scores`; nil means that all triplets are kept so
    ///     far.
    /// - Throws: `AllocationError` if the budget is out of range, a score is NaN or `previous` has another
    ///   shape.
    public static func allocate(
        scores: [[Float]], budget: Int, previous: [[Bool]]? = nil
    ) throws(AllocationError) -> Allocation {
        let total = scores.reduce(0) { $0 + $1.count }
        guard budget >= 0 && budget <= total else { throw .budgetOutOfRange(budget: budget, total: total) }
        if let previous { try checkShape(of: previous, against: scores) }

        let ranking = try ranked(scores, total: total)
        var keep = scores.map { [Bool](repeating: false, count: $0.count) }
        for candidate in ranking.prefix(budget) {
            keep[candidate.site][candidate.index] = true
        }
        let (returned, left) = changes(from: previous, to: keep)
        return Allocation(
            keep: keep, budget: budget,
            worstKept: budget > 0 ? ranking[budget - 1].score : nil,
            bestPruned: budget < total ? ranking[budget].score : nil,
            returned: returned, left: left)
    }

    private struct Candidate {
        let score: Float
        let site: Int
        let index: Int

        /// A total order, because NaN never gets here and no two candidates share site and index.
        static func precedes(_ first: Candidate, _ second: Candidate) -> Bool {
            if first.score != second.score { return first.score > second.score }
            if first.site != second.site { return first.site < second.site }
            return first.index < second.index
        }
    }

    /// All triplets, best first.
    private static func ranked(_ scores: [[Float]], total: Int) throws(AllocationError) -> [Candidate] {
        var candidates: [Candidate] = []
        candidates.reserveCapacity(total)
        for (site, siteScores) in scores.enumerated() {
            for (index, score) in siteScores.enumerated() {
                guard !score.isNaN else { throw .scoreIsNaN(site: site, index: index) }
                candidates.append(Candidate(score: score, site: site, index: index))
            }
        }
        candidates.sort(by: Candidate.precedes)
        return candidates
    }

    private static func checkShape(of previous: [[Bool]], against scores: [[Float]]) throws(AllocationError) {
        guard previous.count == scores.count else {
            throw .previousSiteCount(found: previous.count, expected: scores.count)
        }
        for (site, (mask, siteScores)) in zip(previous, scores).enumerated()
        where mask.count != siteScores.count {
            throw .previousRank(site: site, found: mask.count, expected: siteScores.count)
        }
    }

    private static func changes(from previous: [[Bool]]?, to keep: [[Bool]]) -> (returned: Int, left: Int) {
        var returned = 0
        var left = 0
        for (site, mask) in keep.enumerated() {
            for (index, isKept) in mask.enumerated() {
                let wasKept = previous?[site][index] ?? true
                if isKept && !wasKept { returned += 1 }
                if !isKept && wasKept { left += 1 }
            }
        }
        return (returned, left)
    }
}
