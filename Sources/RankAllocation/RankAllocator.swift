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
        try allocate(scores: scores, costs: costs, budgets: [budget], groups: .whole, previous: previous)
    }

    /// The same where groups of sites have a budget each: what survives of a group is what would if there were no other.
    ///
    ///     // Of the first two sites one triplet survives, of the third two, though all of its scores are lower.
    ///     let apart = try RankAllocator.allocate(
    ///         scores: [[9, 8], [7], [3, 2, 1]], budgets: [1, 2], groups: SiteGroups([0, 0, 1]))
    ///     apart.keep  // [[true, false], [false], [true, true, false]]
    ///
    /// - Parameter budgets: of each group, from 0 to what its triplets cost.
    package static func allocate(
        scores: [[Float]], costs: [Int]? = nil, budgets: [Int], groups: SiteGroups,
        previous: [[Bool]]? = nil
    ) throws(AllocationError) -> Allocation {
        groups.check(sites: scores.count, budgets: budgets.count)
        if let previous { try checkShape(of: previous, against: scores) }
        let ranking = try TripletRanking(scores: scores, costs: costs)
        for (budget, total) in zip(budgets, ranking.totals(groups)) where budget < 0 || budget > total {
            throw .budgetOutOfRange(
                budget: budget, total: total, unit: costs == nil ? .triplets : .parameters)
        }
        var keep = scores.map { [Bool](repeating: false, count: $0.count) }
        var spending = [Int](repeating: 0, count: groups.count)
        var worstKept: Float?
        var bestPruned: Float?
        for triplet in ranking.triplets {
            let cost = ranking.costs[triplet.site]
            let group = groups[triplet.site]
            if cost <= budgets[group] - spending[group] {
                keep[triplet.site][triplet.index] = true
                spending[group] += cost
                worstKept = Float(triplet.key)
            } else if bestPruned == nil {
                bestPruned = Float(triplet.key)
            }
        }
        let (returned, left) = changes(from: previous, to: keep)
        return Allocation(
            keep: keep, budgets: budgets, spending: spending, worstKept: worstKept, bestPruned: bestPruned,
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
