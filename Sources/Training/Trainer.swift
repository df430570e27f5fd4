import Adapters
import Autodiff
import Foundation
import Matrices
import Messages
import RankAllocation
import Tasks
import Transformers

/// What a trainer needs to know about the optimization, resolved from the configuration.
package struct TrainerSettings: Sendable {
    package var learningRate: LearningRate
    package var headLearningRate: LearningRate
    package var beta1: Float = 0.9
    package var beta2: Float = 0.999
    package var epsilon: Float = 1e-8
    package var weightDecay: Float = 0
    /// Largest global gradient norm, 0 for none.
    package var clip: Double = 1
    package var seed: UInt64 = 42

    package init(learningRate: LearningRate, headLearningRate: LearningRate) {
        self.learningRate = learningRate
        self.headLearningRate = headLearningRate
    }
}

/// One optimizer step after the other, in one visible order.
package final class Trainer: TrainedArrays {
    package let model: SequenceModel
    package let method: any FineTuning
    package let settings: TrainerSettings
    package private(set) var vector: ParameterVector
    package private(set) var optimizer: AdamW
    private var gradients: Matrix
    /// The gradient without penalty and clipping, where the method asks for it.
    private var taskGradients: Matrix?
    private var shardGradients: [Matrix] = []
    /// What AdamW updates in one call, in the order of the vector.
    private var updates: [(range: Range<Int>, rate: LearningRate, factor: Double)] = []

    /// What a step reports.
    package struct StepResult: Sendable {
        package let loss: Double
        /// The method's own term of the loss, weighted
        package let orthogonality: Double
        package let gradientNorm: Double
        package let rate: Double
        package let tokens: Int
        package let allocation: AllocationOutcome?
    }

    package init(model: SequenceModel, method: any FineTuning, settings: TrainerSettings) {
        self.model = model
        self.method = method
        self.settings = settings
        vector = ParameterVector(method.groups.flatMap(\.parameters) + model.head.parameters)
        gradients = Matrix(rows: 1, columns: vector.count)
        optimizer = AdamW(
            count: vector.count, beta1: settings.beta1, beta2: settings.beta2, epsilon: settings.epsilon,
            weightDecay: settings.weightDecay)
        precondition(
            method.changed.weights.allSatisfy(\.isTrainable),
            "weights that are saved as trained are not in the vector")
        layOutUpdates()
    }

    package var adapters: AdapterSet { method.adapters }
    package var trainableParameters: Int { vector.count }
    package var firstMoments: Matrix { optimizer.firstMoments }
    package var secondMoments: Matrix { optimizer.secondMoments }

    /// Step t on the examples `indices`: gradient, the method's penalty, clipping, precondition, observe → AdamW → what the method does
    /// after an update. Nothing is changed if the loss or a gradient is not finite.
    package func step(_ step: Int, data: TokenizedDataset, indices: [Int]) throws -> StepResult {
        let (loss, tokens) = try model.lossAndGradient(
            data, indices: indices, into: gradients, shardGradients: &shardGradients, seed: settings.seed,
            step: step)
        if method.observesTaskGradient { keepTaskGradient() }
        let penalty = method.addPenalty(in: vector, to: gradients)
        let norm = gradients.sumOfSquares.squareRoot()
        guard loss.isFinite, penalty.isFinite, norm.isFinite else {
            throw TrainingError(
                .diverged,
                "step \(step): the \(loss.isFinite ? "gradient" : "loss") is not finite (loss \(loss), gradient norm \(norm)); "
                    + "nothing was updated. \(Self.afterDivergence)")
        }
        if settings.clip > 0 && norm > settings.clip {
            // PyTorch's clip_grad_norm_ divides by norm + 1e-6.
            let factor = Float(settings.clip / (norm + 1e-6))
            for index in 0..<gradients.count { gradients.pointer[index] *= factor }
        }
        method.precondition(gradients, in: vector, workers: model.workers)
        let rate = settings.learningRate.value(at: step)
        let update = MethodUpdate(
            step: step, arrays: self, gradients: taskGradients ?? gradients, rate: rate,
            decay: rate * Double(settings.weightDecay), workers: model.workers)
        method.observe(update)
        for part in updates {
            optimizer.update(
                vector.values, gradients: gradients, range: part.range, step: step,
                rate: part.rate.value(at: step) * part.factor)
        }
        let allocation = try Self.naming(step) {
            try method.afterUpdate(update) {
                gradients.fill(0)
                model.probe(data, indices: indices, backwardInto: gradients)
            }
        }
        return StepResult(
            loss: loss, orthogonality: penalty, gradientNorm: norm,
            rate: rate, tokens: tokens, allocation: allocation)
    }

    private static let afterDivergence =
        "Lower \(SettingName.learningRate), or set \(SettingName.gradientClip)"

    /// An update that left nothing finite shows in what the method does after it.
    private static func naming<Result>(_ step: Int, _ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let failure as Factorization.Failure {
            throw TrainingError(
                .diverged,
                "step \(step): the adapters cannot be factorized (\(failure)); the update made them infinite or "
                    + "undefined. \(afterDivergence)")
        } catch let error as AllocationError where error.isDivergence {
            throw TrainingError(
                .diverged,
                "step \(step): the triplets cannot be ranked (\(error)); \(afterDivergence)")
        }
    }

    private func keepTaskGradient() {
        if taskGradients?.count != gradients.count {
            taskGradients = Matrix(rows: 1, columns: gradients.count)
        }
        taskGradients?.copyValues(from: gradients)
    }

    /// Cuts out what can never learn again. False if there is nothing of the kind, or it was done before.
    @discardableResult package func compact() -> Bool {
        guard let reshaped = method.compact(vector) else { return false }
        take(reshaped)
        return true
    }

    package func take(_ reshaped: Reshaped) {
        optimizer.gather(reshaped.source)
        take(reshaped.vector)
    }

    private func take(_ vector: ParameterVector) {
        self.vector = vector
        gradients = Matrix(rows: 1, columns: vector.count)
        shardGradients = []
        layOutUpdates()
    }

    private func layOutUpdates() {
        var start = 0
        updates = method.groups.map { group in
            let count = group.parameters.reduce(0) { $0 + $1.values.count }
            defer { start += count }
            return (start..<(start + count), settings.learningRate, group.rateFactor)
        }
        updates.append((start..<vector.count, settings.headLearningRate, 1))
    }

    /// All triplets as they are now.
    package func snapshot() throws -> [SiteSnapshot] { try method.snapshot(workers: model.workers) }

    /// Evaluates the model as it would be saved.
    package func evaluate(_ data: TokenizedDataset) throws -> Evaluation {
        try method.masked { try model.evaluation(data) }
    }

    /// As above, or nil if `shouldStop` said so before the end.
    package func evaluate(_ data: TokenizedDataset, unless shouldStop: () throws -> Bool) throws
        -> Evaluation?
    {
        try method.masked { try model.evaluation(data, unless: shouldStop) }
    }

    /// What decides how this trainer goes on; good until the next step.
    package var state: TrainerState {
        TrainerState(
            method: method.state, values: SavedFloats(vector.values),
            firstMoments: SavedFloats(optimizer.firstMoments),
            secondMoments: SavedFloats(optimizer.secondMoments))
    }

    /// Puts everything back; a state of another shape is an error, after which this trainer is of no use.
    package func restore(_ state: TrainerState) throws {
        do {
            if let reshaped = try method.restore(state.method, in: vector) { take(reshaped) }
            guard
                [state.values, state.firstMoments, state.secondMoments].allSatisfy({
                    $0.count == vector.count
                })
            else { throw StateMismatch(of: "parameters") }
        } catch let mismatch as StateMismatch {
            throw TrainingError(mismatch.description)
        }
        vector.values.copyValues(from: state.values.values)
        optimizer.restore(
            firstMoments: state.firstMoments.values, secondMoments: state.secondMoments.values)
        method.parametersChanged()
    }
}

/// The flat parameter vector, AdamW's moments of it, and what the method keeps.
package struct TrainerState: Sendable {
    package let method: MethodState
    package let values: SavedFloats
    package let firstMoments: SavedFloats
    package let secondMoments: SavedFloats

    package init(
        method: MethodState, values: SavedFloats, firstMoments: SavedFloats, secondMoments: SavedFloats
    ) {
        self.method = method
        self.values = values
        self.firstMoments = firstMoments
        self.secondMoments = secondMoments
    }
}
