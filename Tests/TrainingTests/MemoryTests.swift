import Adapters
import Autodiff
import Foundation
import GoldenFiles
import Matrices
import ModelFiles
import Tasks
import Testing
import Training
import Transformers

@Suite struct PoolEstimateTests {
    /// One worker: its pool holds exactly what the numbers said, through steps of shards of all sizes and evaluations.
    /// Rows of one length, since buffers of attention grow with the squares of lengths and the estimate with their mean.
    @Test(arguments: [false, true], [1, 5]) func isWhatTraining(recomputes: Bool, batch: Int) throws {
        try checkEstimate(of: trainer(recomputes: recomputes), batch: batch)
    }

    /// Left factors are rounded, rows of them at a time or all.
    @Test(arguments: [1, 5]) func isWhatTrainingInBFloat16Takes(batch: Int) throws {
        let trainer = try trainer(recomputes: false)
        for weight in trainer.model.backbone.weights { weight.multiplyInBFloat16() }
        try checkEstimate(of: trainer, batch: batch)
    }

    /// With tiles that weights of two bytes are unpacked to.
    @Test(arguments: [1, 5]) func isWhatTrainingOnHalfPrecisionTakes(batch: Int) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "half-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let golden = Golden.url("bert/model")
        try FileManager.default.copyItem(
            at: golden.appendingPathComponent("config.json"),
            to: folder.appendingPathComponent("config.json"))
        let store = try TensorStore(modelFolder: golden)
        let tensors = try store.tensors.map { info in
            TensorToWrite(
                name: info.name, elementType: .float16, shape: info.shape,
                bytes: try store.floats(info.name).flatMap { value in
                    let bits = Float16(value).bitPattern
                    return [UInt8(truncatingIfNeeded: bits), UInt8(bits >> 8)]
                })
        }
        try SafetensorsWriter.write(
            tensors, metadata: [:], to: folder.appendingPathComponent("model.safetensors"))
        try checkEstimate(of: trainer(recomputes: false, model: folder), batch: batch)
    }

    private func checkEstimate(of trainer: Trainer, batch: Int) throws {
        let data = rows(40, length: 9)
        let sampler = BatchSampler(examples: 40, batch: batch, seed: 1)
        let training = ShardLoad(training: data, sampler, totalSteps: 12)
        let estimate = PoolEstimate(
            trainer.model, try #require(data.objective), training, ShardLoad(evaluating: data),
            trainable: trainer.trainableParameters, workers: 1)
        let order = sampler.order(epoch: 0)
        for step in 1...(batch == 1 ? 12 : 8) {
            _ = try trainer.step(step, data: data, indices: Array(sampler.indices(step: step, order: order)))
        }
        _ = try trainer.evaluate(data)
        #expect(trainer.model.workers.allocatedElements == estimate.elements)
    }

    /// Rows of all lengths in shards of all sizes: within a tenth, for attention's buffers as above.
    @Test func isNearForMixedLengths() throws {
        let trainer = try trainer(recomputes: false)
        let data = TrainerTests.rows(200, seed: 8)
        let sampler = BatchSampler(examples: 200, batch: 16, seed: 1)
        let training = ShardLoad(training: data, sampler, totalSteps: 13)
        #expect(training.steps.count == 13 && training.mostShards > 0)
        #expect(training.tokens == training.steps.joined().max())
        let estimate = PoolEstimate(
            trainer.model, try #require(data.objective), training, nil,
            trainable: trainer.trainableParameters, workers: 1)
        let order = sampler.order(epoch: 0)
        for step in 1...13 {
            _ = try trainer.step(step, data: data, indices: Array(sampler.indices(step: step, order: order)))
        }
        let actual = trainer.model.workers.allocatedElements
        #expect(abs(Double(estimate.elements) / Double(actual) - 1) < 0.1, "\(estimate.elements) \(actual)")
    }

    private func rows(_ count: Int, length: Int) -> TokenizedDataset {
        TokenizedDataset(
            sequences: (0..<count).map { row in
                .init(
                    ids: (0..<length).map { Int32(5 + (row + $0) % 90) },
                    typeIDs: Array(repeating: 0, count: length))
            }, objective: ClassObjective(truth: (0..<count).map { Int32($0 % 5) }))
    }

    /// Where norms alone train, layers run again keep nothing of the first one either.
    @Test func layersWithNormsAreRunAgain() throws {
        for model in ["bert", "llama", "gpt2"] {
            let elements = try [false, true].map { recomputes in
                let backbone = try PretrainedModel.open(Golden.url("\(model)/model")).openBackbone()
                let norms = backbone.weights.filter {
                    let name = $0.name.lowercased()
                    return name.contains("norm") || name.contains("ln_")
                }
                let method = try VectorTuning(norms, of: backbone)
                let head = try SequenceHead(
                    backbone: backbone, outputs: 5, pooling: .mean, dropout: 0,
                    stream: RandomStream(seed: 3, purpose: "initialize head"))
                let sequence = SequenceModel(
                    backbone: backbone, head: head, workers: Workers(count: 1), recomputesLayers: recomputes)
                let rate = LearningRate(peak: 1e-3, shape: .linear, warmupSteps: 2, totalSteps: 30)
                let trainer = Trainer(
                    model: sequence, method: method,
                    settings: TrainerSettings(learningRate: rate, headLearningRate: rate))
                let data = rows(20, length: 9)
                return PoolEstimate(
                    sequence, try #require(data.objective),
                    ShardLoad(training: data, BatchSampler(examples: 20, batch: 5, seed: 1), totalSteps: 4),
                    nil, trainable: trainer.trainableParameters, workers: 1
                ).elements
            }
            // One of two layers keeps its input alone; what stands outside the layers is as large as a layer here.
            #expect(Double(elements[1]) < 0.85 * Double(elements[0]), "\(model): \(elements)")
        }
    }

    private func trainer(recomputes: Bool, model: URL = Golden.url("bert/model")) throws -> Trainer {
        let backbone = try PretrainedModel.open(model).openBackbone()
        let plan = AdapterPlan(
            method: .lora, roles: backbone.architecture.roles, rank: 3, scale: 1, dropout: 0.1,
            initialization: .orthonormal, seed: 3)
        let set = try AdapterSet(installing: plan, on: backbone.linearLayers)
        let head = try SequenceHead(
            backbone: backbone, outputs: 5, pooling: .pooler, dropout: 0.1,
            stream: RandomStream(seed: 3, purpose: "initialize head"))
        let rate = LearningRate(peak: 1e-3, shape: .linear, warmupSteps: 2, totalSteps: 30)
        return Trainer(
            model: SequenceModel(
                backbone: backbone, head: head, workers: Workers(count: 1), recomputesLayers: recomputes),
            method: LoRA(set),
            settings: TrainerSettings(learningRate: rate, headLearningRate: rate))
    }
}

