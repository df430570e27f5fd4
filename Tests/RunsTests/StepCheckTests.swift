import Adapters
import RankAllocation
import RunConfiguration
import Runs
import Testing
import Transformers

/// What a run is told of its length, and of answers that are all alike.
@Suite struct StepCheckTests {
    private func config(_ flags: [(String, String)]) throws -> RunConfig {
        let paths = [("model", "m"), ("train", "t"), ("output", "o"), ("budget", "36")]
        return try RunConfig.load(
            yaml: nil, yamlName: "",
            overrides: paths.map { (key: $0, value: $1) } + flags.map { (key: $0, value: $1) }
        ).config
    }

    private func checks(steps: Int, perEpoch: Int, warmup: Int, final: Int, _ flags: [(String, String)] = [])
        throws -> StepChecks
    {
        let schedule = try BudgetSchedule(
            initialBudget: 72, finalBudget: 36, totalSteps: steps, warmupSteps: warmup, finalSteps: final,
            interval: 1)
        return StepChecks(
            config: try config(flags), totalSteps: steps, stepsPerEpoch: perEpoch,
            plan: RankPlan(schedule: schedule, unit: .triplets, allocator: "prune"))
    }

    @Test func fewSteps() throws {
        #expect(try checks(steps: 300, perEpoch: 25, warmup: 30, final: 120).warnings.isEmpty)
        #expect(
            try checks(steps: 42, perEpoch: 14, warmup: 4, final: 17).warnings == [
                "42 optimizer steps are little to learn in and to rank triplets by: try --epochs 22, which makes 308 steps"
            ])
        #expect(
            try checks(steps: 20, perEpoch: 10, warmup: 2, final: 8).warnings == [
                "20 optimizer steps are little to learn in, and ranks are decided by the gradients of 10 steps after the first "
                    + "2, which chance decides as much as importance: try --epochs 30, which makes 300 steps"
            ])
        #expect(
            try checks(steps: 400, perEpoch: 100, warmup: 200, final: 190).warnings == [
                "ranks are decided by the gradients of 10 steps after the first 200, which chance decides as much as "
                    + "importance: leave more between --warmup-fraction and --final-fraction"
            ])
        let fixed = StepChecks(config: try config([]), totalSteps: 1, stepsPerEpoch: 1, plan: nil)
        #expect(
            fixed.warnings == [
                "1 optimizer step is little to learn in: try --epochs 300, which makes 300 steps"
            ])
    }

    @Test func oneAnswer() throws {
        let short = try checks(
            steps: 42, perEpoch: 14, warmup: 4, final: 17,
            [("pooling", "pooler"), ("head-learning-rate", "0.003")])
        #expect(
            short.adviceForOneAnswer(.bert)
                == "try --pooling mean, --head-learning-rate 0.01, --epochs 22 or a lower --learning-rate")
        let usual = try checks(
            steps: 308, perEpoch: 14, warmup: 30, final: 120,
            [("pooling", "mean"), ("head-learning-rate", "0.01")])
        #expect(usual.adviceForOneAnswer(.bert) == "try a lower --learning-rate")
    }
}
