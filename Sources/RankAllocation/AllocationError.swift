/// Why triplets cannot be ranked, or a budget not be allocated to the scores given.
package enum AllocationError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The budget is negative or exceeds what all triplets cost, in its unit.
    case budgetOutOfRange(budget: Int, total: Int, unit: BudgetUnit = .triplets)
    /// The score of one triplet is NaN, so no order of the triplets is right.
    case scoreIsNaN(site: Int, index: Int)
    /// The previous mask covers another number of sites than the scores do.
    case previousSiteCount(found: Int, expected: Int)
    /// The previous mask of one site covers another number of triplets than its scores do.
    case previousRank(site: Int, found: Int, expected: Int)
    /// Costs, protections or largest ranks (`name`) are given for another number of sites than the scores.
    case siteCount(name: String, found: Int, expected: Int)
    /// Protection of one site covers another number of triplets than its scores do.
    case protectedRank(site: Int, found: Int, expected: Int)
    /// A triplet costs less than 1, or more than ranking by score per cost can tell apart.
    case costOutOfRange(site: Int, cost: Int, maximum: Int)

    /// Whether training went wrong, rather than what was asked for.
    package var isDivergence: Bool { if case .scoreIsNaN = self { true } else { false } }

    /// One line: where, what is wrong with both values, what to try.
    package var description: String {
        switch self {
        case .budgetOutOfRange(let budget, let total, let unit):
            "rank allocation: the budget of \(budget) \(unit.rawValue) is outside 0...\(total); "
                + "ask for at most the \(total) \(unit.rawValue) that exist"
        case .scoreIsNaN(let site, let index):
            "rank allocation: the score of triplet \(index) at site \(site) is not a number; "
                + "look for an infinite or undefined loss or gradient, and lower the learning rate"
        case .previousSiteCount(let found, let expected):
            "rank allocation: the previous mask covers \(found) sites, the scores cover \(expected); "
                + "resume with the sites the mask was made for"
        case .previousRank(let site, let found, let expected):
            "rank allocation: the previous mask covers \(found) triplets at site \(site), the scores cover "
                + "\(expected); resume with the ranks the mask was made for"
        case .siteCount(let name, let found, let expected):
            "rank allocation: \(name) are given for \(found) sites, scores for \(expected); "
                + "give one entry for each site"
        case .protectedRank(let site, let found, let expected):
            "rank allocation: protections cover \(found) triplets at site \(site), the scores cover "
                + "\(expected); give one entry for each triplet"
        case .costOutOfRange(let site, let cost, let maximum):
            "rank allocation: a triplet of site \(site) costs \(cost), outside 1...\(maximum); "
                + "give its number of parameters"
        }
    }
}
