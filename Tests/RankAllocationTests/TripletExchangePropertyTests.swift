import RankAllocation
import Testing

@Suite struct TripletExchangePropertyTests {
    typealias Position = CostedSites.Position

    struct Draw: CustomStringConvertible {
        let sites: CostedSites
        let isProtected: [[Bool]]
        let largestRanks: [Int]
        let budget: Int
        let limit: Int

        init(seed: Int) {
            var numbers = SeededNumbers(seed: UInt64(seed) + 7000)
            sites = CostedSites(largestRank: 5, using: &numbers)
            let oneIn = Int.random(in: 2...20, using: &numbers)
            isProtected = sites.scores.map { $0.map { _ in Int.random(in: 1...oneIn, using: &numbers) == 1 } }
            largestRanks = sites.scores.map { $0.count + Int.random(in: 0...2, using: &numbers) }
            // Mostly fully spent, sometimes with something left, sometimes overspent.
            let slack = [
                0, 0, Int.random(in: 0...12, using: &numbers), Int.random(in: -6...0, using: &numbers),
            ]
            budget = max(0, sites.total + (slack.randomElement(using: &numbers) ?? 0))
            limit = Int.random(in: 0...6, using: &numbers)
        }

        func plan() throws -> ExchangePlan {
            try TripletExchange.plan(
                scores: sites.floats, isProtected: isProtected, costs: sites.costs,
                largestRanks: largestRanks, budget: budget, limit: limit)
        }

        /// The worst triplet of a site.
        func worst(of site: Int) -> Position? {
            sites.positions.filter { $0.site == site }.max { sites.precedes($0, $1) }
        }

        var description: String {
            "\(sites), protected \(isProtected), largest \(largestRanks), budget \(budget), limit \(limit)"
        }
    }

    @Test func plansKeepTheirPromises() throws {
        var exchanges = 0
        for seed in 0..<3000 {
            let draw = Draw(seed: seed)
            let plan = try draw.plan()
            let violations = violations(of: plan, in: draw)
            #expect(violations.isEmpty, "\(violations): \(plan) for \(draw)")
            if !plan.isEmpty { exchanges += 1 }
        }
        // Without this an exchange that never plans anything would pass.
        #expect(exchanges > 1000)
    }

    private func violations(of plan: ExchangePlan, in draw: Draw) -> [String] {
        let sites = draw.sites
        let victims = plan.removed.enumerated().flatMap { site, indices in
            indices.map { Position(site: site, index: $0) }
        }
        let after =
            sites.total - victims.reduce(0) { $0 + sites.costs[$1.site] }
            + plan.added.reduce(0) { $0 + sites.costs[$1] }
        var violations: [String] = []
        func check(_ isTrue: Bool, _ name: String) { if !isTrue { violations.append(name) } }
        check(plan.removed.count == sites.scores.count, "one list for each site")
        check(plan.removed.allSatisfy { $0 == Set($0).sorted() }, "removed ascending and once")
        check(plan.added == Set(plan.added).sorted(), "added ascending and once")
        check(plan.added.count <= draw.limit, "limit")
        check(plan.isEmpty == plan.added.isEmpty, "victims only for receivers")
        check(plan.isEmpty || after <= draw.budget, "budget")
        if Set(sites.costs) == [1], draw.budget == sites.total { check(after == sites.total, "exact budget") }
        check(victims.allSatisfy { !draw.isProtected[$0.site][$0.index] }, "protected triplets stay")
        check(plan.added.allSatisfy { plan.removed[$0].isEmpty }, "receivers lose nothing")
        for site in plan.added {
            check(!draw.isProtected[site].contains(true), "no receiver on trial")
            check(!sites.scores[site].isEmpty, "no receiver without triplets")
            check(sites.scores[site].count < draw.largestRanks[site], "largest rank")
        }
        // Receivers may be served for free, from what was or is left; only where costs are equal and nothing
        // was left at first is every victim below every receiver.
        let worst = plan.added.compactMap(draw.worst(of:))
        check(victims.allSatisfy { victim in worst.contains { sites.isHigher($0, victim) } }, "improvement")
        if Set(sites.costs).count == 1, draw.budget == sites.total {
            check(
                victims.allSatisfy { victim in worst.allSatisfy { sites.isHigher($0, victim) } },
                "strict improvement")
        }
        if draw.budget == sites.total {
            check(worst.isEmpty || !victims.isEmpty, "room comes from victims")
        }
        return violations
    }

    @Test func plansEqualTheReferenceAndAreDeterministic() throws {
        for seed in 0..<3000 {
            let draw = Draw(seed: seed)
            let plan = try draw.plan()
            #expect(plan == reference(draw), "\(draw)")
            #expect(try draw.plan() == plan)
        }
    }

