import Foundation
import RunConfiguration
import Runs

/// Adapters on a model, for a training loop of one's own.
///
/// The loop says which rows each step learns from, and when; gradient clipping, AdamW, the learning rate's schedule, importance,
/// orthogonality and the allocation of ranks are those of ``TrainingRun``, step by step.
///
///     let trainer = try AdapterTrainer(
///         model, task: .classification, learningFrom: rows, steps: 200, settings: settings)
///     for batch in batches {
///         let loss = try trainer.backward(batch).loss
///         let step = try trainer.step()
///         print(step.number, loss, trainer.ranks.total)
///     }
///     try trainer.save(to: URL(fileURLWithPath: "adapter"))
///
/// Not `Sendable`: a trainer belongs to whoever made it. Its work is shared by threads of its own.
public final class AdapterTrainer {
    private let loop: TrainingLoop
    private let configWarnings: [String]

    /// Attaches adapters under a budget to a model, and a head for the task.
    ///
    /// - Parameters:
    ///   - model: stays as it is.
    ///   - task: what the head answers.
    ///   - rows: from which labels are learned: each must occur. They also stand for the rows to come where a method looks at
    ///     rows first (`activation-svd`), for the mean from which a regression's head starts, and in the estimate of memory.
    ///   - steps: how many there will be, over which learning rate and budget are scheduled.
    ///   - settings: ``TrainingSettings/epochs`` and ``TrainingSettings/steps`` are left out. ``TrainingSettings/batchSize`` is
    ///     the number of rows that a step will have, for the estimate of memory.
    /// - Throws: ``AdaLoRAError``; messages call row 3 of `rows` `learningFrom:3`.
    public init(
        _ model: Model, task: TrainingTask, learningFrom rows: [Row], steps: Int,
        settings: TrainingSettings = TrainingSettings()
    ) throws(AdaLoRAError) {
        var settings = settings
        guard settings.epochs == nil, settings.steps == nil else {
            throw AdaLoRAError(
                .usage, "epochs and steps of the settings are for TrainingRun; give AdapterTrainer its steps")
        }
        if let key = Self.ofRuns.first(where: { settings.others[$0] != nil }) {
            throw AdaLoRAError(
                .usage,
                "the setting \(key) is for TrainingRun; leave it out: the loop of AdapterTrainer is the caller's"
            )
        }
        settings.steps = steps
        let request = RunRequest(
            model: model.url, task: task, rows: .values(rows), validation: .none, settings: settings,
            folder: nil)
        (loop, configWarnings) = try AdaLoRAError.telling {
            try ProductCheck.run()
            let loaded = try request.loaded()
            let loop = try TrainingLoop(
                loaded.config.config, rows: loaded.rows, ignoringMemory: settings.ignoresMemory)
            return (loop, loaded.config.warnings)
        }
    }

    /// Settings that say when a run looks at itself or saves
    private static let ofRuns = [
        "accumulate", "checkpoint-every", "evaluate-every", "frozen-cache", "keep-checkpoints", "samples",
    ]

    /// What a person should look at, one line each
    public var warnings: [String] { configWarnings + loop.warnings }
    /// What was chosen by model and rows, one line each
    public var notes: [String] { loop.notes }
    /// In the order of the head's outputs; empty where these are no labels
    public var labels: [String] { loop.labels }
    /// As many as were asked for
    public var totalSteps: Int { loop.totalSteps }
    /// As many as ``step()`` has taken
    public var completedSteps: Int { loop.completedSteps }
    /// As they are now
    public var ranks: Ranks { Ranks(loop.sites, loop.ranks) }
    /// Of the adapters alive and the head
    public var trainableParameters: Int { loop.trainableParameters }

    /// What became of the rows of a batch
    public struct Batch: Sendable, Equatable {
        /// The mean over the rows, or over their labelled tokens
        public let loss: Double
        /// Of the rows, special tokens included
        public let tokens: Int
        /// Rows that are longer than ``TrainingSettings/maxLength`` and were cut
        public let truncatedRows: Int
        /// Those that were left out for it, by the setting `long-rows`
        public let droppedRows: Int
    }

