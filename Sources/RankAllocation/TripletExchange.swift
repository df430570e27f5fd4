/// Triplets to remove and to add so that the budget stays what it is and rank moves to where it is missed.
package struct ExchangePlan: Sendable, Equatable {
    /// For each site the indices of the triplets that go, ascending.
    package let removed: [[Int]]
    /// The sites that get one new triplet each, ascending.
    package let added: [Int]

    package init(removed: [[Int]], added: [Int]) {
        self.removed = removed
        self.added = added
    }

    /// Whether nothing is exchanged.
    package var isEmpty: Bool { added.isEmpty && removed.allSatisfy(\.isEmpty) }
}

/// Plans growth as well as pruning under a constant budget: the worst triplets of all make room for new ones
/// at sites where even the worst is good.
///
/// Pruning alone can only take from what a site began with. A site whose worst triplet still ranks high has
/// probably too few of them, and cannot show it.
package enum TripletExchange {
    /// Chooses which triplets go and which sites grow.
    ///
    /// Triplets are ranked as by `RankAllocator`: by score, or score per cost where costs differ.
    /// - Receivers are sites in the order of their worst triplet, highest first, ties by lower site. A site
    ///   without triplets, with a protected triplet, at its largest rank or one that loses triplets in this
    ///   plan receives none. Each receives at most one.
    /// - Victims are the worst unprotected triplets of all sites that do not receive, lowest first, ties by
    ///   higher site and then higher index. A victim ranks strictly below the worst triplet of the receiver
    ///   it makes room for. A site may lose all its triplets.
    /// - What is left of the budget is spent first. With costs, victims go until the new triplet fits. The
    ///   plan ends at the first receiver that cannot be served, which then costs no victim.
    ///
    /// After a plan that is not empty, the triplets cost at most `budget`; without costs and with the budget
    /// fully spent, exactly as much as before.
    ///
    ///     // Site 1 has the best worst triplet (5), and site 0 the worst of all (1).
    ///     try TripletExchange.plan(
    ///         scores: [[4, 1], [6, 5]], isProtected: [[false, false], [false, false]], costs: nil,
    ///         largestRanks: [4, 4], budget: 4, limit: 1)
    ///     // removed [[1], []], added [1]
    ///
    /// - Parameters:
    ///   - scores: for each site the scores of its triplets; a site may have none.
    ///   - isProtected: shaped like `scores`: triplets that may not go yet, e.g. new ones on trial.
    ///   - costs: for each site the parameters of one of its triplets, from 1 to 2²⁷; nil means that each
    ///     triplet counts 1.
    ///   - largestRanks: for each site how many triplets it may have.
    ///   - budget: what all triplets may cost, at least 0: triplets or, with costs, parameters. If it is
    ///     below what they cost now, victims must bring the cost down to it before a site grows.
    ///   - limit: how many sites may grow, at least 0.
    /// - Throws: `AllocationError` if a score is NaN, a cost is out of range or an argument has another shape
    ///   than `scores`.
    package static func plan(
        scores: [[Float]], isProtected: [[Bool]], costs: [Int]?, largestRanks: [Int], budget: Int, limit: Int
    ) throws(AllocationError) -> ExchangePlan {
        try plan(
            scores: scores, isProtected: isProtected, costs: costs, largestRanks: largestRanks,
            budgets: [budget], limits: [limit], groups: .whole)
    }

    /// The same where groups of sites have a budget each: triplets go and come within a group, as if there were no other.
    ///
    /// - Parameters:
    ///   - budgets: of each group, at least 0
    ///   - limits: how many sites of each group may grow, at least 0.
    package static func plan(
        scores: [[Float]], isProtected: [[Bool]], costs: [Int]?, largestRanks: [Int], budgets: [Int],
        limits: [Int], groups: SiteGroups
    ) throws(AllocationError) -> ExchangePlan {
        precondition(
            budgets.allSatisfy { $0 >= 0 } && limits.allSatisfy { $0 >= 0 } && limits.count == budgets.count,
            "an exchange needs a budget and a limit of at least 0, got budget \(budgets), limit \(limits)")
        groups.check(sites: scores.count, budgets: budgets.count)
        try checkShapes(scores: scores, isProtected: isProtected, largestRanks: largestRanks)
        let ranking = try TripletRanking(scores: scores, costs: costs)
        let receivers = worstTriplets(of: ranking, siteCount: scores.count).filter {
            scores[$0.site].count < largestRanks[$0.site] && !isProtected[$0.site].contains(true)
        }
        let totals = ranking.totals(groups)
        var removed = scores.map { _ in [Int]() }
        var added: [Int] = []
        for group in 0..<groups.count {
            var exchange = Exchange(
                ranking: ranking, isProtected: isProtected, spare: budgets[group] - totals[group]
            ) { groups[$0] == group }
            for receiver in receivers
            where groups[receiver.site] == group && exchange.removed[receiver.site].isEmpty {
                guard exchange.added.count < limits[group], exchange.serve(receiver) else { break }
            }
            for site in removed.indices { removed[site] += exchange.removed[site].sorted() }
            added += exchange.added
        }
        return ExchangePlan(removed: removed, added: added.sorted())
    }

    /// The worst triplet of each site that has one, best first, ties by lower site.
    private static func worstTriplets(of ranking: TripletRanking, siteCount: Int) -> [RankedTriplet] {
        var worst = [RankedTriplet?](repeating: nil, count: siteCount)
        for triplet in ranking.triplets { worst[triplet.site] = triplet }
        return worst.compactMap { $0 }.sorted(by: RankedTriplet.precedes)
    }

    private static func checkShapes(
        scores: [[Float]], isProtected: [[Bool]], largestRanks: [Int]
    ) throws(AllocationError) {
        guard isProtected.count == scores.count else {
            throw .siteCount(name: "protections", found: isProtected.count, expected: scores.count)
        }
        guard largestRanks.count == scores.count else {
            throw .siteCount(name: "largest ranks", found: largestRanks.count, expected: scores.count)
        }
        for (site, (own, siteScores)) in zip(isProtected, scores).enumerated()
        where own.count != siteScores.count {
            throw .protectedRank(site: site, found: own.count, expected: siteScores.count)
        }
    }
}

