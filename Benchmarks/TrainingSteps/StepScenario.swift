import Adapters
import Foundation
import Matrices
import ModelFiles
import RankAllocation
import Tasks
import Training
import Transformers

/// A kind of training step on fixed made-up batches: what `StepCounts` counts and `KernelTimes` times.
package enum StepScenario: String, CaseIterable {
    case lora = "LoRA"
    case penalty = "AdaLoRA, penalty"
    case exact = "AdaLoRA, exact"
    case compacted = "AdaLoRA, compacted"

    private static let classes = 5
    private static let compactedAfter = 4
    /// More than anybody takes: all steps but those of the compacted model allocate.
    private static let totalSteps = 1_000_000

    /// Steps of a new model, one call each.
    ///
    /// - Parameters:
    ///   - lengths: tokens of the sequences of each batch; 16 sequences of 4 to 19 unless given
    ///   - rank: triplets per matrix at the start
    /// - Returns: takes a step and gives the training loss before its update.
    package func steps(
        model: URL, threads: Int, lengths: [Int] = Array(4..<20), rank: Int = 3,
        recomputesLayers: Bool = false
    ) throws -> () throws -> Double {
        let trainer = try trainer(
            PretrainedModel.open(model).openBackbone(), .sequence(.pooler), outputs: Self.classes,
            threads: threads, rank: rank, recomputesLayers: recomputesLayers)
        let data = Self.data(lengths)
        let indices = Array(data.sequences.indices)
        var step = 0
        return {
            step += 1
            let loss = try trainer.step(step, data: data, indices: indices).loss
            if self == .compacted, step == Self.compactedAfter { trainer.compact() }
            return loss
        }
    }

    private static func data(_ lengths: [Int]) -> TokenizedDataset {
        let sequences = lengths.enumerated().map { row, length in
            let ids = (0..<length).map { Int32(1 + (row * 7 + $0 * 3) % 60) }
            return TokenizedDataset.Sequence(ids: ids, typeIDs: ids.map { _ in 0 })
        }
        return TokenizedDataset(
            sequences: sequences,
            objective: ClassObjective(truth: lengths.indices.map { Int32($0 % classes) }))
    }

    /// - Parameters:
    ///   - outputs: of a head that trains.
    ///   - rank: triplets per matrix at the start.
    package func trainer(
        _ backbone: any Backbone, _ form: HeadForm, outputs: Int, threads: Int, rank: Int,
        recomputesLayers: Bool = false
    ) throws -> Trainer {
        let plan = AdapterPlan(
            method: self == .lora ? .lora : .adalora, roles: backbone.architecture.roles, rank: rank,
            scale: 1, dropout: 0, initialization: .orthonormal, seed: 1)
        let set = try AdapterSet(installing: plan, on: backbone.linearLayers)
        let head = try SequenceHead(
            backbone: backbone, outputs: outputs, form: form, dropout: 0,
            stream: RandomStream(seed: 1, purpose: "head"))
        let rate = LearningRate(peak: 1e-2, shape: .constant, warmupSteps: 0, totalSteps: Self.totalSteps)
        let settings = TrainerSettings(learningRate: rate, headLearningRate: rate)
        var method: any FineTuning = LoRA(set)
        if self != .lora {
            let triplets = rank * set.adapters.count
            var allocation = AllocationSettings(
                schedule: try BudgetSchedule(
                    initialBudget: triplets, finalBudget: triplets / 2, totalSteps: Self.totalSteps,
                    warmupSteps: 0,
                    finalSteps: self == .compacted ? Self.totalSteps - Self.compactedAfter + 1 : 1,
                    interval: 1),
                measure: Sensitivity())
            allocation.keepsTripletsExact = self != .penalty
            method = AdaLoRA(
                set, ranks: RankController(set: set, settings: allocation),
                penalty: OrthogonalityPenalty(form: self == .penalty ? .squared : .none, weight: 0.1))
        }
        return Trainer(
            model: SequenceModel(
                backbone: backbone, head: head, workers: Workers(count: threads),
                recomputesLayers: recomputesLayers),
            method: method, settings: settings)
    }
}
