import Adapters
import Autodiff
import Foundation
import GoldenFiles
import Matrices
import ModelFiles
import RankAllocation
import Tasks
import Testing
import Training
import Transformers

/// DoRA over singular triplets on the tiny BERT against its formulas in plain PyTorch, by scripts/goldens/adadora_parity.py.
@Suite struct AdaDoRATests {
    private static let steps = 20
    private let expected: JSONValue
    private let tensors: TensorStore
    private let start: TensorStore
    private let batches: [TokenizedDataset]

    init() throws {
        expected = try Golden.json("adadora/expected.json")
        tensors = try Golden.tensors("adadora/expected.safetensors")
        start = try Golden.tensors("adadora/start.safetensors")
        let all = try #require(Golden.json("adalora/batches.json")["steps"]?.array)
        batches = try all.prefix(Self.steps).map { try PEFTParityTests.data($0) }
    }

    private func number(_ key: String) throws -> Double { try #require(expected[key]?.double) }

    private func trainer(_ measure: any ImportanceMeasure, threads: Int = 2) throws -> Trainer {
        let backbone = try PretrainedModel.open(Golden.url("bert/model")).openBackbone()
        let rank = Int(try number("rank"))
        let set = try PEFTRun.adapters(
            backbone, start, method: .adalora, rank: rank, scale: Float(try number("scale")))
        set.takeMagnitudes(of: nil)
        for adapter in set.adapters {
            try #require(adapter.rule?.parameters.first).values.copyValues(
                from: try start.floats("\(adapter.layer.modulePath).m"))
        }
        let schedule = try BudgetSchedule(
            initialBudget: rank * 12, finalBudget: Int(try number("target")), totalSteps: Self.steps,
            warmupSteps: 3, finalSteps: 5, interval: 2)
        let method = AdaLoRA(
            set,
            ranks: RankController(
                set: set, settings: AllocationSettings(schedule: schedule, measure: measure)),
            penalty: OrthogonalityPenalty(form: .squared, weight: Float(try number("penalty"))))
        method.parametersChanged()
        let rate = LearningRate(
            peak: try number("rate"), shape: .constant, warmupSteps: 0, totalSteps: Self.steps)
        var settings = TrainerSettings(learningRate: rate, headLearningRate: rate)
        settings.weightDecay = 0.01
        return Trainer(
            model: try PEFTParityTests.model(backbone, start, threads: threads), method: method,
            settings: settings)
    }

