import Experiments
import Foundation
import Testing

/// Budgets that are not spent equally are told with why and what to do.
@Suite struct ParameterMatchTests {
    /// - Parameter spent: by arm; the sample's 41,472 where it is not named.
    private func warnings(_ spent: [String: Int]) throws -> [String] {
        let plan = try Samples.plan()
        let schedule = try TrialSchedule(plan: plan, fingerprints: [:], parametersPerRank: 41_472)
        let results = Samples.run(schedule) { trial in
            var result = Samples.result(trial)
            if trial.budget?.amount == 1, let own = spent[trial.arm] {
                result.adapterParameters = own
            }
            return result
        }
        return try ComparisonTable(plan: plan, state: schedule.state(completed: results)).warnings
            .filter { $0.hasPrefix("unequal parameters") }
    }

    @Test func upToTwoPercentIsEqual() throws {
        #expect(try warnings(["AdaLoRA": 41_472 * 102 / 100]).isEmpty)
        #expect(try warnings(["AdaLoRA": 41_472 * 103 / 100]).count == 1)
    }

    @Test func wholeRanks() throws {
        #expect(
            try warnings(["LoRA": 36_864]) == [
                "unequal parameters at average rank 1: AdaLoRA ends with 41,472 in its adapters, 12.5 % more than LoRA with "
                    + "36,864. LoRA has one whole rank for all its matrices and leaves unspent what is less than one more. To "
                    + "make them equal, write 'budget-parameters: [36864]' in place of 'average-ranks': what LoRA spends"
            ])
    }

    @Test func wholeTriplets() throws {
        #expect(
            try warnings(["AdaLoRA": 40_000]) == [
                "unequal parameters at average rank 1: LoRA ends with 41,472 in its adapters, 3.7 % more than AdaLoRA with "
                    + "40,000. A budget is spent in whole triplets, and AdaLoRA leaves unspent what is less than one more. At "
                    + "larger budgets that is a smaller share"
            ])
        let lines = try warnings(["pattern": 40_000])
        #expect(lines.count == 1 && lines[0].contains(". Ranks taken from AdaLoRA cost what they cost"))
    }
}
