import RankAllocation
import Testing

@Suite struct RankAllocatorCostTests {
    /// Site 0 costs 3: 9/3 = 3 and 3/3 = 1. Site 1 costs 2: 5/2 = 2.5 and 1/2 = 0.5. Of 7, 9 takes 3 and 5
    /// takes 2; 3 would take 3 of the last 2, and 1 takes them.
    @Test func greedyByHand() throws {
        let allocation = try RankAllocator.allocate(scores: [[9, 3], [5, 1]], costs: [3, 2], budget: 7)
        #expect(allocation.keep == [[true, false], [true, true]])
        #expect(allocation.budget == 7)
        #expect(allocation.spent == 7)
        #expect(allocation.slack == 0)
        #expect(allocation.count == 3)
        #expect(allocation.worstKept == 0.5)
        #expect(allocation.bestPruned == 1)
    }

    @Test func documentedExample() throws {
        let thrifty = try RankAllocator.allocate(scores: [[6], [4, 1]], costs: [6, 2], budget: 5)
        #expect(thrifty.keep == [[false], [true, true]])
        #expect(thrifty.slack == 1)
    }

    /// 3 per triplet: 8 pays for two, and the ranking reported is the score, not a third of it.
    @Test func equalCostsRankByScore() throws {
        let allocation = try RankAllocator.allocate(
            scores: [[0.5, 0.1], [], [0.7, 0.3]], costs: [3, 3, 3], budget: 8)
        #expect(allocation.keep == [[true, false], [], [true, false]])
        #expect(allocation.spent == 6)
        #expect(allocation.slack == 2)
        #expect(allocation.worstKept == 0.5)
        #expect(allocation.bestPruned == 0.3)
    }

    /// 2/6 = 1/3, though neither is a binary fraction: the lower site goes first if the budget pays for it.
    @Test func tiesPerCostGoToTheLowerSite() throws {
        let scores: [[Float]] = [[2], [1, 1]]
        func keep(_ budget: Int) throws -> [[Bool]] {
            try RankAllocator.allocate(scores: scores, costs: [6, 3], budget: budget).keep
        }
        #expect(try keep(5) == [[false], [true, false]])
        #expect(try keep(6) == [[true], [false, false]])
        #expect(try keep(9) == [[true], [true, false]])
        #expect(try keep(12) == [[true], [true, true]])
        #expect(try keep(0) == [[false], [false, false]])
    }

    @Test func withoutCostsTheBudgetIsSpentExactly() throws {
        let allocation = try RankAllocator.allocate(scores: [[3, 1], [2, 2]], budget: 3)
        #expect(allocation.spent == 3)
        #expect(allocation.slack == 0)
        #expect(allocation.count == 3)
    }

    @Test(arguments: 0..<30)
    func costsOfOneChangeNothing(seed: Int) throws {
        var numbers = SeededNumbers(seed: UInt64(seed) + 900)
        let scores = (0..<Int.random(in: 1...6, using: &numbers)).map { _ in
            numbers.floats(Int.random(in: 0...8, using: &numbers), scale: 1e-20)
        }
        let previous = scores.map { $0.map { _ in Bool.random(using: &numbers) } }
        for budget in 0...scores.joined().count {
            let plain = try RankAllocator.allocate(scores: scores, budget: budget, previous: previous)
            let ones = try RankAllocator.allocate(
                scores: scores, costs: scores.map { _ in 1 }, budget: budget, previous: previous)
            #expect(ones == plain)
        }
    }

    /// Greedy with skipping keeps, of all sets that the budget pays for, the one that comes first when sets
    /// are compared triplet by triplet in ranking order. Here all sets are tried.
    @Test(arguments: 0..<60)
    func greedyIsTheFirstOfAllAffordableSets(seed: Int) throws {
        var numbers = SeededNumbers(seed: UInt64(seed) + 100)
        let sites = CostedSites(largestRank: 2, using: &numbers)
        let ranking = sites.positions.sorted(by: sites.precedes)
        for budget in 0...sites.total {
            var best = 0
            for set in 0..<(1 << ranking.count) {
                // The best triplet is the highest bit, so that the first set is the largest number.
                let members = ranking.indices.filter { set >> (ranking.count - 1 - $0) & 1 == 1 }
                let cost = members.reduce(0) { $0 + sites.costs[ranking[$1].site] }
                if cost <= budget { best = max(best, set) }
            }
            let allocation = try RankAllocator.allocate(
                scores: sites.floats, costs: sites.costs, budget: budget)
            let kept = ranking.map { allocation.keep[$0.site][$0.index] }
            let expected = ranking.indices.map { best >> (ranking.count - 1 - $0) & 1 == 1 }
            #expect(kept == expected, "\(sites), budget \(budget)")
        }
    }

    @Test(arguments: 0..<60)
    func everyBudgetIsKeptAndNearlySpent(seed: Int) throws {
        var numbers = SeededNumbers(seed: UInt64(seed) + 200)
        let sites = CostedSites(largestRank: 9, using: &numbers)
        for budget in 0...sites.total {
            let allocation = try RankAllocator.allocate(
                scores: sites.floats, costs: sites.costs, budget: budget)
            let kept = sites.positions.filter { allocation.keep[$0.site][$0.index] }
            let pruned = sites.positions.filter { !allocation.keep[$0.site][$0.index] }
            #expect(allocation.spent == kept.reduce(0) { $0 + sites.costs[$1.site] })
            #expect(allocation.spent + allocation.slack == budget)
            #expect(allocation.slack >= 0)
            #expect(allocation.slack < pruned.map { sites.costs[$0.site] }.min() ?? Int.max)
            #expect(allocation.count == kept.count)
            #expect(allocation.budget == budget)
            if Set(sites.costs).count == 1 {
                #expect((allocation.worstKept ?? .infinity) >= (allocation.bestPruned ?? 0))
            }
        }
        let everything = try RankAllocator.allocate(
            scores: sites.floats, costs: sites.costs, budget: sites.total)
        #expect(everything.slack == 0)
        #expect(everything.bestPruned == nil)
    }

