import Advice
import Foundation
import Testing

/// What made-up findings come to.
@Suite struct ProbeVerdictTests {
    /// Folds around a mean; the same spread in each, so that differences have little.
    private func loss(_ mean: Double, noise: Double = 0.001) -> HeldOutLoss {
        let folds = (0..<8).map { mean + 0.1 * Double($0) + ($0.isMultiple(of: 2) ? noise : -noise) }
        return HeldOutLoss(folds: folds, weights: [Double](repeating: 64, count: 8))
    }

    private func found(
        alone: Double = 1.4, narrow: Double? = 1.1, wide: Double = 1.0, cuts: [(Double, Double)],
        learned: [Float] = [4, 2, 1, 0.5], correlation: Double? = 0.8, rates: [ProbeFindings.Rate] = []
    ) -> ProbeFindings {
        let costs = ProbeCosts(
            MadeUpFacts.of(), wideRank: 16, batch: 32, runSteps: 900, weights: 10_600_000,
            vocabularyWeights: 0, learnedPerRow: 0)
        let sites = (0..<36).map {
            ProbeFindings.Site(
                name: "\($0)", role: $0 % 6 == 0 ? "query" : "output", layer: $0 / 6,
                learned: $0 % 6 == 0 ? learned.map { $0 / 20 } : learned, importance: learned.map(Double.init)
            )
        }
        return ProbeFindings(
            plan: ProbePlan(costs, runSeconds: 60), seed: 42, alone: loss(alone, noise: 0.002), rates: rates,
            rate: 3e-3, narrow: narrow.map { loss($0, noise: 0.0015) }, wide: loss(wide), sites: sites,
            halves: .init(correlation: correlation, overlap: 0.5),
            cuts: cuts.map { .init(rank: $0.0, loss: loss($0.1)) })
    }

    private func verdict(_ found: ProbeFindings, _ facts: AdviceFacts = MadeUpFacts.of()) -> ProbeVerdict {
        ProbeVerdict(facts, RuleAnswer(facts), found, runSteps: 900, usualRate: 3e-3)
    }

    /// 0.4 are gained, so that 0.02 may be lost. Rank 1 trained loses half of what rank 1 cut loses.
    @Test func theCurveIsHealedByTheNarrowTraining() throws {
        let curve = BudgetCurve(found(cuts: [(1, 1.2), (2, 1.12), (4, 1.06), (8, 1.02)]))
        // Folds differ by so little that what is usual hardly counts.
        #expect(abs(curve.healing - 0.5) < 1e-4 && abs(curve.mayLose - 0.02) < 1e-9)
        // Healed: 0.1, 0.06, 0.03, 0.01; 0.02 lies halfway between 4 and 8 by the logarithm.
        let rank = try #require(curve.rankWithinTolerance)
        #expect(abs(rank - 4 * 2.0.squareRoot()) < 1e-2)
        #expect(!curve.isNarrowEnough)
    }

    /// Rank 1 trained is as good as the wide rank on average, from fold to fold by 0.2 better or worse.
    @Test func whatRowsDoNotTellIsNotClaimed() {
        let cuts = [(1.0, 1.2), (2, 1.12), (4, 1.06), (8, 1.02)]
        func curve(noise: Double) -> BudgetCurve {
            var found = found(narrow: 1.0, cuts: cuts)
            found.narrow = loss(1.0, noise: noise)
            return BudgetCurve(found)
        }
        let (clear, blurred) = (curve(noise: 0.002), curve(noise: 0.2))
        #expect(clear.isNarrowEnough && clear.healing < 0.01)
        #expect(!blurred.isNarrowEnough && abs(blurred.healing - 0.4) < 0.1)
        #expect(clear.narrowSentence?.hasSuffix("rank 1 does as well.") ?? false)
        #expect(blurred.narrowSentence?.hasSuffix("is not told from nothing.") ?? false)
        // A cut that loses next to nothing, by far less than its noise, says nothing of what training wins back.
        var flat = found(narrow: 1.0005, cuts: [(1, 1.0005), (2, 1), (4, 1), (8, 1)])
        flat.cuts[0] = .init(rank: 1, loss: loss(1.0005, noise: 0.05))
        #expect(abs(BudgetCurve(flat).healing - 0.4) < 0.1)
        var broken = found(cuts: cuts)
        broken.narrow = HeldOutLoss(folds: [.nan, 1], weights: [1, 1])
        #expect(BudgetCurve(broken).narrow == nil && BudgetCurve(broken).healing == 0.4)
    }