    /// Forward and backward: the loss of the rows, and its gradient, which is added to that of the batches since the last
    /// ``step()``.
    ///
    /// - Parameters:
    ///   - rows: labelled; with labels that ``labels`` holds.
    ///   - scale: of the loss in the gradient, such as 1/4 for each of four batches whose mean a step should learn from.
    /// - Returns: the mean loss, without `scale`.
    /// - Throws: ``AdaLoRAError/Kind/badData``, which says which row cannot be read: `batch:3` is the third of these.
    ///   ``AdaLoRAError/Kind/usage`` after the last step. Nothing changed then.
    @discardableResult
    public func backward(_ rows: [Row], scale: Double = 1) throws(AdaLoRAError) -> Batch {
        try AdaLoRAError.telling {
            let batch = try loop.backward(rows.lines(Self.name), name: Self.name, scale: scale)
            return Batch(
                loss: batch.loss, tokens: batch.tokens, truncatedRows: batch.truncatedRows,
                droppedRows: batch.droppedRows)
        }
    }

    /// What an update did
    public struct Step: Sendable, Equatable {
        /// From 1
        public let number: Int
        /// Whether ranks move
        public let phase: RunEvent.Phase
        /// The sum of the batches' losses, each times its scale
        public let loss: Double
        /// What the method adds to the loss, weighted: how far P and Q are from orthonormal
        public let orthogonality: Double
        /// Of all trainable parameters together, before clipping
        public let gradientNorm: Double
        /// Of this update, without the head's
        public let learningRate: Double
        /// nil for methods without one
        public let budget: Int?
        /// Whether ranks were allocated anew, and may have moved
        public let isAllocation: Bool
    }

    /// Updates the parameters along the gradient that ``backward(_:scale:)`` left; then importance, and by the schedule the
    /// allocation of ranks. After the last allocation pruned triplets are cut out.
    ///
    /// - Throws: ``AdaLoRAError/Kind/usage`` without a gradient and after the last step; ``AdaLoRAError/Kind/diverged`` where loss
    ///   or gradient are not finite: the gradient is gone then, the parameters are as they were, and the step may be taken again.
    ///   Also where the update itself left nothing finite, of which the text speaks; such a trainer is of no more use.
    @discardableResult
    public func step() throws(AdaLoRAError) -> Step {
        try AdaLoRAError.telling {
            let result = try loop.step()
            let number = loop.completedSteps
            return Step(
                number: number, phase: RunEvent.Phase(rawValue: loop.phase(at: number)) ?? .fixed,
                loss: result.loss, orthogonality: result.orthogonality, gradientNorm: result.gradientNorm,
                learningRate: result.rate, budget: loop.budget(at: number),
                isAllocation: result.allocation != nil)
        }
    }

    /// Loss and metrics on labelled rows, without dropout, of the model as it would be saved. Changes nothing.
    ///
    /// - Throws: ``AdaLoRAError/Kind/badData``: `rows:3` is the third.
    public func evaluate(_ rows: [Row]) throws(AdaLoRAError) -> Evaluation {
        try AdaLoRAError.telling {
            let result = try loop.evaluate(rows.lines(Self.rowsName), name: Self.rowsName)
            return Evaluation(
                result.evaluation, rows: result.rows,
                warnings: result.evaluation.warnings(name: Self.rowsName))
        }
    }

    /// Answers rows, in their order, by the model as it would be saved. Changes nothing.
    ///
    /// - Throws: ``AdaLoRAError/Kind/badData``: `rows:3` is the third.
    public func predict(_ rows: [Row]) throws(AdaLoRAError) -> [Prediction] {
        try AdaLoRAError.telling {
            if rows.isEmpty { return [] }
            return try loop.predict(rows.lines(Self.rowsName), name: Self.rowsName).map(Prediction.init)
        }
    }

    /// Writes adapter and head as they are now, for ``Adapter`` and the Python library `peft`. Before the last allocation they
    /// hold more than the budget.
    ///
    /// - Parameter folder: new, empty, or one that this library wrote, which is replaced when the new one is whole.
    /// - Throws: ``AdaLoRAError/Kind/usage`` for a folder with anything else in it, ``AdaLoRAError/Kind/inputOutput`` where it
    ///   cannot be written.
    public func save(to folder: URL) throws(AdaLoRAError) {
        try AdaLoRAError.telling { try loop.save(to: folder) }
    }

    private static let name = "batch"
    private static let rowsName = "rows"
}
