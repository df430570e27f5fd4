import Adapters
import Messages
import RunConfiguration
import Settings
import Transformers

/// What a run should be told of its length before it begins, and of answers that are all alike.
package struct StepChecks {
    let config: RunConfig
    let totalSteps: Int
    let stepsPerEpoch: Int
    /// nil where ranks stay as they are
    let plan: RankPlan?

    package init(config: RunConfig, totalSteps: Int, stepsPerEpoch: Int, plan: RankPlan?) {
        self.config = config
        self.totalSteps = totalSteps
        self.stepsPerEpoch = stepsPerEpoch
        self.plan = plan
    }

    /// Below these a run ends before there is much to see (`Benchmarks/results/defaults`).
    private static let fewSteps = 100
    private static let fewAllocationSteps = 20

    package var warnings: [String] {
        let few = totalSteps < Self.fewSteps
        guard let schedule = plan?.schedule else {
            return few ? ["\(steps) little to learn in: \(moreSteps)"] : []
        }
        let first = schedule.warmupSteps
        let moving = schedule.lastBudgetingStep - first
        guard moving < Self.fewAllocationSteps else {
            return few ? ["\(steps) little to learn in and to rank triplets by: \(moreSteps)"] : []
        }
        let decided =
            "ranks are decided by the gradients of \(Figures.counted(moving, "step")) after the first \(first), "
            + "which chance decides as much as importance"
        return [
            few
                ? "\(steps) little to learn in, and \(decided): \(moreSteps)"
                : "\(decided): leave more between \(SettingName.warmupFraction) and \(SettingName.finalFraction)"
        ]
    }

    private var steps: String {
        "\(Figures.counted(totalSteps, "optimizer step")) \(totalSteps == 1 ? "is" : "are")"
    }

    private var moreSteps: String {
        let passes = config.epochsThatSuffice(stepsPerEpoch: stepsPerEpoch)
        return
            "try \(SettingName.epochs) \(passes), which makes \(Figures.grouped(passes * stepsPerEpoch)) steps"
    }

    /// What most likely helps where every row gets the same answer.
    ///
    /// - Parameter architecture: of the model
    package func adviceForOneAnswer(_ architecture: Architecture) -> String {
        var ways: [String] = []
        let form = config.task.type.headForm(config.resolvedPooling)
        if case .sequence(.pooler) = form { ways.append("\(SettingName.pooling) mean") }
        let usual = RunConfig.usualHeadRate
        if architecture.hasOneMatrix(form), config.resolvedHeadLearningRate < usual {
            ways.append("\(SettingName.headLearningRate) \(usual)")
        }
        let passes = config.epochsThatSuffice(stepsPerEpoch: stepsPerEpoch)
        if passes * stepsPerEpoch > totalSteps { ways.append("\(SettingName.epochs) \(passes)") }
        ways.append("a lower \(SettingName.learningRate)")
        return "try " + alternatives(ways)
    }
}