@Suite struct PackedSizeTests {
    /// Two shapes of products for 3 remainders and whole blocks; weights of one shape share kernels.
    @Test func byHand() {
        func memory(_ rows: Int, _ isBackward: Bool) -> ProductMemory {
            Float32Weight.packedMemory(rows: rows, columns: 64, isMapped: true, isBackward: isBackward)
        }
        let (one, other) = (memory(100, true), memory(100, false))
        #expect(PackedSize([one], remainders: 3).bytes == one.bytes + 8 * PackedWeight.kernelBytes)
        #expect(
            PackedSize([one, other, one], remainders: 3).bytes
                == 2 * one.bytes + other.bytes + 8 * PackedWeight.kernelBytes)
        #expect(
            PackedSize([other, memory(64, false)], remainders: 100).bytes
                == other.bytes + memory(64, false).bytes + 2 * 64 * PackedWeight.kernelBytes)
        #expect(PackedSize([.none], remainders: 3).bytes == 0 && PackedSize([], remainders: 3).bytes == 0)
    }
}

@Suite struct WritingMemoryTests {
    /// What a text of the tiny Llama takes, written token by token as `TextGenerator` does.
    @Test(arguments: [1, 11, 40], [1, 24]) func isWhatWritingTakes(prompt: Int, tokens: Int) throws {
        let backbone = try PretrainedModel.open(Golden.url("llama/model")).openBackbone()
        let head = try SequenceHead(
            backbone: backbone, outputs: 0, form: .vocabulary, dropout: 0,
            stream: RandomStream(seed: 1, purpose: "not read"))
        let model = SequenceModel(backbone: backbone, head: head, workers: Workers(count: 1))
        let estimate = try #require(WritingMemory(model, prompt: prompt, tokens: tokens)?.elements)
        let pool = BufferPool()
        let cache = try #require(backbone.startCache())
        for count in [prompt] + Array(repeating: 1, count: tokens - 1) {
            let tape = Tape(evaluatingWith: pool)
            let ids = (0..<count).map { Int32(3 + $0 % 200) }
            let hidden = backbone.hiddenStates(ids, after: cache, on: tape)
            _ = head.logits(tape.rows(hidden, [count - 1]), offsets: [0, 1], on: tape)
        }
        // 3 layers of keys and values of 2 heads of 6, in steps of 64 rows.
        #expect(cache.elements == 3 * 2 * 12 * 64)
        let actual = pool.allocatedElements + cache.elements
        // Buffers of attention grow with the squares of lengths, and the estimate with lengths.
        #expect(abs(Double(estimate) / Double(actual) - 1) < 0.1, "\(estimate), \(actual)")
    }

    @Test func anEncoderWritesNothing() throws {
        let backbone = try PretrainedModel.open(Golden.url("bert/model")).openBackbone()
        let head = try SequenceHead(
            backbone: backbone, outputs: 5, pooling: .pooler, dropout: 0,
            stream: RandomStream(seed: 1, purpose: "not read"))
        let model = SequenceModel(backbone: backbone, head: head, workers: Workers(count: 1))
        #expect(WritingMemory(model, prompt: 4, tokens: 4) == nil)
    }
}
