import Foundation
import Matrices
import Tasks
import Training
import TrainingSteps
import Transformers

/// A model with its adapters and one made-up batch, which it learns again and again.
final class SteppedModel {
    private let trainer: Trainer
    private let data: TokenizedDataset
    private var steps = 0

    private static let classes = 5

    init(_ url: URL, batch: Int, length: Int, rank: Int) throws {
        let backbone = try PretrainedModel.open(url).openBackbone()
        let isDecoder = backbone.architecture.isDecoder
        let words = backbone.sizes.vocabulary - 1
        let ids = (0..<batch).map { row in
            (0..<length).map { Int32(1 + (row * 7919 + $0 * $0 * 31 + $0 * 3) % words) }
        }
        trainer = try StepScenario.exact.trainer(
            backbone, isDecoder ? .vocabulary : .sequence(.mean), outputs: isDecoder ? 0 : Self.classes,
            threads: 1, rank: rank)
        data = TokenizedDataset(
            sequences: ids.map { .init(ids: $0, typeIDs: $0.map { _ in 0 }) },
            objective: isDecoder
                ? NextTokenObjective(ids: ids)
                : ClassObjective(truth: (0..<batch).map { Int32($0 % Self.classes) }))
    }

    func multiplyInBFloat16() {
        for weight in trainer.model.backbone.weights { weight.multiplyInBFloat16() }
    }

    /// The loss before the update.
    func step() throws -> Double {
        steps += 1
        return try trainer.step(steps, data: data, indices: Array(data.sequences.indices)).loss
    }

    func gradient() throws -> (loss: Double, values: [Float]) {
        let gradient = Matrix(rows: 1, columns: trainer.trainableParameters)
        var shards: [Matrix] = []
        let (loss, _) = try trainer.model.lossAndGradient(
            data, indices: Array(data.sequences.indices), into: gradient, shardGradients: &shards, seed: 1,
            step: 1)
        return (loss, gradient.values)
    }
}
