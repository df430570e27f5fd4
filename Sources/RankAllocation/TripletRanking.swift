/// One triplet and what it is ranked by.
struct RankedTriplet {
    /// The score, or the score per cost where costs differ.
    let key: Double
    let site: Int
    let index: Int

    /// Falling key, ties by lower site and then lower index: a total order, because NaN never gets here and
    /// no two triplets share site and index.
    static func precedes(_ first: RankedTriplet, _ second: RankedTriplet) -> Bool {
        if first.key != second.key { return first.key > second.key }
        if first.site != second.site { return first.site < second.site }
        return first.index < second.index
    }
}

/// The triplets of all sites in order, with what they cost: shared by allocation and exchange, so that both
/// mean the same by better and worse.
struct TripletRanking {
    /// All triplets, best first.
    let triplets: [RankedTriplet]
    /// The cost of a triplet at each site; 1 where none are given.
    let costs: [Int]
    /// The cost of each site's triplets.
    private let siteCosts: [Int]

    /// The cost of all triplets of each group.
    func totals(_ groups: SiteGroups) -> [Int] { groups.sums(siteCosts) }

    /// Up to this cost, dividing by it in Double keeps every order of Float scores, and every tie.
    static let largestCost = 1 << 27

    init(scores: [[Float]], costs: [Int]?) throws(AllocationError) {
        if let costs { try Self.check(costs, sites: scores.count) }
        let unitCosts = costs ?? [Int](repeating: 1, count: scores.count)
        let areEqual = unitCosts.allSatisfy { $0 == unitCosts.first }
        var triplets: [RankedTriplet] = []
        triplets.reserveCapacity(scores.reduce(0) { $0 + $1.count })
        for (site, siteScores) in scores.enumerated() {
            let divisor = areEqual ? 1 : Double(unitCosts[site])
            for (index, score) in siteScores.enumerated() {
                guard !score.isNaN else { throw .scoreIsNaN(site: site, index: index) }
                triplets.append(RankedTriplet(key: Double(score) / divisor, site: site, index: index))
            }
        }
        triplets.sort(by: RankedTriplet.precedes)
        self.triplets = triplets
        self.costs = unitCosts
        siteCosts = zip(scores, unitCosts).map { $0.count * $1 }
    }

    private static func check(_ costs: [Int], sites: Int) throws(AllocationError) {
        guard costs.count == sites else {
            throw .siteCount(name: "costs", found: costs.count, expected: sites)
        }
        for (site, cost) in costs.enumerated() where cost < 1 || cost > largestCost {
            throw .costOutOfRange(site: site, cost: cost, maximum: largestCost)
        }
    }
}
