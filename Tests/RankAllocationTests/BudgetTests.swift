import RankAllocation
import Testing

/// Budgets by hand: what they come to, spread evenly, and at the start.
@Suite struct BudgetTests {
    @Test(arguments: [
        (Budget.triplets(7), [100, 300], 7, [4, 3]), (.averageRank(2.5), [9, 9], 5, [3, 2]),
        (.parameters(1000), [100, 300], 1000, [3, 2]), (.parameters(99), [100, 300], 99, [0, 0]),
        (.triplets(1), [5, 5, 5], 1, [1, 0, 0]), (.averageRank(0.5), [5, 5, 5], 2, [1, 1, 0]),
    ])
    func totalsAndEvenRanks(budget: Budget, costs: [Int], total: Int, ranks: [Int]) {
        #expect(budget.total(costs: costs) == total)
        #expect(budget.evenRanks(costs: costs) == ranks)
        let spent = zip(ranks, budget.counted(costs)).reduce(0) { $0 + $1.0 * $1.1 }
        #expect(spent <= total)
    }

    /// The average rank of a budget in triplets is per matrix, of one in parameters per triplet of all matrices; of one
    /// that says an average it is that, unrounded.
    @Test func averages() {
        #expect(Budget.triplets(7).averageRank(costs: [100, 300]) == 3.5)
        #expect(Budget.parameters(1000).averageRank(costs: [100, 300]) == 2.5)
        #expect(Budget.averageRank(2.25).averageRank(costs: [1, 1, 1]) == 2.25)
        #expect(Budget.parameters(9).unit == .parameters && Budget.averageRank(9).unit == .triplets)
    }

    @Test(
        arguments: [
            (nil, Budget.triplets(300), 384, 13), (nil, .averageRank(2.5), 384, 8),
            (nil, .averageRank(2.5), 6, 6), (nil, .averageRank(300), 384, 384),
            (.triplets(20), .triplets(300), 384, 20), (.multiple(1.5), .averageRank(2.5), 384, 4),
        ] as [(InitialRank?, Budget, Int, Int)])
    func initialRanks(given: InitialRank?, budget: Budget, largest: Int, rank: Int) {
        let costs = [Int](repeating: 769, count: 36)
        #expect(InitialRank.rank(given, budget: budget, costs: costs, largest: largest) == rank)
    }

    @Test func costs() {
        #expect(TripletCost.parameters(outputs: 3, inputs: 4, hasLambda: true) == 8)
        #expect(TripletCost.parameters(outputs: 3, inputs: 4, hasLambda: false) == 7)
    }

    @Test func onlyScoresThatAreNoNumbersAreADivergence() {
        #expect(AllocationError.scoreIsNaN(site: 0, index: 1).isDivergence)
        #expect(!AllocationError.budgetOutOfRange(budget: 9, total: 3).isDivergence)
    }
}
