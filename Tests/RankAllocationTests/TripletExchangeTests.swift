import RankAllocation
import Testing

@Suite struct TripletExchangeTests {
    /// `plan` with nothing protected, room everywhere and the budget fully spent, unless told otherwise.
    private func plan(
        _ scores: [[Float]], isProtected: [[Bool]]? = nil, costs: [Int]? = nil, largestRanks: [Int]? = nil,
        budget: Int? = nil, limit: Int
    ) throws -> ExchangePlan {
        let spent = zip(scores, costs ?? scores.map { _ in 1 }).reduce(0) { $0 + $1.0.count * $1.1 }
        return try TripletExchange.plan(
            scores: scores, isProtected: isProtected ?? scores.map { $0.map { _ in false } }, costs: costs,
            largestRanks: largestRanks ?? scores.map { _ in 100 }, budget: budget ?? spent, limit: limit)
    }

    @Test func documentedExample() throws {
        let plan = try plan([[4, 1], [6, 5]], limit: 1)
        #expect(plan == ExchangePlan(removed: [[1], []], added: [1]))
        #expect(!plan.isEmpty)
    }

    /// Worst triplets: 5 (site 0), 3 (1), 1 (2), 7 (3). Receivers 3, 0, 1; victims 1, 2, then 3, which is not
    /// below site 1's worst. Site 2 loses both of its triplets.
    @Test func severalExchangesByHand() throws {
        let scores: [[Float]] = [[9, 5], [3], [2, 1], [7, 8, 7]]
        #expect(try plan(scores, limit: 1) == ExchangePlan(removed: [[], [], [1], []], added: [3]))
        let two = ExchangePlan(removed: [[], [], [0, 1], []], added: [0, 3])
        #expect(try plan(scores, limit: 2) == two)
        #expect(try plan(scores, limit: 9) == two)
        #expect(try plan(scores, limit: 0) == ExchangePlan(removed: [[], [], [], []], added: []))
    }

    /// Receivers tie at 4: the lower site grows. Victims tie at 1: the higher site, then the higher index
    /// goes.
    @Test func tiesByHand() throws {
        let scores: [[Float]] = [[1, 5], [4], [4], [1, 1]]
        #expect(try plan(scores, limit: 1) == ExchangePlan(removed: [[], [], [], [1]], added: [1]))
        #expect(try plan(scores, limit: 2) == ExchangePlan(removed: [[], [], [], [0, 1]], added: [1, 2]))
    }

    @Test func equalScoresExchangeNothing() throws {
        let plan = try plan([[2, 2], [2], []], limit: 5)
        #expect(plan == ExchangePlan(removed: [[], [], []], added: []))
        #expect(plan.isEmpty)
    }

    /// Site 0 has the best worst triplet, but one of its triplets is on trial; the worst triplet of all (1)
    /// is protected too. So site 2 grows, at the cost of 2.
    @Test func protectedTripletsStayAndTheirSitesDoNotGrow() throws {
        let plan = try plan(
            [[9, 9], [2, 1], [5]], isProtected: [[false, true], [false, true], [false]], limit: 3)
        #expect(plan == ExchangePlan(removed: [[], [0], []], added: [2]))
    }

    /// Site 0 is full, site 1 has no triplet to be judged by: site 2 grows.
    @Test func fullAndEmptySitesDoNotGrow() throws {
        let plan = try plan([[9, 9], [], [5], [1]], largestRanks: [2, 4, 2, 4], limit: 3)
        #expect(plan == ExchangePlan(removed: [[], [], [], [0]], added: [2]))
    }

    /// Two triplets fewer than the budget allows: two sites grow for free, the third one takes a victim.
    @Test func whatIsLeftOfTheBudgetIsSpentFirst() throws {
        let scores: [[Float]] = [[9], [8], [7], [1]]
        #expect(
            try plan(scores, budget: 6, limit: 2) == ExchangePlan(removed: [[], [], [], []], added: [0, 1]))
        #expect(
            try plan(scores, budget: 6, limit: 3)
                == ExchangePlan(removed: [[], [], [], [0]], added: [0, 1, 2]))
    }

    /// One triplet too many: two must go before site 0 grows by one.
    @Test func overspentBudgetIsReachedFirst() throws {
        #expect(
            try plan([[9], [3, 1], [2]], budget: 3, limit: 1)
                == ExchangePlan(removed: [[], [1], [0]], added: [0]))
    }

    /// Per parameter: site 0 has 8/4 = 2, site 1 has 6/2 = 3, site 2 (cost 3) has 3/3, 1.5/3 = 1, 0.5.
    /// Site 1 needs 2: the victim of 0.5 frees 3, which leaves 1. Site 0 needs 4: with that 1, the victim of
    /// 1 frees enough.
    @Test func costsByHand() throws {
        let scores: [[Float]] = [[8], [6], [3, 1.5]]
        #expect(
            try plan(scores, costs: [4, 2, 3], limit: 1) == ExchangePlan(removed: [[], [], [1]], added: [1]))
        #expect(
            try plan(scores, costs: [4, 2, 3], limit: 2)
                == ExchangePlan(removed: [[], [], [0, 1]], added: [0, 1]))
    }

    /// Site 0 needs 5, and the triplets below it give 2: they stay, and the plan ends although site 1, which
    /// costs 1, could be served.
    @Test func receiverThatCannotBeServedCostsNothing() throws {
        let plan = try plan([[100], [3], [1, 1]], costs: [5, 1, 1], limit: 2)
        #expect(plan.isEmpty)
    }

    /// Per parameter: site 0 has 10, site 1 has 3 and 1, site 2 has 2. Site 0 needs 4: the victims of 1 (cost
    /// 1) and 2 (cost 5) go, and 2 are left. Site 2 is full. Site 1 would fit into the 2, but it has just
    /// lost a triplet.
    @Test func sitesThatLoseDoNotGrow() throws {
        let plan = try plan([[40], [3, 1], [10]], costs: [4, 1, 5], largestRanks: [9, 9, 1], limit: 5)
        #expect(plan == ExchangePlan(removed: [[], [1], [0]], added: [0]))
    }

    @Test func negativeLimitTraps() async {
        await #expect(processExitsWith: .failure) {
            _ = try TripletExchange.plan(
                scores: [[1]], isProtected: [[false]], costs: nil, largestRanks: [1], budget: 1, limit: -1)
        }
    }
}
