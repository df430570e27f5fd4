import Advice
import Testing

/// How much a probe does follows from sizes and limits alone.
@Suite struct ProbePlanTests {
    private func costs(
        _ facts: AdviceFacts = MadeUpFacts.of(), batch: Int = 32, runSteps: Int = 500,
        weights: Int = 10_600_000, wide: Int = 16
    ) -> ProbeCosts {
        ProbeCosts(
            facts, wideRank: wide, batch: batch, runSteps: runSteps, weights: weights, vocabularyWeights: 0,
            learnedPerRow: 0)
    }

    /// 20 tokens a row: 4 · 20 · W forward and backward, 6 · 20 · 41,472 a rank.
    @Test func rowsCostWhatTheirProductsDo() {
        let costs = costs()
        #expect(costs.evaluationRow == 2 * 20 * 10_600_000)
        #expect(costs.narrowRow == 4 * 20 * 10_600_000 + 6 * 20 * 41_472)
        #expect(costs.trainingRow == 4 * 20 * 10_600_000 + 6 * 20 * 41_472 * 16)
        #expect(costs.gradientRow == costs.narrowRow + 2 * 20 * 10_600_000)
        #expect(costs.runSeconds(rank: 16) == 500 * 32 * costs.trainingRow / ProbePlan.assumedRate)
        let words = ProbeCosts(
            MadeUpFacts.of(.decoder, .words(learned: 50_000)), wideRank: 32, batch: 8, runSteps: 100,
            weights: 1_000, vocabularyWeights: 500, learnedPerRow: 10)
        #expect(words.evaluationRow == 2 * 20 * 1_000 + 2 * 10 * 500 && !words.hasHead)
    }

    @Test func aSmallModelGetsAllParts() {
        let plan = ProbePlan(costs(), runSeconds: 60)
        #expect(plan.leftOut.isEmpty && !plan.exceeds && plan.allowed == 120)
        for part in ProbePlan.Part.allCases { #expect(plan.does(part), "\(part)") }
        #expect(plan.rateSteps == 50 && plan.heldOutRows == 500 && plan.batch == 32)
        #expect(plan.wideSteps >= 120 && plan.wideSteps <= 400 && plan.seconds <= plan.allowed)
    }

    @Test func largeOnesGetLessAndThenFewerParts() {
        var before = Int.max
        var left = 0
        for weights in [10_000_000, 100_000_000, 1_000_000_000, 8_000_000_000] {
            let plan = ProbePlan(costs(weights: weights), runSeconds: 60)
            #expect(plan.wideSteps <= before)
            #expect(plan.leftOut.count >= left)
            (before, left) = (plan.wideSteps, plan.leftOut.count)
        }
        let huge = ProbePlan(costs(weights: 8_000_000_000), runSeconds: 60)
        #expect(huge.leftOut == [.gradients, .rates, .narrow] && huge.exceeds)
        #expect(huge.wideSteps == 40 && huge.heldOutRows == 64 && huge.batch == 8)
    }

    @Test func runsAndTimesSetTheLimit() {
        #expect(ProbePlan(costs(), runSeconds: 6_000).allowed == 300)
        #expect(ProbePlan(costs(), runSeconds: 6_000, seconds: 100).allowed == 20)
        let short = ProbePlan(costs(weights: 100_000_000), runSeconds: 60, seconds: 200)
        #expect(short.seconds <= 40 || short.exceeds)
        // A run of few steps is not probed for longer than it takes.
        let brief = ProbePlan(costs(runSteps: 30), runSeconds: 10)
        #expect(brief.wideSteps == 30 && brief.rateSteps == 30)
        let few = ProbePlan(costs(MadeUpFacts.of(rows: 60, heldOut: 20)), runSeconds: 10)
        #expect(few.heldOutRows == 20 && few.halfRows == 30 && few.headRows == 60)
    }

    @Test func cutsAreALadder() {
        #expect(ProbePlan.cutRanks(below: 16) == [1, 2, 4, 8])
        #expect(ProbePlan.cutRanks(below: 32) == [1, 2, 4, 8, 16])
        #expect(ProbePlan.cutRanks(below: 6) == [1, 2, 4])
        #expect(ProbePlan.cutRanks(below: 1) == [])
    }
}
