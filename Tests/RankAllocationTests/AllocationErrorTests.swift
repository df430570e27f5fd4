import RankAllocation
import Testing

@Suite struct AllocationErrorTests {
    struct BadAllocation: Sendable {
        let scores: [[Float]]
        var costs: [Int]?
        let budget: Int
        let previous: [[Bool]]?
        let error: AllocationError
        let text: String
    }

    static let rows = [
        BadAllocation(
            scores: [[1, 2], [3]], budget: -1, previous: nil, error: .budgetOutOfRange(budget: -1, total: 3),
            text: "rank allocation: the budget of -1 triplets is outside 0...3; "
                + "ask for at most the 3 triplets that exist"),
        BadAllocation(
            scores: [[1, 2], [3]], budget: 4, previous: nil, error: .budgetOutOfRange(budget: 4, total: 3),
            text: "rank allocation: the budget of 4 triplets is outside 0...3; "
                + "ask for at most the 3 triplets that exist"),
        BadAllocation(
            scores: [[1, 2], [], [3, .nan]], budget: 2, previous: nil, error: .scoreIsNaN(site: 2, index: 1),
            text: "rank allocation: the score of triplet 1 at site 2 is not a number; "
                + "look for an infinite or undefined loss or gradient, and lower the learning rate"),
        BadAllocation(
            scores: [[.nan]], budget: 0, previous: nil, error: .scoreIsNaN(site: 0, index: 0),
            text: "rank allocation: the score of triplet 0 at site 0 is not a number; "
                + "look for an infinite or undefined loss or gradient, and lower the learning rate"),
        BadAllocation(
            scores: [[1, 2], [3]], budget: 2, previous: [[true, true]],
            error: .previousSiteCount(found: 1, expected: 2),
            text: "rank allocation: the previous mask covers 1 sites, the scores cover 2; "
                + "resume with the sites the mask was made for"),
        BadAllocation(
            scores: [[1, 2], [3]], budget: 2, previous: [[true, true], [true, false]],
            error: .previousRank(site: 1, found: 2, expected: 1),
            text: "rank allocation: the previous mask covers 2 triplets at site 1, the scores cover 1; "
                + "resume with the ranks the mask was made for"),
        BadAllocation(
            scores: [[1, 2], [3]], costs: [3, 5], budget: 12, previous: nil,
            error: .budgetOutOfRange(budget: 12, total: 11, unit: .parameters),
            text: "rank allocation: the budget of 12 parameters is outside 0...11; "
                + "ask for at most the 11 parameters that exist"),
        BadAllocation(
            scores: [[1, 2], [3]], costs: [3], budget: 2, previous: nil,
            error: .siteCount(name: "costs", found: 1, expected: 2),
            text: "rank allocation: costs are given for 1 sites, scores for 2; give one entry for each site"),
        BadAllocation(
            scores: [[1, 2], []], costs: [3, 0], budget: 2, previous: nil,
            error: .costOutOfRange(site: 1, cost: 0, maximum: 134_217_728),
            text: "rank allocation: a triplet of site 1 costs 0, outside 1...134217728; "
                + "give its number of parameters"),
        BadAllocation(
            scores: [[1, 2]], costs: [134_217_729], budget: 2, previous: nil,
            error: .costOutOfRange(site: 0, cost: 134_217_729, maximum: 134_217_728),
            text: "rank allocation: a triplet of site 0 costs 134217729, outside 1...134217728; "
                + "give its number of parameters"),
    ]

    @Test(arguments: rows)
    func badInputIsRefused(_ row: BadAllocation) {
        let error = #expect(throws: AllocationError.self) {
            try RankAllocator.allocate(
                scores: row.scores, costs: row.costs, budget: row.budget, previous: row.previous)
        }
        #expect(error == row.error)
        #expect(error?.description == row.text)
    }

    struct BadExchange: Sendable {
        let scores: [[Float]]
        let isProtected: [[Bool]]
        var costs: [Int]?
        let largestRanks: [Int]
        let error: AllocationError
        let text: String
    }

    static let exchanges = [
        BadExchange(
            scores: [[1], [.nan]], isProtected: [[false], [true]], largestRanks: [2, 2],
            error: .scoreIsNaN(site: 1, index: 0),
            text: "rank allocation: the score of triplet 0 at site 1 is not a number; "
                + "look for an infinite or undefined loss or gradient, and lower the learning rate"),
        BadExchange(
            scores: [[1], [2]], isProtected: [[false]], largestRanks: [2, 2],
            error: .siteCount(name: "protections", found: 1, expected: 2),
            text: "rank allocation: protections are given for 1 sites, scores for 2; "
                + "give one entry for each site"),
        BadExchange(
            scores: [[1], [2]], isProtected: [[false], [false]], largestRanks: [2, 2, 2],
            error: .siteCount(name: "largest ranks", found: 3, expected: 2),
            text: "rank allocation: largest ranks are given for 3 sites, scores for 2; "
                + "give one entry for each site"),
        BadExchange(
            scores: [[1], [2, 3]], isProtected: [[false], [false]], largestRanks: [2, 2],
            error: .protectedRank(site: 1, found: 1, expected: 2),
            text: "rank allocation: protections cover 1 triplets at site 1, the scores cover 2; "
                + "give one entry for each triplet"),
        BadExchange(
            scores: [[1], [2]], isProtected: [[false], [false]], costs: [1, -4], largestRanks: [2, 2],
            error: .costOutOfRange(site: 1, cost: -4, maximum: 134_217_728),
            text: "rank allocation: a triplet of site 1 costs -4, outside 1...134217728; "
                + "give its number of parameters"),
    ]

    /// Also with a limit of 0: an empty plan must not hide bad input.
    @Test(arguments: exchanges, [0, 1])
    func badExchangeIsRefused(_ row: BadExchange, limit: Int) {
        let error = #expect(throws: AllocationError.self) {
            try TripletExchange.plan(
                scores: row.scores, isProtected: row.isProtected, costs: row.costs,
                largestRanks: row.largestRanks, budget: 2, limit: limit)
        }
        #expect(error == row.error)
        #expect(error?.description == row.text)
    }
}
