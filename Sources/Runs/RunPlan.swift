import Adapters
import Foundation
import Matrices
import Messages
import RunConfiguration
import RunRecords
import Tasks
import Training
import Transformers

/// What a run will train, need and take, before it runs.
package struct RunPlan: Sendable {
    /// The adapters of one kind of matrix, or the parts of one kind beside the matrices.
    package struct RoleCount: Sendable, Equatable {
        package let role: String
        /// nil for parts
        package let matrices: Int?
        /// At the start, before pruning.
        package let parameters: Int
    }

    /// From a few steps that were taken and an evaluation of a few rows.
    package struct Time: Sendable {
        package let measuredSteps: Int
        package let secondsPerStep: Double
        package let tokensPerSecond: Double
        /// Of all steps
        package let trainingSeconds: Double
        /// Of all evaluations
        package let evaluationSeconds: Double
        /// Of all answers to prompts, at most
        package let answerSeconds: Double
        /// Of telling what is forgotten, at all evaluations
        package let forgettingSeconds: Double
        /// Of a step, what does not grow with its rows
        package let fixedSeconds: Double

        package var totalSeconds: Double {
            trainingSeconds + evaluationSeconds + answerSeconds + forgettingSeconds
        }
    }

    package let config: RunConfig
    package let threads: Int
    package let frozenParameters: Int
    package let trainableParameters: Int
    package let headParameters: Int
    package let roles: [RoleCount]
    package let totalSteps: Int
    package let stepsPerEpoch: Int
    package let tokensPerEpoch: Int
    /// The share of a step's tokens that its rows begin with alike, computed once; nil where there are none
    package let sharedPrefix: Double?
    package let evaluations: Int
    package let memory: MemoryEstimate
    /// nil where the memory does not suffice to measure it.
    package let time: Time?
    /// Tokens that each shard computes, by step, of some steps
    let shards: [[Int]]
    package let warnings: [String]
    /// How rows were held out, and which settings model and rows decided
    package let notes: [String]

    /// Reads and checks all inputs as training does, sets the run up, and takes a few steps of it. Writes nothing.
    ///
    /// - Parameter program: what the program had in memory before a probe or the plan of another run, in bytes, where there was one.
    package static func measure(_ given: RunConfig, program: Int? = nil) throws -> RunPlan {
        if program != nil { ProcessMemory().forgetPeak() }
        var memoryGuard = MemoryGuard(isIgnored: true)
        let others = program.map { max(0, (memoryGuard.start ?? 0) - $0) } ?? 0
        let inputs = try RunInputs(given)
        let config = inputs.config
        let threads = config.threads ?? ProcessInfo.processInfo.activeProcessorCount
        let sampler = BatchSampler(
            examples: inputs.train.count, batch: config.resolvedBatchSize * config.accumulate,
            seed: config.seed)
        let totalSteps = config.totalSteps(stepsPerEpoch: sampler.stepsPerEpoch)
        let assembly = TrainerAssembly(config, inputs, totalSteps: totalSteps, threads: threads)
        try memoryGuard.checkState(inputs, config, threads: threads)
        if let shortage = memoryGuard.warnings.first {
            // Setting the run up to plan it would end the process.
            throw TrainingError(
                .usage, "\(shortage); try \(SettingName.method) \(FineTuningMethod.withAdapters)")
        }
        let trainer = try assembly.trainer(isResumed: false)
        let load = RunLoad(trainer.model, inputs, sampler, totalSteps: totalSteps)
        let goesOn = config.tuning.fromAdapter != nil
        let looks = config.evaluations(totalSteps: totalSteps, stepsPerEpoch: sampler.stepsPerEpoch)
        let caches = FrozenCaches(
            config, inputs, trainer.model,
            MemoryEstimate(
                trainer, inputs, load, config, threads: threads, start: memoryGuard.start, others: others),
            totalSteps: totalSteps, epochSteps: sampler.stepsPerEpoch, evaluations: looks)
        let memory = caches.memory
        try memoryGuard.check(memory, config, threads: threads)
        let evaluations =
            inputs.validation == nil ? 0 : looks + (goesOn || inputs.task.headForm.isOwn ? 1 : 0)
        return RunPlan(
            config: config, threads: threads,
            frozenParameters: config.tuning.method.trainsBackbone
                ? 0 : inputs.backbone.parameterCount - trainer.method.changed.parameterCount,
            trainableParameters: trainer.trainableParameters,
            headParameters: trainer.model.head.parameters.reduce(0) { $0 + $1.values.count },
            roles: roles(trainer.adapters, config.tuning, of: inputs.backbone.architecture)
                + parts(trainer.method.changed), totalSteps: totalSteps,
            stepsPerEpoch: sampler.stepsPerEpoch,
            tokensPerEpoch: inputs.train.tokens, sharedPrefix: load.training.sharedPrefix,
            evaluations: evaluations, memory: memory,
            time: memory.fits
                ? try Time(
                    trainer, inputs, caches, sampler, totalSteps: totalSteps, evaluations: evaluations,
                    // The base model's answers first, and those of an adapter to go on from.
                    answerings: looks + (goesOn ? 2 : 1), threads: threads) : nil,
            shards: load.training.steps,
            warnings: inputs.warnings + trainer.method.warnings
                + StepChecks(
                    config: config, totalSteps: totalSteps, stepsPerEpoch: sampler.stepsPerEpoch,
                    plan: trainer.method.rankPlan
                ).warnings + memoryGuard.warnings,
            notes: inputs.notes + load.notes + caches.notes)
    }

    private static func parts(_ changed: ChangedParts) -> [RoleCount] {
        changed.isEmpty
            ? []
            : [
                RoleCount(
                    role: changed.kind, matrices: nil, parameters: changed.parameterCount)
            ]
    }

    private static func roles(_ set: AdapterSet, _ settings: TuningSettings, of architecture: Architecture)
        -> [RoleCount]
    {
        let parts = set.parts.first.map {
            RoleCount(role: "\(Figures.plural($0.kind))", matrices: nil, parameters: set.partParameters)
        }
        return ([nil] + LinearSite.Tower.allCases).flatMap { tower in
            architecture.roles.compactMap { role in
                let adapters = set.adapters.filter { $0.site.tower == tower && $0.site.role == role }
                if adapters.isEmpty { return nil }
                return RoleCount(
                    role: "\(tower.map { "\($0.rawValue)." } ?? "")\(role.rawValue)",
                    matrices: adapters.count,
                    parameters: adapters.reduce(0) {
                        let trained = RunRecord.Site.Trained($1, settings)
                        return $0 + $1.factors.rank * trained.perRank + trained.beside
                    })
            }
        } + (parts.map { [$0] } ?? [])
    }
}

extension RunPlan {
    /// What several processes make of a step, each with as many threads as this plan.
    ///
    /// - Returns: nil where no step was measured.
    package func estimate(processes: Int, _ network: ProcessEstimate.Network) -> ProcessEstimate? {
        guard let time else { return nil }
        let busiest = shards.reduce(0) { $0 + ProcessEstimate.busiestThread($1, threads) }
        let tokens = Double(busiest) / Double(max(shards.count, 1))
        guard tokens > 0 else { return nil }
        let fixed = min(time.fixedSeconds, time.secondsPerStep)
        return ProcessEstimate(
            steps: shards, processes: processes, threads: threads,
            perToken: (time.secondsPerStep - fixed) / tokens,
            everywhere: fixed, numbers: trainableParameters, network: network)
    }
}
