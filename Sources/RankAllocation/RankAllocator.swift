/// Chooses which triplets survive: the operator T of eq. 6, over all adapted matrices at once.
package enum RankAllocator {
    /// Keeps the triplets of highest score that the budget pays for: exactly `budget` triplets, unless they
    /// have costs.
    ///
    /// Triplets are sorted by falling score, ties by lower site and then lower index, and the first `budget`
    /// of them survive. A threshold would prune or keep too many wherever scores are equal, and has no value
    /// at all when the budget is 0 or everything.
    ///
    ///     let allocation = try RankAllocator.allocate(scores: [[3, 1], [2, 2]], budget: 2)
    ///     allocation.keep  // [[true, false], [true, false]]
    ///
    /// With costs, the parameters `O + I + 1` of a triplet, the budget is in parameters. Where costs differ
    /// between sites, triplets are sorted by score per cost. They are taken greedily in that order: one that
    /// does not fit into what is left is skipped, and cheaper ones after it are still taken. The budget is
    /// never exceeded, and what is left of it is less than any pruned triplet costs.
    ///
    ///     // 6/6, 4/2 and 1/2 per parameter: 4/2 is taken, 6/6 does not fit into 3, 1/2 does.
    ///     let thrifty = try RankAllocator.allocate(scores: [[6], [4, 1]], costs: [6, 2], budget: 5)
    ///     thrifty.keep  // [[false], [true, true]]
    ///
    /// - Parameters:
    ///   - scores: for each site the scores of its triplets; a site may have none. Infinity is the largest
    ///     score.
    ///   - costs: for each site the parameters of one of its triplets, from 1 to 2²⁷; nil means that each
    ///     triplet counts 1.
    ///   - budget: how many triplets survive or, with costs, how many parameters those may have: from 0 to
    ///     what all triplets cost, which keeps everything.
    ///   - previous: the mask in force so far, shaped like `scores`; nil means that all triplets are kept so
    ///     far.
    /// - Throws: `AllocationError` if the budget or a cost is out of range, a score is NaN, or `costs` or
    ///   `previous` has another shape.
    package static func allocate(
        scores: [[Float]], costs: [Int]? = nil, budget: Int, previous: [[Bool]]? = nil
    ) throws(AllocationError) -> Allocation {
        if let previous { try checkShape(of: previous, against: scores) }
        let ranking = try TripletRanking(scores: scores, costs: costs)
        guard budget >= 0 && budget <= ranking.total else {
            throw .budgetOutOfRange(
                budget: budget, total: ranking.total, unit: costs == nil ? .triplets : .parameters)
        }
        var keep = scores.map { [Bool](repeating: false, count: $0.count) }
        var spent = 0
        var worstKept: Float?
        var bestPruned: Float?
        for triplet in ranking.triplets {
            let cost = ranking.costs[triplet.site]
            if cost <= budget - spent {
                keep[triplet.site][triplet.index] = true
                spent += cost
                worstKept = Float(triplet.key)
            } else if bestPruned == nil {
                bestPruned = Float(triplet.key)
            }
        }
        let (returned, left) = changes(from: previous, to: keep)
        return Allocation(
            keep: keep, budget: budget, spent: spent, worstKept: worstKept, bestPruned: bestPruned,
            returned: returned, left: left)
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
