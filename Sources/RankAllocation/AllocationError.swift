/// Why a budget cannot be allocated to the scores given.
public enum AllocationError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The budget is negative or exceeds the number of triplets.
    case budgetOutOfRange(budget: Int, total: Int)
    /// The score of one triplet is NaN, so no order of the triplets is right.
    case scoreIsNaN(site: Int, index: Int)
    /// The previous mask covers another number of sites than the scores do.
    case previousSiteCount(found: Int, expected: Int)
    /// The previous mask of one site covers another number of triplets than its scores do.
    case previousRank(site: Int, found: Int, expected: Int)

    /// One line: where, what is wrong with both values, what to try.
    public var description: String {
        switch self {
        case .budgetOutOfRange(let budget, let total):
            "rank allocation: the budget of \(budget) triplets is outside 0...\(total); "
                + "ask for at most the \(total) triplets that exist"
        case .scoreIsNaN(let site, let index):
            "rank allocation: the score of triplet \(index) at site \(site) is not a number; "
                + "look for an infinite or undefined loss or gradient, and lower the learning rate"
        case .previousSiteCount(let found, let expected):
            "rank allocation: the previous mask covers \(found) sites, the scores cover \(expected); "
                + "resume with the sites the mask was made for"
        case .previousRank(let site, let found, let expected):
            "rank allocation: the previous mask covers \(found) triplets at site \(site), the scores cover "
                + "\(expected); resume with the ranks the mask was made for"
        }
    }
}
