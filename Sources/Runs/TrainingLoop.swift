import AdapterTools
import Adapters
import Datasets
import Foundation
import Matrices
import Messages
import ModelFiles
import RankAllocation
import RunConfiguration
import RunRecords
import Tasks
import Training

/// A run whose loop is the caller's: inputs, checks, trainer and files are those of `TrainingSession`, the rows of each step
/// come from outside.
package final class TrainingLoop {
    /// What became of the rows of a batch.
    package struct Batch: Sendable {
        /// The mean over what the task learns from: rows, or their labelled tokens
        package let loss: Double
        package let tokens: Int
        /// Cut to the longest length
        package let truncatedRows: Int
        /// Left out because they are longer
        package let droppedRows: Int
    }

    /// With what model and rows decided
    package let config: RunConfig
    package let totalSteps: Int
    package let warnings: [String]
    package let notes: [String]
    package private(set) var completedSteps = 0
    private let inputs: RunInputs
    private let trainer: Trainer

    /// - Parameter rows: of the paths in the settings. What there is to predict is learned from the training rows, and they
    ///   stand for those that come when memory is estimated and a method looks at rows first.
    package init(_ given: RunConfig, rows: GivenRows, ignoringMemory: Bool = false) throws {
        var memory = MemoryGuard(isIgnored: ignoringMemory)
        inputs = try RunInputs(given, rows: rows)
        config = inputs.config
        let threads = config.threads ?? ProcessInfo.processInfo.activeProcessorCount
        let sampler = BatchSampler(
            examples: inputs.train.count, batch: config.resolvedBatchSize * config.accumulate,
            seed: config.seed)
        totalSteps = config.totalSteps(stepsPerEpoch: sampler.stepsPerEpoch)
        let assembly = TrainerAssembly(config, inputs, totalSteps: totalSteps, threads: threads)
        try memory.checkState(inputs, config, threads: threads)
        trainer = try assembly.trainer(isResumed: false)
        let load = RunLoad(trainer.model, inputs, sampler, totalSteps: totalSteps)
        try memory.check(
            MemoryEstimate(trainer, inputs, load, config, threads: threads, start: memory.start), config,
            threads: threads)
        warnings = inputs.warnings + trainer.method.warnings + memory.warnings
        notes = inputs.notes
    }

    /// Matrices with ranks, in the model's order; empty for methods without.
    package var sites: [RunRecord.Site] { trainer.adapters.ranked.adapters.map { .init($0.layer) } }
    /// In the order of `sites`
    package var ranks: [Int] { trainer.adapters.ranked.ranks }
    package var labels: [String] { inputs.task.record.labels }
    /// Those alive, with the head's
    package var trainableParameters: Int { writer.trainableParameters }
    /// The budget of a step; nil for methods without one.
    package func budget(at step: Int) -> Int? { trainer.method.rankPlan?.schedule.budget(at: step) }
    /// `warmup`, `budgeting`, `final`, or `fixed` for methods without a budget
    package func phase(at step: Int) -> String {
        trainer.method.rankPlan?.schedule.phase(at: step).rawValue ?? "fixed"
    }

    /// Forward and backward over rows. Their mean loss and its gradient, both times `scale`, are added to what the next step
    /// learns from.
    ///
    /// - Parameters:
    ///   - rows: labelled, JSON Lines.
    ///   - name: what messages call them.
    package func backward(_ rows: [UInt8], name: String, scale: Double) throws -> Batch {
        try checkIsUnfinished()
        guard scale.isFinite else {
            throw TrainingError(
                .usage, "step \(completedSteps + 1): the scale \(scale) is not finite; give a number")
        }
        let data = try inputs.learned(rows, name: name)
        let members = Array(0..<data.count)
        guard let objective = data.objective, objective.weight(of: members) > 0 else {
            throw TrainingError(
                "\(name): there is nothing to learn in these rows; give rows with something to learn")
        }
        let loss = try trainer.backward(completedSteps + 1, data: data, indices: members, scale: scale)
        return Batch(
            loss: loss, tokens: data.tokens, truncatedRows: data.truncatedRows, droppedRows: data.droppedRows)
    }

    /// The update with what was learned since the last one; then importance and, by the schedule, allocation.
    package func step() throws -> Trainer.StepResult {
        try checkIsUnfinished()
        let step = completedSteps + 1
        guard trainer.hasGradient else {
            throw TrainingError(
                .usage, "step \(step): there is no gradient to step along; call backward with rows first")
        }
        let result = try trainer.update(step)
        completedSteps = step
        if step == trainer.method.rankPlan?.schedule.lastBudgetingStep { trainer.compact() }
        return result
    }

    private func checkIsUnfinished() throws {
        guard completedSteps < totalSteps else {
            throw TrainingError(
                .usage,
                "all \(Figures.counted(totalSteps, "step")) are taken, for which rates and budgets were scheduled; ask for more "
                    + "at the start")
        }
    }

    /// Loss and metrics of labelled rows, JSON Lines, on the model as it would be saved.
    package func evaluate(_ rows: [UInt8], name: String) throws -> (evaluation: Evaluation, rows: Int) {
        let data = try inputs.tokenized(rows, name: name, isLabelled: true)
        let evaluation = try trainer.evaluate(data)
        try data.checkImages()
        return (evaluation, data.rows)
    }

    /// Answers to rows, JSON Lines, of the model as it would be saved.
    package func predict(_ rows: [UInt8], name: String) throws -> [Prediction] {
        let dataset = try inputs.dataset(rows, name: name, isLabelled: false)
        let (task, limits, model) = (inputs.task, inputs.limits, trainer.model)
        return try trainer.method.masked {
            try task.predictions(dataset, limits, AnswerOptions()) { try model.read($0, keeping: $1, $2) }
        }
    }

    /// Writes the adapter as it is now: a new folder, or one that holds an adapter of this program, which is replaced.
    package func save(to url: URL) throws {
        let manager = FileManager.default
        let isThere = manager.fileExists(atPath: url.path)
        let isOurs = manager.fileExists(
            atPath: url.appendingPathComponent(AdapterFolder.descriptionFile).path)
        let isEmpty = (try? manager.contentsOfDirectory(atPath: url.path).isEmpty) ?? false
        guard !isThere || isOurs || isEmpty else {
            throw TrainingError(
                .usage, "\(url.path) is there and holds no adapter of this program; give a new folder")
        }
        try writer.write(to: url, step: completedSteps)
    }

    private var writer: ResultWriter { ResultWriter(config: config, inputs: inputs, trainer: trainer) }
}
