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
    /// What the next update learns from, and what its loss came to
    private var pending = PendingGradient()
    /// Of a batch after the first one of a step
    private var addedGradients: Matrix?
    /// What AdamW updates in one call, in the order of the vector.
    private var updates: [Update] = []

    private struct Update {
        let range: Range<Int>
        /// Of the moments of its first element
        let place: Int
        let rate: LearningRate
        let factor: Double
    }

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
        updates = Self.updates(method, vector, settings)
        optimizer = AdamW(
            count: updates.reduce(0) { $0 + $1.range.count }, beta1: settings.beta1, beta2: settings.beta2,
            epsilon: settings.epsilon,
            weightDecay: settings.weightDecay)
        precondition(
            method.changed.weights.allSatisfy(\.isTrainable),
            "weights that are saved as trained are not in the vector")
    }

    private var momentCount: Int { updates.reduce(0) { $0 + $1.range.count } }

    /// Floats of what trains, its gradient, and what is kept for its steps
    package var stateFloats: Int { 2 * (vector.count + momentCount) + (method.balanced?.count ?? 0) }

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
        try model.checkImages(data, loss: loss)
        return try update(step, loss: loss, tokens: tokens) {
            model.probe(data, indices: indices, backwardInto: gradients)
        }
    }

    /// Forward and backward over the examples `indices`: their mean loss and its gradient, both times `scale`, are added to
    /// what step t learns from.
    ///
    /// - Returns: the mean loss, without `scale`.
    /// - Throws: where an image cannot be read; nothing is added then.
    @discardableResult
    package func backward(_ step: Int, data: TokenizedDataset, indices: [Int], scale: Double = 1) throws
        -> Double
    {
        let isFirst = pending.batches.isEmpty
        let target = isFirst ? gradients : spareGradients()
        let (loss, tokens) = try model.lossAndGradient(
            data, indices: indices, into: target, shardGradients: &shardGradients, seed: settings.seed,
            step: step, pass: pending.batches.count)
        try model.checkImages(data, loss: loss)
        if scale != 1 {
            let factor = Float(scale)
            for index in 0..<target.count { target.pointer[index] *= factor }
        }
        if !isFirst { Kernel.add(target, into: gradients) }
        pending.loss += scale * loss
        pending.tokens += tokens
        pending.batches.append((data, indices))
        return loss
    }

    /// Whether something was learned from since the last update.
    package var hasGradient: Bool { !pending.batches.isEmpty }

    /// Step t on what `backward` left since the last one. The gradient is gone then, also where this throws.
    package func update(_ step: Int) throws -> StepResult {
        precondition(hasGradient, "an update without a gradient")
        let learned = pending
        pending = PendingGradient()
        return try update(step, loss: learned.loss, tokens: learned.tokens) {
            for (data, indices) in learned.batches {
                model.probe(data, indices: indices, backwardInto: gradients)
            }
        }
    }

    /// - Parameter probing: sends what was learned from through once more, backward into `gradients`.
    private func update(_ step: Int, loss: Double, tokens: Int, probing: () -> Void) throws -> StepResult {
        if method.observesTaskGradient { keepTaskGradient() }
        let penalty = method.addPenalty(in: vector, to: gradients)
        let norm = try gradientNorm(step)
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
            method.balanced?.scale(by: factor)
        }
        method.precondition(gradients, in: vector, workers: model.workers)
        let rate = settings.learningRate.value(at: step)
        let update = MethodUpdate(
            step: step, arrays: self, gradients: taskGradients ?? gradients, rate: rate,
            decay: rate * Double(settings.weightDecay), workers: model.workers)
        method.observe(update)
        for part in updates {
            optimizer.update(
                vector.values, gradients: gradients, range: part.range, place: part.place, step: step,
                rate: part.rate.value(at: step) * part.factor)
        }
        let allocation = try Self.naming(step) {
            try updateBalanced(step, rate: rate)
            return try method.afterUpdate(update) {
                gradients.fill(0)
                probing()
            }
        }
        return StepResult(
            loss: loss, orthogonality: penalty, gradientNorm: norm,
            rate: rate, tokens: tokens, allocation: allocation)
    }

    /// Of factors that balanced steps move it is that in their frame, which does not depend on how a product is split.
    private func gradientNorm(_ step: Int) throws -> Double {
        let all = gradients.sumOfSquares
        guard let balanced = method.balanced else { return all.squareRoot() }
        let own = try Self.naming(step) {
            try balanced.prepare(gradients, in: vector, workers: model.workers)
        }
        // A sum that is no number stays none: `max(0, …)` would lose it.
        return (max(all - own.plain, 0) + own.balanced).squareRoot()
    }

    private func updateBalanced(_ step: Int, rate: Double) throws {
        try method.balanced?.update(
            BalancedSteps.Rates(
                step: step, rate: rate, decay: rate * Double(settings.weightDecay), beta1: settings.beta1,
                beta2: settings.beta2, epsilon: settings.epsilon), workers: model.workers)
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

    private func spareGradients() -> Matrix {
        let spare = addedGradients ?? Matrix(rows: 1, columns: gradients.count)
        addedGradients = spare
        return spare
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
        let before = updates
        take(reshaped.vector)
        func place(_ element: Int) -> Int? {
            before.first { $0.range.contains(element) }.map { $0.place + element - $0.range.lowerBound }
        }
        let elements = updates.lazy.flatMap(\.range)
        optimizer.gather(
            elements.map { place(reshaped.source[$0]) }, count: updates.reduce(0) { $0 + $1.range.count })
    }

    private func take(_ vector: ParameterVector) {
        self.vector = vector
        gradients = Matrix(rows: 1, columns: vector.count)
        (shardGradients, addedGradients) = ([], nil)
        updates = Self.updates(method, vector, settings)
    }

    private static func updates(
        _ method: any FineTuning, _ vector: ParameterVector, _ settings: TrainerSettings
    ) -> [Update] {
        let others = Set((method.balanced?.parameters ?? []).map(ObjectIdentifier.init))
        var (start, place) = (0, 0)
        var updates: [Update] = []
        func add(_ count: Int, _ rate: LearningRate, _ factor: Double) {
            updates.append(Update(range: start..<start + count, place: place, rate: rate, factor: factor))
            (start, place) = (start + count, place + count)
        }
        for group in method.groups {
            // Of what AdamW moves all that is next to each other, in one call.
            for run in group.parameters.chunked(by: { others.contains(ObjectIdentifier($0)) }) {
                let count = run.items.reduce(0) { $0 + $1.values.count }
                if run.key { start += count } else { add(count, settings.learningRate, group.rateFactor) }
            }
        }
        add(vector.count - start, settings.headLearningRate, 1)
        return updates
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

    private var methodState: MethodState {
        var state = method.state
        state.tensors += method.balanced?.tensors ?? []
        return state
    }

    /// What decides how this trainer goes on; good until the next step.
    package var state: TrainerState {
        TrainerState(
            method: methodState, values: SavedFloats(vector.values),
            firstMoments: SavedFloats(optimizer.firstMoments),
            secondMoments: SavedFloats(optimizer.secondMoments))
    }

    /// Puts everything back; a state of another shape is an error, after which this trainer is of no use.
    package func restore(_ state: TrainerState) throws {
        do {
            if let reshaped = try method.restore(state.method, in: vector) { take(reshaped) }
            guard
                state.values.count == vector.count, state.firstMoments.count == momentCount,
                state.secondMoments.count == momentCount
            else { throw StateMismatch(of: "parameters") }
            try method.balanced?.restore(state.method.tensors)
        } catch let mismatch as StateMismatch {
            throw TrainingError(mismatch.description)
        }
        vector.values.copyValues(from: state.values.values)
        optimizer.restore(
            firstMoments: state.firstMoments.values, secondMoments: state.secondMoments.values)
        method.parametersChanged()
    }
}

/// What stands in a trainer's gradient.
private struct PendingGradient {
    var loss = 0.0
    var tokens = 0
    var batches: [(data: TokenizedDataset, indices: [Int])] = []
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

extension Array {
    /// Neighbours of one key together.
    fileprivate func chunked(by key: (Element) -> Bool) -> [(key: Bool, items: [Element])] {
        var runs: [(key: Bool, items: [Element])] = []
        for item in self {
            let key = key(item)
            if runs.last?.key == key {
                runs[runs.count - 1].items.append(item)
            } else {
                runs.append((key, [item]))
            }
        }
        return runs
    }
}