    /// The survivors alone, with what they cost as the budget, all survive; and the same budget over again
    /// changes nothing.
    @Test(arguments: 0..<40)
    func pruningIsIdempotent(seed: Int) throws {
        var numbers = SeededNumbers(seed: UInt64(seed) + 300)
        let sites = CostedSites(largestRank: 9, using: &numbers)
        for budget in 0...sites.total {
            let first = try RankAllocator.allocate(
                scores: sites.floats, costs: sites.costs, budget: budget)
            let again = try RankAllocator.allocate(
                scores: sites.floats, costs: sites.costs, budget: budget, previous: first.keep)
            #expect(again.keep == first.keep)
            #expect(again.returned == 0 && again.left == 0)
            let survivors = sites.floats.indices.map { site in
                first.keptIndices(at: site).map { sites.floats[site][$0] }
            }
            let compacted = try RankAllocator.allocate(
                scores: survivors, costs: sites.costs, budget: first.spent)
            #expect(compacted.ranks == first.ranks)
            #expect(compacted.slack == 0)
        }
    }

    /// Where no two triplets tie, the mask moves with the triplets when sites and the triplets of each site
    /// are reordered.
    @Test(arguments: 0..<40)
    func masksFollowReorderedTriplets(seed: Int) throws {
        var numbers = SeededNumbers(seed: UInt64(seed) + 400)
        let costs = (0..<5).map { _ in [387, 769, 1921].randomElement(using: &numbers) ?? 1 }
        // Random Floats: their quotients do not tie, or the test would fail for good.
        let scores = costs.map { _ in
            (0..<Int.random(in: 0...7, using: &numbers)).map { _ in Float.random(in: 0..<1, using: &numbers) }
        }
        let siteOrder = costs.indices.shuffled(using: &numbers)
        let orders = siteOrder.map { scores[$0].indices.shuffled(using: &numbers) }
        let reordered = zip(siteOrder, orders).map { site, order in order.map { scores[site][$0] } }
        let total = zip(costs, scores).reduce(0) { $0 + $1.0 * $1.1.count }
        for budget in stride(from: 0, through: total, by: 97) {
            let original = try RankAllocator.allocate(scores: scores, costs: costs, budget: budget)
            let moved = try RankAllocator.allocate(
                scores: reordered, costs: siteOrder.map { costs[$0] }, budget: budget)
            let expected = zip(siteOrder, orders).map { site, order in order.map { original.keep[site][$0] } }
            #expect(moved.keep == expected)
        }
    }

    /// Costs close to the largest one, and scores of 24 bits whose quotients are as close as can be: the
    /// order must be that of the exact products. The budget pays for one of the two, so the better one is
    /// kept.
    @Test func divisionKeepsTheOrderOfLargeCosts() throws {
        var numbers = SeededNumbers(seed: 5)
        var ties = 0
        for _ in 0..<2000 {
            let costs = (0..<2).map { _ in (1 << 27) - Int.random(in: 0...4000, using: &numbers) }
            let first = (1 << 24) - Int.random(in: 1...4000, using: &numbers)
            let second = min(first * costs[1] / costs[0] + Int.random(in: 0...1, using: &numbers), 1 << 24)
            let allocation = try RankAllocator.allocate(
                scores: [[Float(first)], [Float(second)]], costs: costs, budget: max(costs[0], costs[1]))
            #expect(
                allocation.keep == [
                    [first * costs[1] >= second * costs[0]], [first * costs[1] < second * costs[0]],
                ])
            if first * costs[1] == second * costs[0] { ties += 1 }
        }
        #expect(ties < 2000)
    }

    /// A whole run in parameters, over random shapes and schedules: masks at every allocation stay within the
    /// budget of their step, and the last one within the final budget.
    @Test(arguments: 0..<30)
    func schedulesInParameters(seed: Int) throws {
        var numbers = SeededNumbers(seed: UInt64(seed) + 500)
        let costs = (0..<8).map { _ in [769, 1921].randomElement(using: &numbers) ?? 1 }
        let rank = Int.random(in: 1...6, using: &numbers)
        let total = costs.reduce(0, +) * rank
        let steps = Int.random(in: 3...60, using: &numbers)
        let schedule = try BudgetSchedule(
            initialBudget: total, finalBudget: Int.random(in: 0...total, using: &numbers), totalSteps: steps,
            warmupSteps: steps / 5, finalSteps: Int.random(in: 0...(steps / 2), using: &numbers),
            interval: Int.random(in: 1...5, using: &numbers))
        var last: Allocation?
        for step in 1...steps where schedule.allocates(after: step) {
            let scores = costs.map { _ in numbers.floats(rank, scale: 1).map(\.magnitude) }
            let budget = schedule.budget(at: step)
            #expect(budget <= last?.budget ?? total)
            let allocation = try RankAllocator.allocate(
                scores: scores, costs: costs, budget: budget, previous: last?.keep)
            let pruned = costs.indices.filter { allocation.ranks[$0] < rank }.map { costs[$0] }
            #expect(allocation.slack >= 0 && allocation.slack < pruned.min() ?? Int.max)
            last = allocation
        }
        #expect(last?.budget == schedule.finalBudget)
    }
}
