import Adapters
import Advice
import Datasets
import Foundation
import Messages
import RunConfiguration
import Runs
import Settings
import Tasks
import Training
import Transformers

/// What somebody asks advice for.
package struct AdviceRequest: Sendable {
    package var config: RunConfig
    /// Bytes that the run may take
    package var memory: Int?
    /// Seconds that probe and run may take
    package var seconds: Double?
    package var rulesOnly = false
    /// Probe also where memory is short
    package var ignoresMemory: Bool
    /// Whether the method stays, also where another does as well
    package var keepsMethod = false

    package init(
        _ config: RunConfig, memory: Int? = nil, seconds: Double? = nil, rulesOnly: Bool = false,
        keepsMethod: Bool = false, ignoresMemory: Bool = false
    ) {
        self.ignoresMemory = ignoresMemory
        self.keepsMethod = keepsMethod
        self.config = config
        self.memory = memory
        self.seconds = seconds
        self.rulesOnly = rulesOnly
    }
}

/// What came of it.
package struct Advised: Sendable {
    package let facts: AdviceFacts
    package let answer: AdviceAnswer
    /// nil where the rules alone answer.
    package let findings: ProbeFindings?
    /// The run that is advised
    package let config: RunConfig
    package let runSteps: Int
    /// Parameters of the adapters at the end
    package let parameters: Int
    package let notes: [String]
    package let warnings: [String]
}

/// Gathers what is known, probes, and answers. Writes nothing.
package struct AdviceSession {
    package enum Event {
        case note(String)
        case warning(String)
        /// - Parameter seconds: at the assumed rate
        case probing(ProbePlan)
        case progress(part: String, share: Double, secondsLeft: Double?)
    }

    private let request: AdviceRequest
    private let onEvent: (Event) -> Void

    package init(_ request: AdviceRequest, onEvent: @escaping (Event) -> Void) {
        self.request = request
        self.onEvent = onEvent
    }

    package func run() throws -> Advised {
        let given = request.config
        try Self.check(given)
        let inputs = try RunInputs(Self.probed(given))
        try Self.check(inputs.task)
        let config = inputs.config
        for note in inputs.notes { onEvent(.note(note)) }
        for warning in inputs.warnings { onEvent(.warning(warning)) }
        let size = try RunSize(inputs, request)
        let facts = size.facts
        let rules = RuleAnswer(facts)
        let doubts = DataDoubt.all(facts)
        if request.rulesOnly || !doubts.isEmpty {
            return try advised(AdviceAnswer(facts, rules, doubts: doubts), nil, size, inputs)
        }
        let plan = ProbePlan(
            size.costs, runSeconds: size.costs.runSeconds(rank: rules.rank), seconds: request.seconds)
        if plan.exceeds, request.seconds != nil {
            let text =
                "The least probe takes \(Figures.clockTime(plan.seconds)) at the assumed rate, and a fifth of the time given is "
                + "\(Figures.clockTime(plan.allowed)): nothing was measured."
            return try advised(AdviceAnswer(facts, rules, because: [text]), nil, size, inputs)
        }
        onEvent(.probing(plan))
        let probe = RankProbe(
            config: config, inputs: inputs, facts: facts, plan: plan, threads: config.usedThreads,
            checksMemory: !request.ignoresMemory
        ) { onEvent(.progress(part: $0.part.rawValue, share: $0.share, secondsLeft: $0.secondsLeft)) }
        let found = try probe.run()
        let verdict = ProbeVerdict(
            facts, rules, found, runSteps: size.costs.runSteps,
            usualRate: config.tuning.method.usualLearningRate)
        return try advised(AdviceAnswer(facts, rules, found, verdict), found, size, inputs)
    }

    private static func check(_ config: RunConfig) throws {
        guard config.tuning.method.hasBudget else {
            throw TrainingError(
                .usage,
                "\(SettingName.method) \(config.tuning.method.name) has no budget to advise on; leave it out, or use "
                    + alternatives(FineTuningMethod.all.filter(\.hasBudget).map(\.name)))
        }
        if config.tuning.fromAdapter != nil {
            throw TrainingError(
                .usage,
                "advice is for adapters that start anew; leave out \(SettingName.fromAdapter), or train with a number as \(SettingName.budget)"
            )
        }
    }

    /// A loss of pairs depends on which others are in their batch, so that its parts cannot be held against each other; and there is no
    /// head to hold adapters against.
    private static func check(_ task: any LearningTask) throws {
        guard task.headForm == .pair else { return }
        throw TrainingError(
            .usage,
            "advice is not given for \(SettingName.task) \(task.kind.rawValue), whose loss is one of whole batches; try ranks side by "
                + "side with adalora sweep")
    }

    /// The run as the probe takes it: of exact triplets, with rows to measure on, without what only people look at.
    private static func probed(_ given: RunConfig) throws -> RunConfig {
        var changes: [(key: String, value: String?)] = [
            ("method", "adalora"), ("allocator", "prune"), ("importance", nil), ("orthogonality", nil),
            ("initialize", "orthonormal"), ("importance-weights", "paper"), ("rank-pattern", nil),
            // A bias that has trained once trains in all that comes after.
            ("bias", "none"),
            ("average-rank", "1"), ("samples", nil), ("forgetting", nil),
            ("recompute", given.recompute.rawValue),
        ]
        if !given.hasValidation {
            changes.append(("validation-fraction", "\(Self.heldOutShare)"))
        }
        return try given.with(changes)
    }

    /// Of training rows that are measured on where there are no validation rows
    private static let heldOutShare = 0.2

    private func advised(
        _ answer: AdviceAnswer, _ found: ProbeFindings?, _ size: RunSize, _ inputs: RunInputs
    ) throws -> Advised {
        let run = try AdvisedRun(answer, request, size, probed: found?.plan.seconds ?? 0)
        let trainsAdapters = run.config.tuning.method.hasBudget
        return Advised(
            facts: size.facts, answer: answer, findings: found, config: run.config, runSteps: run.steps,
            parameters: trainsAdapters
                ? Int((max(answer.rank, 1) * Double(size.facts.parametersPerRank)).rounded()) : 0,
            notes: run.notes, warnings: inputs.warnings)
    }
}

extension RunConfig {
    var usedThreads: Int { threads ?? ProcessInfo.processInfo.activeProcessorCount }
}