/// A plan in the making.
private struct Exchange {
    let costs: [Int]
    /// Triplets that may go, worst first.
    let candidates: [RankedTriplet]
    /// How many candidates have been removed, always the first ones.
    var removedCount = 0
    /// What is left of the budget; negative if it is overspent.
    var spare: Int
    var removed: [[Int]]
    var added: [Int] = []

    /// - Parameter isOwn: whether a site takes part
    init(ranking: TripletRanking, isProtected: [[Bool]], spare: Int, isOwn: (Int) -> Bool) {
        costs = ranking.costs
        candidates = ranking.triplets.reversed().filter {
            !isProtected[$0.site][$0.index] && isOwn($0.site)
        }
        self.spare = spare
        removed = isProtected.map { _ in [] }
    }

    /// Adds a triplet at the receiver's site and removes what must go for it; changes nothing and returns
    /// false if that is not enough.
    ///
    /// Receivers come by falling key, so what ranks strictly below this one ranks below every triplet of this
    /// and all earlier receivers: no victim is ever taken from a site that receives.
    mutating func serve(_ receiver: RankedTriplet) -> Bool {
        let cost = costs[receiver.site]
        var room = spare
        var end = removedCount
        while room < cost {
            guard end < candidates.count, candidates[end].key < receiver.key else { return false }
            room += costs[candidates[end].site]
            end += 1
        }
        for victim in candidates[removedCount..<end] { removed[victim.site].append(victim.index) }
        removedCount = end
        added.append(receiver.site)
        spare = room - cost
        return true
    }
}