    // 1e-4: sums over a batch in another order, in Float32 where the formulas are in Float64.
    @Test func valuesAndGradients() throws {
        let trainer = try trainer(Sensitivity())
        let (vector, data) = (trainer.vector, batches[0])
        #expect(relativeError(trainer.model.logits(data).values, try tensors.floats("logits")) < 1e-5)
        let gradients = Matrix(rows: 1, columns: vector.count)
        var shards: [Matrix] = []
        _ = try trainer.model.lossAndGradient(
            data, indices: Array(0..<data.count), into: gradients, shardGradients: &shards, seed: 1, step: 1)
        func check(_ parameter: Parameter, _ name: String) throws {
            let range = vector.range(of: parameter)
            let ours = (0..<range.count).map { gradients.pointer[range.lowerBound + $0] }
            #expect(relativeError(ours, try tensors.floats("grad.\(name)")) < 1e-4, "\(name)")
        }
        for adapter in trainer.adapters.adapters {
            let path = adapter.layer.modulePath
            try check(adapter.factors.p, "\(path).lora_B")
            try check(try #require(adapter.factors.lambda), "\(path).lora_E")
            try check(adapter.factors.q, "\(path).lora_A")
            try check(try #require(adapter.rule?.parameters.first), "\(path).m")
        }
        try check(trainer.model.head.weight, "classifier.weight")
    }

    /// Of each step the loss, the penalty and the mask, in the end factors, magnitudes and logits; 1e-4 as for PEFT's steps. Scores
    /// that decide differ by 7e-4 at least.
    @Test(arguments: ["sensitivity", "magnitude"]) func twentyStepsWithPruning(kind: String) throws {
        let trainer = try trainer(kind == "sensitivity" ? Sensitivity() : Magnitude())
        let records = try #require(expected[kind]?.array)
        #expect(records.count == Self.steps)
        for (index, record) in records.enumerated() {
            let data = batches[index]
            let result = try trainer.step(index + 1, data: data, indices: Array(0..<data.count))
            let loss = try #require(record["taskLoss"]?.double)
            let penalty = try #require(record["penalty"]?.double)
            #expect(abs(result.loss - loss) < 1e-4 * loss, "step \(index + 1): \(result.loss), \(loss)")
            #expect(abs(result.orthogonality - penalty) < 1e-4 * penalty, "step \(index + 1)")
            let masks = record["masks"]?.object
            #expect((masks == nil) == (result.allocation == nil))
            for adapter in trainer.adapters.adapters {
                guard let mask = masks?[adapter.layer.modulePath]?.array else { continue }
                #expect(mask.compactMap(\.bool) == adapter.mask, "step \(index + 1), \(adapter.site)")
            }
        }
        for adapter in trainer.adapters.adapters {
            let path = "\(kind).final.\(adapter.layer.modulePath)"
            for (parameter, name) in [
                (adapter.factors.p, "lora_B"), (adapter.factors.q, "lora_A"),
                (try #require(adapter.rule?.parameters.first), "m"),
            ] {
                let error = relativeError(parameter.values.values, try tensors.floats("\(path).\(name)"))
                #expect(error < 1e-4, "\(adapter.site) \(name): \(error)")
            }
        }
        let (data, logits) = (batches[0], try tensors.floats("\(kind).logits"))
        #expect(relativeError(trainer.model.logits(data).values, logits) < 1e-4)
        #expect(trainer.adapters.ranks.contains(0))
        // Pruned triplets are cut out, magnitudes stay where the rank is 0, and nothing changes; nor does it in a PEFT folder.
        trainer.compact()
        #expect(relativeError(trainer.model.logits(data).values, logits) < 1e-4)
        #expect(trainer.adapters.layers.allSatisfy { $0.adapter != nil })
        try isTheSameInAFolder(trainer, logits)
    }

    private func isTheSameInAFolder(_ trainer: Trainer, _ logits: [Float]) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "adadora-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let (set, head) = (trainer.adapters, trainer.model.head)
        try PEFTFolder.write(set, as: set.peft, head: head, baseModel: "../bert/model", into: folder)
        let backbone = try PretrainedModel.open(Golden.url("bert/model")).openBackbone()
        let model = try PEFTParityTests.model(backbone, start, threads: 1)
        let loaded = try PEFTFolder.load(folder, onto: backbone, head: model.head)
        #expect(loaded.set.ranks == set.ranks && loaded.set.kind == "DoRA")
        #expect(relativeError(model.logits(batches[0]).values, logits) < 1e-4)
        loaded.set.mergeIntoLayers()
        #expect(relativeError(model.logits(batches[0]).values, logits) < 1e-4)
    }

    /// What trains before and after pruning is r(O + I + 1) + O of each matrix, as the table of methods says.
    @Test func parametersThatTrain() throws {
        let trainer = try trainer(Magnitude())
        let method = try #require(FineTuningMethod.named("adadora"))
        let settings = TuningSettings(method: method)
        #expect(method.size == "r(O + I + 1) + O")
        let head = trainer.model.head.parameters.reduce(0) { $0 + $1.values.count }
        func told() -> Int {
            zip(trainer.adapters.adapters, trainer.adapters.ranks).reduce(head) {
                $0 + settings.parameters(outputs: $1.0.layer.outputs, inputs: $1.0.layer.inputs, rank: $1.1)
            }
        }
        #expect(trainer.trainableParameters == told())
        for (index, data) in batches.enumerated() {
            _ = try trainer.step(index + 1, data: data, indices: Array(0..<data.count))
        }
        trainer.compact()
        #expect(trainer.adapters.ranks.reduce(0, +) == 14 && trainer.trainableParameters == told())
    }

    /// Evaluations see the masked model, with the norms of what is left; afterwards all is as before, to the bit.
    @Test func masksCountInNorms() throws {
        let trainer = try trainer(Magnitude())
        for (index, data) in batches.prefix(6).enumerated() {
            _ = try trainer.step(index + 1, data: data, indices: Array(0..<data.count))
        }
        // Between allocations a pruned λ has regrown.
        for adapter in trainer.adapters.adapters { adapter.factors.lambda?.values.pointer[0] += 0.3 }
        trainer.method.parametersChanged()
        let before = trainer.model.logits(batches[0]).values
        let masked = trainer.method.masked { trainer.model.logits(batches[0]).values }
        #expect(trainer.model.logits(batches[0]).values == before)
        for adapter in trainer.adapters.adapters { adapter.applyMask() }
        trainer.method.parametersChanged()
        #expect(trainer.model.logits(batches[0]).values == masked)
        #expect(relativeError(masked, before) > 1e-4)
    }
}