    @Test func curvesThatAreFlatOrStillRise() throws {
        let flat = BudgetCurve(found(narrow: 1.01, cuts: [(1, 1.01), (2, 1.0), (4, 1.0), (8, 1.0)]))
        #expect(flat.rankWithinTolerance == 1 && flat.isNarrowEnough)
        let rising = BudgetCurve(found(narrow: nil, cuts: [(1, 1.4), (2, 1.35), (4, 1.3), (8, 1.2)]))
        #expect(try #require(rising.rankWithinTolerance) > 8 && rising.healing == 0.4)
    }

    @Test func votesMakeTheAnswer() throws {
        let verdict = verdict(found(cuts: [(1, 1.2), (2, 1.12), (4, 1.06), (8, 1.02)]))
        #expect(verdict.votes.map(\.signal) == ["cut and evaluate", "kept energy", "rules"])
        let logs = verdict.votes.reduce(0) { $0 + log(max($1.rank, 1)) }
        #expect(abs(verdict.rank - exp(logs / 3)) < 1e-9)
        #expect(verdict.lowest <= verdict.rank && verdict.highest >= verdict.rank)
        #expect(!verdict.headAloneDoes && !verdict.fixedRankDoes && verdict.idleRoles == ["query"])
        let facts = MadeUpFacts.of()
        let answer = AdviceAnswer(
            facts, RuleAnswer(facts), found(cuts: [(1, 1.2), (2, 1.12), (4, 1.06), (8, 1.02)]), verdict)
        #expect(
            answer.budget == Int((answer.rank * 36).rounded()) && answer.budgetRange.contains(answer.budget))
        #expect(answer.reasons.contains { $0.contains("Held-out loss 1.750 with the head alone") })
    }

    @Test func nothingGainedIsSaid() {
        let verdict = verdict(found(alone: 1.0005, narrow: 1.0, cuts: [(1, 1), (2, 1), (4, 1), (8, 1)]))
        #expect(verdict.headAloneDoes && verdict.votes.isEmpty)
        #expect(verdict.reasons.first?.contains("no gain") ?? false)
        let facts = MadeUpFacts.of()
        let answer = AdviceAnswer(facts, RuleAnswer(facts), found(cuts: []), verdict)
        #expect(answer.rank == 0 && answer.headline(facts).contains("head alone"))
    }

    /// The same folds with a metric, of which all lack about as much.
    private func loss(_ mean: Double, accuracy: Double, noise: Double = 0.004) -> HeldOutLoss {
        let plain = loss(mean)
        return HeldOutLoss(
            folds: plain.folds, weights: plain.weights,
            lacks: (0..<8).map { 1 - accuracy + ($0.isMultiple(of: 2) ? noise : -noise) })
    }

    /// Few rows learned by heart: the loss rises, the metric gains, and it is what ranks are told by.
    @Test func aMetricThatGainsIsBelieved() throws {
        var found = found(
            alone: 1.0, narrow: 1.1, wide: 1.2, cuts: [(1, 1.05), (2, 1.1), (4, 1.15), (8, 1.2)])
        found.metric = "accuracy"
        found.alone = loss(1.0, accuracy: 0.73)
        found.narrow = loss(1.1, accuracy: 0.785, noise: 0.003)
        found.wide = loss(1.2, accuracy: 0.79, noise: 0.001)
        found.cuts = [(1.0, 0.75), (2, 0.77), (4, 0.78), (8, 0.789)].map {
            .init(rank: $0.0, loss: loss(1.1, accuracy: $0.1, noise: 0.001))
        }
        let judged = found.judged
        #expect(!found.showsGain && judged.showsGain && judged.measure == "accuracy")
        #expect(abs(judged.gain.difference - 0.06) < 1e-9 && abs(judged.shown(judged.wide) - 0.79) < 1e-9)
        #expect(judged.judged == judged)
        // Rank 1 trained lacks 0.005 where rank 1 cut lacks 0.04.
        #expect(abs(BudgetCurve(judged).healing - 0.125) < 0.02)
        let verdict = verdict(found)
        #expect(
            !verdict.headAloneDoes
                && verdict.votes.map(\.signal) == ["cut and evaluate", "rules"])
        let first = try #require(verdict.reasons.first)
        #expect(first.hasPrefix("Held-out accuracy 0.730 with the head alone, 0.790 after"))
        #expect(first.hasSuffix(", which the loss does not show."))
        #expect(
            verdict.reasons.contains {
                $0.hasPrefix("Cut to lower ranks the wide update loses of it, by rank: 1 +0.040")
            })
        // A metric that does not gain either changes nothing, nor does one beside a loss that does.
        found.alone = loss(1.0, accuracy: 0.789)
        #expect(found.judged == found && self.verdict(found).headAloneDoes)
        found.alone = loss(1.4, accuracy: 0.73)
        #expect(found.judged == found && self.verdict(found).reasons[0].hasPrefix("Held-out loss"))
    }

    /// No gain is seen, and with these rows there may well be one: the rules answer.
    @Test func noGainSeenIsNoProof() {
        var found = found(alone: 1.01, narrow: 1.0, cuts: [(1, 1), (2, 1), (4, 1), (8, 1)])
        // 0.01 more on average, from fold to fold by 0.03 more or less.
        found.alone = loss(1.01, noise: 0.031)
        #expect(!found.showsGain && !found.showsThatThereIsNone)
        let verdict = verdict(found)
        #expect(verdict.isBlind && !verdict.headAloneDoes && verdict.votes.map(\.signal) == ["rules"])
        #expect(verdict.reasons.contains { $0.contains("no proof") })
        let facts = MadeUpFacts.of()
        let answer = AdviceAnswer(facts, RuleAnswer(facts), found, verdict)
        #expect(answer.rank == 4 && answer.sureness.contains("neither a gain nor"))
        // A loss that tells there is none, without a metric and beside one that does not.
        found.alone = loss(1, accuracy: 0.79, noise: 0.05)
        found.wide = loss(1, accuracy: 0.791, noise: 0)
        #expect(found.showsThatThereIsNone && self.verdict(found).headAloneDoes)
        found.metric = "accuracy"
        #expect(!found.showsThatThereIsNone && self.verdict(found).isBlind)
    }

    /// A probe of which parts were left out does not say that there is nothing to gain.
    @Test func aShortProbeIsBlind() {
        var short = found(alone: 1.0, narrow: nil, wide: 1.2, cuts: [(1, 1.2), (2, 1.2)])
        let costs = ProbeCosts(
            MadeUpFacts.of(), wideRank: 16, batch: 32, runSteps: 900, weights: 8_000_000_000,
            vocabularyWeights: 0, learnedPerRow: 0)
        short.plan = ProbePlan(costs, runSeconds: 60)
        let verdict = verdict(short)
        #expect(verdict.isBlind && !verdict.headAloneDoes && verdict.votes.map(\.signal) == ["rules"])
        let facts = MadeUpFacts.of()
        let answer = AdviceAnswer(facts, RuleAnswer(facts), short, verdict)
        #expect(answer.rank == 4 && answer.basis == .measured(.low))
        #expect(answer.sureness == "low: the probe was too short")
    }

    @Test func fixedRankDoesWhereRankingsAreChance() {
        let cuts = [(1.0, 1.2), (2, 1.12), (4, 1.06), (8, 1.02)]
        #expect(verdict(found(cuts: cuts, correlation: 0.1)).fixedRankDoes)
        #expect(!verdict(found(cuts: cuts, correlation: 0.5)).fixedRankDoes)
        #expect(verdict(found(narrow: 1.005, cuts: cuts)).fixedRankDoes)
    }

    /// Of rates that are not told apart the smallest; above the usual one half of it for a long run.
    @Test func rates() {
        func rate(_ rate: Double, _ mean: Double?) -> ProbeFindings.Rate {
            .init(rate: rate, loss: mean.map { loss($0, noise: 0.001 * (1 + rate)) })
        }
        let clear = [
            rate(7.5e-4, 1.3), rate(1.5e-3, 1.2), rate(3e-3, 1.1), rate(6e-3, 1.0), rate(1.2e-2, nil),
        ]
        #expect(RateChoice.best(clear)?.rate == 6e-3)
        let tied = [rate(1.5e-3, 1.2), rate(3e-3, 1.0000001), rate(6e-3, 1.0)]
        #expect(RateChoice.best(tied)?.rate == 3e-3)
        #expect(RateChoice.best([rate(3e-3, nil)]) == nil)
        #expect(RateChoice.forRun(6e-3, steps: 200, tested: 50, usual: 3e-3) == 3e-3)
        #expect(RateChoice.forRun(6e-3, steps: 199, tested: 50, usual: 3e-3) == 6e-3)
        #expect(RateChoice.forRun(3e-3, steps: 5_000, tested: 50, usual: 3e-3) == 3e-3)
        let found = found(cuts: [(1, 1.2), (2, 1.12), (4, 1.06), (8, 1.02)], rates: clear)
        #expect(verdict(found).learningRate == 3e-3)
    }

    @Test func ranksAreSteps() {
        #expect(RankLadder.snapped(5.2, largest: 16) == 6 && RankLadder.snapped(0.2, largest: 16) == 1)
        #expect(RankLadder.snapped(40, largest: 16) == 16 && RankLadder.snapped(1.2, largest: 16) == 1)
    }
}
