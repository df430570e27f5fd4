import RankAllocation
import Testing

/// Groups of sites with a budget each: a group is allocated, exchanged and scheduled as if there were no other.
@Suite struct SiteGroupTests {
    @Test func documentedExample() throws {
        let allocation = try RankAllocator.allocate(
            scores: [[9, 8], [7], [3, 2, 1]], budgets: [1, 2], groups: SiteGroups([0, 0, 1]))
        #expect(allocation.keep == [[true, false], [false], [true, true, false]])
        #expect(allocation.budgets == [1, 2] && allocation.spending == [1, 2])
        #expect(allocation.budget == 3 && allocation.spent == 3 && allocation.slack == 0)
        // The best that the first group loses is better than the worst that the second keeps.
        #expect(allocation.worstKept == 2 && allocation.bestPruned == 8)
    }

    /// 12 parameters at 6 a triplet for site 0, 5 at 2 for site 1: what is left of one budget is of no use to the other.
    @Test func costsByHand() throws {
        let allocation = try RankAllocator.allocate(
            scores: [[6, 5, 4], [3, 2, 1]], costs: [6, 2], budgets: [13, 5], groups: SiteGroups([0, 1]))
        #expect(allocation.keep == [[true, true, false], [true, true, false]])
        #expect(allocation.spending == [12, 4] && allocation.slack == 2)
    }

    @Test func returnsAndLossesOfAllGroups() throws {
        let allocation = try RankAllocator.allocate(
            scores: [[1, 2], [4, 3]], budgets: [1, 1], groups: SiteGroups([0, 1]),
            previous: [[true, false], [false, true]])
        #expect(allocation.keep == [[false, true], [true, false]])
        #expect(allocation.returned == 2 && allocation.left == 2)
    }

    @Test func aBudgetAboveWhatItsGroupHolds() {
        #expect(throws: AllocationError.budgetOutOfRange(budget: 4, total: 3)) {
            try RankAllocator.allocate(
                scores: [[1, 2, 3], [4, 5, 6]], budgets: [2, 4], groups: SiteGroups([0, 1]))
        }
    }

    /// Site 1 is worth most of group 0, site 3 of group 1. Over all, both would grow at the cost of site 0 alone.
    @Test func exchangeByHand() throws {
        let plan = try TripletExchange.plan(
            scores: [[1, 2], [9, 8], [3, 4], [6, 7]],
            isProtected: [[Bool]](repeating: [false, false], count: 4),
            costs: nil, largestRanks: [4, 4, 4, 4], budgets: [4, 4], limits: [1, 1],
            groups: SiteGroups([0, 0, 1, 1]))
        #expect(plan == ExchangePlan(removed: [[0], [], [0], []], added: [1, 3]))
        let whole = try TripletExchange.plan(
            scores: [[1, 2], [9, 8], [3, 4], [6, 7]],
            isProtected: [[Bool]](repeating: [false, false], count: 4),
            costs: nil, largestRanks: [4, 4, 4, 4], budget: 8, limit: 2)
        #expect(whole == ExchangePlan(removed: [[0, 1], [], [], []], added: [1, 3]))
    }

    @Test(arguments: 0..<200)
    func groupsAreAllocatedAsIfTheyWereAlone(seed: Int) throws {
        var numbers = SeededNumbers(seed: UInt64(seed) + 9000)
        let sites = CostedSites(largestRank: 5, using: &numbers)
        guard sites.scores.count > 1 else { return }
        var membership = sites.scores.map { _ in Int.random(in: 0...1, using: &numbers) }
        (membership[0], membership[1]) = (0, 1)
        let groups = SiteGroups(membership)
        let members = (0..<2).map { group in membership.indices.filter { membership[$0] == group } }
        let totals = groups.sums(zip(sites.scores, sites.costs).map { $0.count * $1 })
        let budgets = totals.map { Int.random(in: 0...$0, using: &numbers) }
        let together = try RankAllocator.allocate(
            scores: sites.floats, costs: sites.costs, budgets: budgets, groups: groups)
        let limits = (0..<2).map { _ in Int.random(in: 0...4, using: &numbers) }
        let exchange = try TripletExchange.plan(
            scores: sites.floats, isProtected: sites.scores.map { $0.map { _ in false } }, costs: sites.costs,
            largestRanks: sites.scores.map { $0.count + 1 }, budgets: totals, limits: limits, groups: groups)
        for group in 0..<2 {
            let own = members[group]
            let alone = try RankAllocator.allocate(
                scores: own.map { sites.floats[$0] }, costs: own.map { sites.costs[$0] },
                budget: budgets[group])
            #expect(own.map { together.keep[$0] } == alone.keep, "\(sites), groups \(membership)")
            #expect(together.spending[group] == alone.spent)
            let plan = try TripletExchange.plan(
                scores: own.map { sites.floats[$0] },
                isProtected: own.map { sites.scores[$0].map { _ in false } },
                costs: own.map { sites.costs[$0] }, largestRanks: own.map { sites.scores[$0].count + 1 },
                budget: totals[group], limit: limits[group])
            #expect(own.map { exchange.removed[$0] } == plan.removed, "\(sites), groups \(membership)")
            #expect(exchange.added.filter { membership[$0] == group } == plan.added.map { own[$0] })
        }
    }

    @Test func schedulesOfGroupsKeepTheirTimes() throws {
        let both = try BudgetSchedule(
            initialBudgets: [432, 100], finalBudgets: [288, 100], totalSteps: 900, warmupSteps: 90,
            finalSteps: 360, interval: 7)
        let first = try BudgetSchedule(
            initialBudget: 432, finalBudget: 288, totalSteps: 900, warmupSteps: 90, finalSteps: 360,
            interval: 7)
        #expect(both.initialBudget == 532 && both.finalBudget == 388)
        for step in 0...901 {
            #expect(both.budgets(at: step) == [first.budget(at: step), 100])
            #expect(both.budget(at: step) == first.budget(at: step) + 100)
            #expect(both.allocates(after: step) == first.allocates(after: step))
        }
        #expect(throws: ScheduleError.finalBudgetAboveInitial(finalBudget: 9, initialBudget: 8)) {
            try BudgetSchedule(
                initialBudgets: [20, 8], finalBudgets: [5, 9], totalSteps: 10, warmupSteps: 1, finalSteps: 1,
                interval: 1)
        }
    }

    @Test func oneGroupIsTheWhole() {
        #expect(SiteGroups([0, 0, 0]) == .whole && SiteGroups.whole[17] == 0)
        #expect(SiteGroups([1, 0]).sums([3, 4]) == [4, 3] && SiteGroups.whole.sums([3, 4]) == [7])
    }
}
