import Foundation
import Messages

/// What is advised, and why.
package struct AdviceAnswer: Sendable, Equatable {
    package enum Basis: Sendable, Equatable {
        /// The table alone, as was asked
        case rules
        /// The table alone, as the data cannot tell more
        case cannotTell([DataDoubt])
        case measured(Sureness)
    }

    /// How far the signals agree.
    package enum Sureness: String, Sendable { case high, fair, low }

    /// What one signal says of the rank.
    package struct Vote: Sendable, Equatable {
        package let signal: String
        /// Triplets a matrix, on average
        package let rank: Double
        package let sentence: String
    }

    package let basis: Basis
    /// Triplets a matrix, on average; 0 where the head alone does as well
    package let rank: Double
    package let range: ClosedRange<Double>
    /// Of all matrices
    package let budget: Int
    package let budgetRange: ClosedRange<Int>
    package let initialRank: Int
    /// Whether the place of the rank matters so little that LoRA at one rank does as well
    package let fixedRankDoes: Bool
    /// Whether adapters gain nothing that was seen
    package let headAloneDoes: Bool
    /// Whether a whole probe saw neither a gain nor that there is none
    package let showedNothing: Bool
    /// Roles that learn next to nothing
    package let idleRoles: [String]
    /// nil leaves the method's usual one
    package let learningRate: Double?
    package let dropout: Double?
    package let votes: [Vote]
    /// Each with the figures it rests on
    package let reasons: [String]
    package let rules: RuleAnswer

    /// By the table alone.
    ///
    /// - Parameter because: why no probe was made, where somebody asked for one.
    package init(_ facts: AdviceFacts, _ rules: RuleAnswer, doubts: [DataDoubt] = [], because: [String] = [])
    {
        basis = doubts.isEmpty ? .rules : .cannotTell(doubts)
        let few = doubts.isEmpty ? rules.rank : rules.range.lowerBound
        rank = RankLadder.snapped(few, largest: facts.largestRank)
        range = rules.range
        let counted = RankLadder.budgets(rank, range, matrices: facts.matrices)
        (budget, budgetRange) = counted
        initialRank = RankLadder.initial(rank, largest: facts.largestRank)
        fixedRankDoes = !doubts.isEmpty
        headAloneDoes = false
        showedNothing = false
        idleRoles = []
        learningRate = nil
        dropout = rules.dropout
        votes = []
        reasons = because + doubts.map(\.sentence) + rules.sayings.filter { $0.word != .note }.map(\.sentence)
        self.rules = rules
    }

    /// By a probe.
    package init(_ facts: AdviceFacts, _ rules: RuleAnswer, _ found: ProbeFindings, _ verdict: ProbeVerdict) {
        let spread = verdict.spread
        // One voice agrees with itself.
        basis = .measured(verdict.votes.count < 2 ? .low : spread <= 2 ? .high : spread <= 4 ? .fair : .low)
        rank = verdict.headAloneDoes ? 0 : RankLadder.snapped(verdict.rank, largest: found.plan.wideRank)
        let (lowest, highest) =
            verdict.isBlind
            ? (rules.range.lowerBound, rules.range.upperBound) : (verdict.lowest, verdict.highest)
        let low = min(lowest, max(rank, RankLadder.least))
        range = low...max(highest, rank, low)
        let counted = RankLadder.budgets(rank, range, matrices: facts.matrices)
        (budget, budgetRange) = counted
        initialRank = RankLadder.initial(rank, largest: facts.largestRank)
        fixedRankDoes = verdict.fixedRankDoes
        headAloneDoes = verdict.headAloneDoes
        showedNothing = verdict.isBlind && found.plan.isWhole
        idleRoles = verdict.idleRoles
        learningRate = verdict.learningRate
        dropout = rules.dropout
        votes = verdict.votes
        reasons = verdict.reasons
        self.rules = rules
    }
}

/// Ranks that are advised: steps of at most a half, as finer ones promise what no probe holds.
package enum RankLadder {
    package static let least = 1.0
    static let ranks = [1, 1.5, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64.0]

    /// The nearest by ratio
    package static func snapped(_ rank: Double, largest: Int) -> Double {
        let possible = ranks.filter { $0 <= Double(max(largest, 1)) }
        return possible.min { abs(log($0 / max(rank, 0.1))) < abs(log($1 / max(rank, 0.1))) } ?? 1
    }

    static func budgets(_ rank: Double, _ range: ClosedRange<Double>, matrices: Int) -> (
        Int, ClosedRange<Int>
    ) {
        func count(_ rank: Double) -> Int { Int((rank * Double(matrices)).rounded()) }
        let low = max(1, count(range.lowerBound))
        return (count(rank), low...max(low, count(range.upperBound)))
    }

    /// Half as much again, at least 8: what `InitialRank` makes of a budget without one.
    static func initial(_ rank: Double, largest: Int) -> Int {
        min(max(Int((1.5 * rank).rounded(.up)), 8), max(largest, 1))
    }
}