    /// The rule read out literally, one triplet after the other: quadratic, with exact comparisons and no
    /// sorted list of victims.
    private func reference(_ draw: Draw) -> ExchangePlan {
        let sites = draw.sites
        var alive = Set(sites.positions)
        var added: [Int] = []
        var spare = draw.budget - sites.total
        var waiting = sites.scores.indices.filter { site in
            !sites.scores[site].isEmpty && !draw.isProtected[site].contains(true)
                && sites.scores[site].count < draw.largestRanks[site]
        }
        func removed(_ site: Int, from alive: Set<Position>) -> [Int] {
            sites.scores[site].indices.filter { !alive.contains(Position(site: site, index: $0)) }
        }
        while added.count < draw.limit {
            waiting.removeAll { !removed($0, from: alive).isEmpty }
            let worst = waiting.compactMap(draw.worst(of:))
            guard let receiver = worst.min(by: sites.precedes) else { break }
            waiting.removeAll { $0 == receiver.site }
            var left = alive
            var room = spare
            while room < sites.costs[receiver.site] {
                let victim = left.filter {
                    !draw.isProtected[$0.site][$0.index] && $0.site != receiver.site
                        && !added.contains($0.site) && sites.isHigher(receiver, $0)
                }.max(by: sites.precedes)
                guard let victim else { break }
                left.remove(victim)
                room += sites.costs[victim.site]
            }
            guard room >= sites.costs[receiver.site] else { break }
            alive = left
            spare = room - sites.costs[receiver.site]
            added.append(receiver.site)
        }
        return ExchangePlan(
            removed: sites.scores.indices.map { removed($0, from: alive) }, added: added.sorted())
    }

    /// Without costs and with the budget spent, the plan is a closed form: the best worst triplets against
    /// the worst triplets, pair by pair, for as long as the victim is strictly lower. All larger numbers of
    /// exchanges are tried as well, and each contains a pair that would not improve.
    @Test(arguments: 0..<200)
    func asManyExchangesAsImprove(seed: Int) throws {
        var numbers = SeededNumbers(seed: UInt64(seed) + 20_000)
        let scores = (0..<Int.random(in: 1...8, using: &numbers)).map { _ in
            (0..<Int.random(in: 1...4, using: &numbers)).map { _ in
                Float(Int.random(in: 0...30, using: &numbers))
            }
        }
        let receivers = scores.compactMap { $0.min() }.sorted(by: >)
        let victims = scores.joined().sorted()
        let improving = zip(receivers, victims).prefix { $0 > $1 }.count
        for limit in 0...(scores.count + 1) {
            let plan = try TripletExchange.plan(
                scores: scores, isProtected: scores.map { $0.map { _ in false } }, costs: nil,
                largestRanks: scores.map { _ in 9 }, budget: scores.joined().count, limit: limit)
            #expect(plan.added.count == min(limit, improving))
            let gone = plan.removed.enumerated().flatMap { site, indices in indices.map { scores[site][$0] } }
            #expect(gone.sorted() == Array(victims.prefix(plan.added.count)))
            let grown = plan.added.compactMap { scores[$0].min() }
            #expect(grown.sorted(by: >) == Array(receivers.prefix(plan.added.count)))
        }
    }

    /// Where no two triplets tie, the plan moves with the sites when they are reordered.
    @Test(arguments: 0..<100)
    func plansFollowReorderedSites(seed: Int) throws {
        var numbers = SeededNumbers(seed: UInt64(seed) + 30_000)
        let costs = (0..<6).map { _ in [769, 1921].randomElement(using: &numbers) ?? 1 }
        let scores = costs.map { _ in
            (0..<Int.random(in: 0...4, using: &numbers)).map { _ in Float.random(in: 0..<1, using: &numbers) }
        }
        let order = costs.indices.shuffled(using: &numbers)
        func plan(_ order: [Int]) throws -> ExchangePlan {
            try TripletExchange.plan(
                scores: order.map { scores[$0] }, isProtected: order.map { scores[$0].map { _ in false } },
                costs: order.map { costs[$0] }, largestRanks: order.map { _ in 4 },
                budget: zip(scores, costs).reduce(0) { $0 + $1.0.count * $1.1 } + 500, limit: 3)
        }
        let original = try plan(Array(costs.indices))
        let moved = try plan(order)
        #expect(moved.removed == order.map { original.removed[$0] })
        #expect(moved.added == order.indices.filter { original.added.contains(order[$0]) })
    }

    /// Carried out again and again with fresh scores, exchanges never raise the cost above the budget.
    @Test(arguments: 0..<30)
    func repeatedExchangesStayWithinTheBudget(seed: Int) throws {
        var numbers = SeededNumbers(seed: UInt64(seed) + 40_000)
        let costs = (0..<10).map { _ in [769, 1921].randomElement(using: &numbers) ?? 1 }
        let isUnitCost = seed % 2 == 0
        func cost(_ ranks: [Int]) -> Int {
            isUnitCost ? ranks.reduce(0, +) : zip(ranks, costs).reduce(0) { $0 + $1.0 * $1.1 }
        }
        var ranks = costs.map { _ in 3 }
        let budget = cost(ranks)
        for _ in 0..<40 {
            let scores = ranks.map { numbers.floats($0, scale: 1).map(\.magnitude) }
            let plan = try TripletExchange.plan(
                scores: scores, isProtected: scores.map { $0.map { _ in Bool.random(using: &numbers) } },
                costs: isUnitCost ? nil : costs, largestRanks: costs.map { _ in 6 }, budget: budget, limit: 2)
            for site in ranks.indices { ranks[site] -= plan.removed[site].count }
            for site in plan.added { ranks[site] += 1 }
            #expect(isUnitCost ? cost(ranks) == budget : cost(ranks) <= budget)
            #expect(ranks.allSatisfy { (0...6).contains($0) })
        }
        #expect(ranks != costs.map { _ in 3 })
    }
}
