import Foundation
import Tasks
import Training

extension RunPlan.Time {
    /// Steps that make buffers and lay weights out; they cost more than all others.
    private static let firstSteps = 2
    private static let mostSteps = 12
    private static let mostSeconds = 20.0
    /// Of a measured step, a thread; of a larger batch the first rows stand for all.
    private static let mostTokens = 8_192
    private static let evaluatedRows = 128
    private static let fixedSteps = 5

    /// Takes some steps, and a part of everything else that happens again and again.
    ///
    /// - Parameters:
    ///   - evaluations: how many the run makes.
    ///   - answerings: how often it answers its prompts, where it has some.
    init(
        _ trainer: Trainer, _ inputs: RunInputs, _ caches: FrozenCaches, _ sampler: BatchSampler,
        totalSteps: Int, evaluations: Int, answerings: Int, threads: Int
    ) throws {
        func measure() throws -> (steps: Int, perToken: Double) {
            let measured = try Self.steps(
                trainer, caches.train, sampler, totalSteps: totalSteps, threads: threads)
            let tokens = measured.reduce(0) { $0 + $1.tokens }
            return (measured.count, measured.reduce(0) { $0 + $1.seconds } / Double(max(tokens, 1)))
        }
        let (measuredCount, perToken) = try measure()
        measuredSteps = measuredCount
        secondsPerStep = perToken * Double(inputs.train.tokens) / Double(sampler.stepsPerEpoch)
        tokensPerSecond = 1 / perToken
        fixedSeconds = try Self.fixed(trainer, caches.train, perToken: perToken)
        // Rows whose frozen layers are read a second time, and those that there is no room for.
        let again = caches.share > 0 ? try measure().perToken / perToken : 1
        let later = caches.share * min(again, 1) + 1 - caches.share
        let firstSteps = min(totalSteps, sampler.stepsPerEpoch)
        trainingSeconds = secondsPerStep * (Double(firstSteps) + later * Double(totalSteps - firstSteps))
        var evaluation = 0.0
        if let validation = caches.validation, evaluations > 0 {
            func seconds() -> Double {
                let started = ContinuousClock.now
                let read = trainer.model.tryEvaluation(of: validation, rows: Self.evaluatedRows)
                return (ContinuousClock.now - started).seconds * Double(validation.tokens)
                    / Double(max(read, 1))
            }
            let first = seconds()
            let later = caches.share > 0 ? min(first, seconds()) : first
            evaluation = first + later * Double(evaluations - 1)
        }
        evaluationSeconds = evaluation
        answerSeconds =
            try inputs.samples.map {
                Double(answerings) * (try SampleAnswering($0, inputs, trainer).mostSeconds())
            } ?? 0
        forgettingSeconds =
            try inputs.heldOutText.map { text in
                let seconds = try Forgetting.seconds(
                    text, trainer.model, trainsBackbone: inputs.config.tuning.method.trainsBackbone)
                return seconds.base + Double(evaluations) * seconds.comparison
            } ?? 0
    }

    /// Seconds of a step on the shortest row, less what its tokens take.
    private static func fixed(_ trainer: Trainer, _ train: TokenizedDataset, perToken: Double) throws
        -> Double
    {
        guard
            let row = train.sequences.indices.min(by: {
                train.sequences[$0].length < train.sequences[$1].length
            })
        else { return 0 }
        let seconds = try (0..<fixedSteps).map { _ in
            let started = ContinuousClock.now
            let result = try trainer.step(mostSteps, data: train, indices: [row])
            return (ContinuousClock.now - started).seconds - perToken * Double(result.tokens)
        }
        return max(0, seconds.sorted()[fixedSteps / 2])
    }

    /// Tokens and seconds of steps, but for the first ones.
    private static func steps(
        _ trainer: Trainer, _ train: TokenizedDataset, _ sampler: BatchSampler, totalSteps: Int, threads: Int
    ) throws -> [(tokens: Int, seconds: Double)] {
        let order = sampler.order(epoch: 0)
        let started = ContinuousClock.now
        var measured: [(tokens: Int, seconds: Double)] = []
        for step in 1...min(mostSteps, totalSteps, sampler.stepsPerEpoch) {
            let rows = sampler.indices(step: step, order: order)
            var tokens = 0
            let measurable = rows.prefix {
                tokens += train.sequences[$0].length
                return tokens <= threads * mostTokens
            }
            let stepStart = ContinuousClock.now
            let result = try trainer.step(
                step, data: train, indices: Array(measurable.isEmpty ? rows.prefix(1) : measurable))
            measured.append((result.tokens, (ContinuousClock.now - stepStart).seconds))
            if (ContinuousClock.now - started).seconds > mostSeconds { break }
        }
        if measured.count > firstSteps { measured.removeFirst(firstSteps) }
        return measured
    }
}
