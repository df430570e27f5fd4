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

/// PEFT's LoRA beside biases that train, on the tiny BERT, made by scripts/goldens/lora_bias.py.
@Suite struct LoRABiasTests {
    private static let kinds = [BiasesBesideAdapters.all, .loraOnly]
    private let expected: TensorStore
    private let start: TensorStore
    private let batches: [TokenizedDataset]

    init() throws {
        expected = try Golden.tensors("lora-bias/expected.safetensors")
        start = try Golden.tensors("lora-variants/start.safetensors")
        let steps = try #require(Golden.json("adalora/batches.json")["steps"]?.array)
        batches = try steps.prefix(20).map { try PEFTParityTests.data($0) }
    }

    private func trainer(_ kind: BiasesBesideAdapters) throws -> Trainer {
        let backbone = try PretrainedModel.open(Golden.url("bert/model")).openBackbone()
        var settings = TuningSettings(method: try #require(FineTuningMethod.named("lora")))
        settings.budget = .averageRank(3)
        settings.targets = .named([.query, .output])
        settings.bias = kind
        let method = try settings.method.start(
            MethodStart(
                settings: settings, backbone: backbone, totalSteps: 20, seed: 1, isResumed: false,
                trained: nil, headForm: .sequence(.pooler), workers: Workers(count: 2),
                lookAtBatches: { _, _ in }, readRanks: { _, _ in [:] }))
        for adapter in method.adapters.adapters {
            adapter.factors.q.values.copyValues(
                from: try start.floats("\(adapter.layer.modulePath).lora_A"))
        }
        return Trainer(
            model: try PEFTParityTests.model(backbone, start, threads: 2), method: method,
            settings: PEFTRun.settings(steps: 20))
    }

    /// Of the biases before the first step, those of the head aside; 1e-4: sums over a batch in another order. Softmax takes no notice
    /// of a key's bias, whose gradient is rounding.
    @Test(arguments: kinds) func gradients(kind: BiasesBesideAdapters) throws {
        let trainer = try trainer(kind)
        let (vector, data) = (trainer.vector, batches[0])
        let gradients = Matrix(rows: 1, columns: vector.count)
        var shards: [Matrix] = []
        _ = try trainer.model.lossAndGradient(
            data, indices: Array(0..<data.count), into: gradients, shardGradients: &shards, seed: 1, step: 1)
        let prefix = "\(kind.rawValue).grad."
        let theirs = expected.tensors.map(\.name).filter { $0.hasPrefix(prefix) }
            .map { String($0.dropFirst(prefix.count)) }.filter { !$0.hasPrefix("classifier") }
        let ours = Dictionary(
            trainer.method.changed.weights.compactMap { weight in weight.parameter.map { (weight.name, $0) }
            },
            uniquingKeysWith: { one, _ in one })
        #expect(Set(ours.keys) == Set(theirs) && theirs.count == (kind == .all ? 18 : 4))
        for name in theirs where !name.contains(".key.") {
            let range = vector.range(of: try #require(ours[name]))
            let values = (0..<range.count).map { gradients.pointer[range.lowerBound + $0] }
            #expect(relativeError(values, try expected.floats(prefix + name)) < 1e-4, "\(name)")
        }
    }

    /// Losses of 20 steps and the logits after them; 1e-4 as for PEFT's LoRA.
    @Test(arguments: kinds) func twentySteps(kind: BiasesBesideAdapters) throws {
        let trainer = try trainer(kind)
        let losses = try expected.floats("\(kind.rawValue).losses")
        #expect(losses.count == 20)
        for (index, loss) in losses.enumerated() {
            let data = batches[index]
            let result = try trainer.step(index + 1, data: data, indices: Array(0..<data.count))
            #expect(
                abs(Float(result.loss) - loss) < 1e-4 * loss, "step \(index + 1): \(result.loss), \(loss)")
        }
        let logits = try expected.floats("\(kind.rawValue).logits")
        let error = relativeError(trainer.model.logits(batches[0]).values, logits)
        #expect(error < 1e-4, "relative error of the logits \(error)")
    }

    /// PEFT's own folders; 1e-5 of other Float32 products.
    @Test(arguments: kinds) func folders(kind: BiasesBesideAdapters) throws {
        let backbone = try PretrainedModel.open(Golden.url("bert/model")).openBackbone()
        let model = try PEFTParityTests.model(backbone, start, threads: 1)
        let loaded = try PEFTFolder.load(
            Golden.url("lora-bias/\(kind.rawValue)"), onto: backbone, head: model.head)
        #expect(loaded.set.ranks == [3, 3, 3, 3] && loaded.changed.isBiases)
        let logits = try expected.floats("\(kind.rawValue).logits")
        #expect(relativeError(model.logits(batches[0]).values, logits) < 1e-5)
    }
}
