import RankAllocation
import Testing

@Suite struct RankAllocatorTests {
    @Test func worksAcrossSites() throws {
        let allocation = try RankAllocator.allocate(scores: [[0.5, 0.1, 0.9], [], [0.7, 0.3]], budget: 3)
        #expect(allocation.keep == [[true, false, true], [], [true, false]])
        #expect(allocation.ranks == [2, 0, 1])
        #expect(allocation.budget == 3)
        #expect(allocation.worstKept == 0.5)
        #expect(allocation.threshold == 0.5)
        #expect(allocation.bestPruned == 0.3)
        #expect(allocation.keptIndices(at: 0) == [0, 2])
        #expect(allocation.keptIndices(at: 1) == [])
    }

    @Test func documentedExample() throws {
        let allocation = try RankAllocator.allocate(scores: [[3, 1], [2, 2]], budget: 2)
        #expect(allocation.keep == [[true, false], [true, false]])
    }

    @Test func tiesGoToTheLowerSiteThenTheLowerIndex() throws {
        let scores: [[Float]] = [[1, 2], [2, 2], [2, 3]]
        #expect(try RankAllocator.allocate(scores: scores, budget: 1).ranks == [0, 0, 1])
        #expect(try RankAllocator.allocate(scores: scores, budget: 2).ranks == [1, 0, 1])
        let three = try RankAllocator.allocate(scores: scores, budget: 3)
        #expect(three.keep == [[false, true], [true, false], [false, true]])
        #expect(three.worstKept == 2)
        #expect(three.bestPruned == 2)
    }

    @Test func nothingAndEverything() throws {
        let none = try RankAllocator.allocate(scores: [[1, 2], [3]], budget: 0)
        #expect(none.ranks == [0, 0])
        #expect(none.worstKept == nil)
        #expect(none.threshold == nil)
        #expect(none.bestPruned == 3)
        let all = try RankAllocator.allocate(scores: [[1, 2], [3]], budget: 3)
        #expect(all.ranks == [2, 1])
        #expect(all.worstKept == 1)
        #expect(all.bestPruned == nil)
    }

    @Test(arguments: [[], [[]], [[], []]] as [[[Float]]])
    func sitesWithoutTriplets(scores: [[Float]]) throws {
        let allocation = try RankAllocator.allocate(scores: scores, budget: 0)
        #expect(allocation.keep == scores.map { _ in [] })
        #expect(allocation.worstKept == nil)
        #expect(allocation.bestPruned == nil)
    }

    @Test func infinityIsTheLargestScoreAndBothZerosTie() throws {
        let scores: [[Float]] = [[-0.0, 0.0, -.infinity], [.infinity, .greatestFiniteMagnitude]]
        let byBudget = try (0...5).map {
            try RankAllocator.allocate(scores: scores, budget: $0).keep.joined()
        }
        #expect(Array(byBudget[1]) == [false, false, false, true, false])
        #expect(Array(byBudget[2]) == [false, false, false, true, true])
        #expect(Array(byBudget[3]) == [true, false, false, true, true])
        #expect(Array(byBudget[4]) == [true, true, false, true, true])
    }

    @Test func returnedAndLeftAreCountedAgainstThePreviousMask() throws {
        let scores: [[Float]] = [[5, 1], [4, 3]]
        let previous = [[false, true], [true, true]]
        let allocation = try RankAllocator.allocate(scores: scores, budget: 2, previous: previous)
        #expect(allocation.keep == [[true, false], [true, false]])
        #expect(allocation.returned == 1)
        #expect(allocation.left == 2)
        let first = try RankAllocator.allocate(scores: scores, budget: 3, previous: nil)
        #expect(first.returned == 0)
        #expect(first.left == 1)
    }

    /// Scores are drawn from few values, zero and infinity among them, so that nearly every budget cuts
    /// through a tie.
    @Test(arguments: 0..<40)
    func everyBudgetKeepsExactlyItsTriplets(seed: Int) throws {
        var numbers = SeededNumbers(seed: UInt64(seed))
        let levels: [Float] = [0, 1e-30, 0.25, 0.5, 1, .infinity]
        let scores = (0..<Int.random(in: 1...9, using: &numbers)).map { _ in
            (0..<Int.random(in: 0...12, using: &numbers)).map { _ in
                levels[Int.random(in: 0..<levels.count, using: &numbers)]
            }
        }
        let previous = scores.map { site in site.map { _ in Bool.random(using: &numbers) } }
        let flatScores = scores.flatMap { $0 }
        let flatPrevious = previous.flatMap { $0 }
        for budget in 0...flatScores.count {
            let allocation = try RankAllocator.allocate(scores: scores, budget: budget, previous: previous)
            let kept = allocation.keep.flatMap { $0 }
            #expect(kept == naiveMask(flatScores, budget: budget))
            #expect(kept.count { $0 } == budget)
            #expect(allocation.ranks == allocation.keep.map { $0.count { $0 } })

            let keptScores = flatScores.indices.filter { kept[$0] }.map { flatScores[$0] }
            let prunedScores = flatScores.indices.filter { !kept[$0] }.map { flatScores[$0] }
            #expect(allocation.worstKept == keptScores.min())
            #expect(allocation.bestPruned == prunedScores.max())
            #expect((keptScores.min() ?? .infinity) >= (prunedScores.max() ?? -.infinity))

            let changes = zip(flatPrevious, kept)
            #expect(allocation.returned == changes.count { !$0 && $1 })
            #expect(allocation.left == changes.count { $0 && !$1 })
            #expect(flatPrevious.count { $0 } + allocation.returned - allocation.left == budget)
        }
    }

    /// A triplet survives when fewer than `budget` triplets come before it: quadratic, and no sort.
    private func naiveMask(_ scores: [Float], budget: Int) -> [Bool] {
        scores.indices.map { own in
            let ahead = scores.indices.count { other in
                scores[other] > scores[own] || (scores[other] == scores[own] && other < own)
            }
            return ahead < budget
        }
    }

    /// A falling budget on fixed scores only ever prunes.
    @Test func masksOfFallingBudgetsAreNested() throws {
        var numbers = SeededNumbers(seed: 3)
        let scores = (0..<36).map { _ in (0..<12).map { _ in Float(Int.random(in: 0...40, using: &numbers)) }
        }
        var previous: [[Bool]]?
        for budget in stride(from: 432, through: 0, by: -9) {
            let allocation = try RankAllocator.allocate(scores: scores, budget: budget, previous: previous)
            #expect(allocation.returned == 0)
            #expect(allocation.left == (previous == nil ? 0 : 9))
            previous = allocation.keep
        }
    }
}
