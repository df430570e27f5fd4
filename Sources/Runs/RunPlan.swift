import Adapters
import Foundation
import Matrices
import Messages
import RunConfiguration
import Tasks
import Training
import Transformers

/// What a run will train, need and take, before it runs.
package struct RunPlan: Sendable {
    /// The adapters of one kind of matrix.
    package struct RoleCount: Sendable, Equatable {
        package let role: String
        package let matrices: Int
        /// At the start, before pruning.
        package let parameters: Int
    }

    /// From a few steps that were taken and an evaluation of a few rows.
    package struct Time: Sendable {
        package let measuredSteps: Int
        package let secondsPerStep: Double
        /// Of all steps, with those of all evaluations.
        package let trainingSeconds: Double
        package let evaluationSeconds: Double
        package let tokensPerSecond: Double
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
    package let evaluations: Int
    package let memory: MemoryEstimate
    /// nil where the memory does not suffice to measure it.
    package let time: Time?
    package let warnings: [String]
    /// How rows were held out, and which settings model and rows decided
    package let notes: [String]

    /// Reads and checks all inputs as training does, sets the run up, and takes a few steps of it. Writes nothing.
    package static func measure(_ given: RunConfig) throws -> RunPlan {
        var memoryGuard = MemoryGuard(isIgnored: true)
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
        let memory = MemoryEstimate(
            trainer, inputs, sampler, config, totalSteps: totalSteps, threads: threads,
            start: memoryGuard.start)
        try memoryGuard.check(memory, config, threads: threads)
        let every = config.evaluateEvery ?? sampler.stepsPerEpoch
        let evaluations =
            inputs.validation == nil
            ? 0
            : totalSteps / every + (totalSteps % every == 0 ? 0 : 1)
                + (config.tuning.fromAdapter == nil ? 0 : 1)
        return RunPlan(
            config: config, threads: threads,
            frozenParameters: config.tuning.method.trainsBackbone ? 0 : inputs.backbone.parameterCount,
            trainableParameters: trainer.trainableParameters,
            headParameters: trainer.model.head.parameters.reduce(0) { $0 + $1.values.count },
            roles: roles(trainer.adapters, of: inputs.backbone.architecture), totalSteps: totalSteps,
            stepsPerEpoch: sampler.stepsPerEpoch,
            tokensPerEpoch: inputs.train.tokens, evaluations: evaluations, memory: memory,
            time: memory.fits
                ? try time(
                    trainer, inputs, sampler, totalSteps: totalSteps, evaluations: evaluations,
                    threads: threads) : nil,
            warnings: inputs.warnings + trainer.method.warnings
                + StepChecks(
                    config: config, totalSteps: totalSteps, stepsPerEpoch: sampler.stepsPerEpoch,
                    plan: trainer.method.rankPlan
                ).warnings + memoryGuard.warnings, notes: inputs.notes)
    }

    private static func roles(_ set: AdapterSet, of architecture: Architecture) -> [RoleCount] {
        architecture.roles.compactMap { role in
            let adapters = set.adapters.filter { $0.site.role == role }
            if adapters.isEmpty { return nil }
            return RoleCount(
                role: role.rawValue, matrices: adapters.count,
                parameters: adapters.reduce(0) { $0 + $1.parameterCount(rank: $1.factors.rank) })
        }
    }

    /// Steps that make buffers and lay weights out; they cost more than all others.
    private static let firstSteps = 2
    private static let mostSteps = 12
    private static let mostSeconds = 20.0
    /// Of a measured step, a thread; of a larger batch the first rows stand for all.
    private static let mostTokens = 8_192
    private static let evaluatedRows = 128

    private static func time(
        _ trainer: Trainer, _ inputs: RunInputs, _ sampler: BatchSampler, totalSteps: Int, evaluations: Int,
        threads: Int
    ) throws -> Time {
        let clock = ContinuousClock()
        let order = sampler.order(epoch: 0)
        let started = clock.now
        var measured: [(tokens: Int, seconds: Double)] = []
        for step in 1...min(mostSteps, totalSteps, sampler.stepsPerEpoch) {
            let rows = sampler.indices(step: step, order: order)
            var tokens = 0
            let measurable = rows.prefix {
                tokens += inputs.train.sequences[$0].ids.count
                return tokens <= threads * mostTokens
            }
            let stepStart = clock.now
            let result = try trainer.step(
                step, data: inputs.train, indices: Array(measurable.isEmpty ? rows.prefix(1) : measurable))
            measured.append((result.tokens, (clock.now - stepStart).seconds))
            if (clock.now - started).seconds > mostSeconds { break }
        }
        if measured.count > firstSteps { measured.removeFirst(firstSteps) }
        let tokens = measured.reduce(0) { $0 + $1.tokens }
        let perToken = measured.reduce(0) { $0 + $1.seconds } / Double(max(tokens, 1))
        let perStep = perToken * Double(inputs.train.tokens) / Double(sampler.stepsPerEpoch)
        var evaluation = 0.0
        if let validation = inputs.validation, evaluations > 0 {
            let stride = max(1, validation.count / evaluatedRows)
            let rows = TokenizedDataset(
                sequences: Swift.stride(from: 0, to: validation.count, by: stride).map {
                    validation.sequences[$0]
                })
            let evaluationStart = clock.now
            trainer.model.read(rows) { _ = $0.logits() }
            let seconds = (clock.now - evaluationStart).seconds
            evaluation =
                seconds * Double(validation.tokens) / Double(max(rows.tokens, 1)) * Double(evaluations)
        }
        return Time(
            measuredSteps: measured.count, secondsPerStep: perStep,
            trainingSeconds: perStep * Double(totalSteps), evaluationSeconds: evaluation,
            tokensPerSecond: 1 / perToken)
    }
}
