import Adapters
import Foundation
import Images
import Matrices
import ModelFiles
import RankAllocation
import Tasks
import Training
import TrainingSteps
import Transformers

/// One AdaLoRA run, step by step.
struct PeerRun {
    private let trainer: Trainer
    private let batches: [TokenizedDataset]
    private let validation: TokenizedDataset?
    private let lastBudgetingStep: Int

    init(_ task: PeerTask, workers: Workers) throws {
        batches = try TokenizedDataset.batches(
            of: task.batches, task.pixels.map { try PixelImage.all(in: $0) } ?? [])
        validation = try task.validation.flatMap { try TokenizedDataset.batches(of: $0).first }
        let start = try task.start.map { try TensorStore(file: URL(fileURLWithPath: $0)) }
        let backbone = try PretrainedModel.open(URL(fileURLWithPath: task.model)).openBackbone()
        let head = try SequenceHead(
            backbone: backbone, outputs: task.labels,
            form: task.labels == 0 ? .vocabulary : .sequence(.pooler),
            dropout: 0, stream: RandomStream(seed: 0, purpose: "overwritten"))
        if let start {
            try start.copy("classifier.weight", into: head.weight.values)
            try start.copy("classifier.bias", into: head.bias.values)
        }
        let set = try Self.adapters(task, backbone, start)
        let schedule = try BudgetSchedule(
            initialBudget: task.initialRank * set.adapters.count,
            finalBudget: task.averageRank * set.adapters.count,
            totalSteps: task.totalSteps, warmupSteps: task.warmupSteps, finalSteps: task.finalSteps,
            interval: 1)
        lastBudgetingStep = schedule.lastBudgetingStep
        var allocation = AllocationSettings(schedule: schedule, measure: Sensitivity())
        allocation.weightsAfterUpdate = task.parity
        let rate = LearningRate(
            peak: task.learningRate, shape: .linear, warmupSteps: task.learningRateWarmupSteps,
            totalSteps: task.totalSteps)
        let penalty =
            task.parity
            ? OrthogonalityPenalty(form: .norm, weight: 0.5)
            : OrthogonalityPenalty(form: .squared, weight: 0.1)
        trainer = Trainer(
            model: SequenceModel(
                backbone: backbone, head: head, workers: workers,
                recomputesLayers: [.layers, .all].contains(task.recompute), sharing: .all),
            method: AdaLoRA(set, ranks: RankController(set: set, settings: allocation), penalty: penalty),
            settings: TrainerSettings(learningRate: rate, headLearningRate: rate))
        if [.weights, .all].contains(task.recompute) { backbone.readInPassing() }
        if task.precision == .bf16 {
            for weight in backbone.weights { weight.multiplyInBFloat16() }
        }
    }

    /// PEFT divides alpha by the initial rank + 1e-5; its alpha is the initial rank here.
    private static func adapters(_ task: PeerTask, _ backbone: any Backbone, _ start: TensorStore?) throws
        -> AdapterSet
    {
        let rank = Float(task.initialRank)
        let set = try AdapterSet(
            installing: AdapterPlan(
                method: .adalora, roles: backbone.architecture.roles, rank: task.initialRank,
                scale: rank / (rank + 1e-5),
                dropout: 0, initialization: .orthonormal, seed: 1), on: backbone.linearLayers)
        if task.parity, let start {
            for adapter in set.adapters {
                try start.copy("\(adapter.layer.modulePath).lora_A", into: adapter.factors.q.values)
                try start.copy("\(adapter.layer.modulePath).lora_B", into: adapter.factors.p.values)
                if let lambda = adapter.factors.lambda {
                    try start.copy("\(adapter.layer.modulePath).lora_E", into: lambda.values)
                }
            }
        }
        return set
    }

    /// Step t on batch t, both from 1. Packing the batch, cutting it into shards and, when budgeting ends, cutting
    /// pruned triplets out are part of the time.
    func step(_ step: Int) throws -> JSONObject {
        guard batches.indices.contains(step - 1) else {
            throw TrainingError("step \(step): there are \(batches.count) batches")
        }
        let batch = batches[step - 1]
        let indices = Array(batch.sequences.indices)
        var result: Trainer.StepResult?
        let processor = processorSeconds()
        let time = try seconds {
            result = try trainer.step(step, data: batch, indices: indices)
            if step == lastBudgetingStep { trainer.compact() }
        }
        return [
            "seconds": .number(time), "processorSeconds": .number(processorSeconds() - processor),
            "loss": .number(result?.loss ?? .nan),
            "tokens": JSONValue(batch.tokens),
            "alive": JSONValue(trainer.adapters.ranks.reduce(0, +)),
        ]
    }

    func evaluate() throws -> JSONObject {
        guard let validation else { throw TrainingError("the task names no validation file") }
        let evaluation = try trainer.model.evaluation(validation)
        guard case .classes(let predicted, _) = evaluation.rows else {
            throw TrainingError("the rows of the validation file have no classes")
        }
        return [
            "loss": .number(evaluation.loss),
            "predictions": .array(predicted.map { JSONValue(Int($0)) }),
        ]
    }
}

extension TensorStore {
    fileprivate func copy(_ name: String, into matrix: Matrix) throws {
        try copyFloat32(name, into: UnsafeMutableBufferPointer(start: matrix.pointer, count: matrix.count))
    }
}
