import RankAllocation
import Testing

@Suite struct AllocationErrorTests {
    struct BadAllocation: Sendable {
        let scores: [[Float]]
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
    ]

    @Test(arguments: rows)
    func badInputIsRefused(_ row: BadAllocation) {
        let error = #expect(throws: AllocationError.self) {
            try RankAllocator.allocate(scores: row.scores, budget: row.budget, previous: row.previous)
        }
        #expect(error == row.error)
        #expect(error?.description == row.text)
    }
}
