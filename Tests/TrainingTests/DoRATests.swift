import Adapters
import Autodiff
import Datasets
import Foundation
import GoldenFiles
import Matrices
import ModelFiles
import Tasks
import Testing
import Training
import Transformers

/// PEFT's DoRA on the tiny BERT, made by scripts/goldens/dora_parity.py.
@Suite struct DoRATests {
    private let backbone: any Backbone
    private let model: SequenceModel
    private let set: AdapterSet
    private let expected: TensorStore
    private let data: TokenizedDataset

    /// The adapter as PEFT saved it.
    init() throws {
        backbone = try PretrainedModel.open(Golden.url("bert/model")).openBackbone()
        let head = try SequenceHead(
            backbone: backbone, outputs: 5, pooling: .pooler, dropout: 0,
            stream: RandomStream(seed: 0, purpose: "overwritten"))
        set = try PEFTFolder.load(Golden.url("dora/adapter"), onto: backbone, head: head).set
        model = SequenceModel(backbone: backbone, head: head, workers: Workers(count: 2))
        expected = try Golden.tensors("dora/expected.safetensors")
        let sequences = try Golden.sequences(Golden.json("dora/batch.json"))
        data = TokenizedDataset(
            sequences: sequences.map { .init(ids: $0.ids, typeIDs: $0.types) },
            objective: ClassObjective(truth: sequences.map(\.label)))
    }

    // 1e-5: what other Float32 products of the same sizes differ by from PyTorch's.
    @Test func logitsArePEFTs() throws {
        #expect(relativeError(model.logits(data).values, try expected.floats("logits")) < 1e-5)
        #expect(set.adapters.count == 12 && set.kind == "DoRA")
    }

    // 1e-4, as for LoRA: sums over a batch in another order.
    @Test func gradientsArePEFTs() throws {
        let vector = ParameterVector(set.parameters + model.head.parameters)
        let gradients = Matrix(rows: 1, columns: vector.count)
        var shards: [Matrix] = []
        _ = try model.lossAndGradient(
            data, indices: Array(0..<data.count), into: gradients, shardGradients: &shards, seed: 1, step: 1)
        func gradient(_ parameter: Parameter) -> [Float] {
            let range = vector.range(of: parameter)
            return Array(UnsafeBufferPointer(start: gradients.pointer + range.lowerBound, count: range.count))
        }
        for adapter in set.adapters {
            let magnitude = try #require(adapter.rule?.parameters.first)
            for (name, parameter) in [
                ("lora_A", adapter.factors.q), ("lora_B", adapter.factors.p),
                ("lora_magnitude_vector", magnitude),
            ] {
                let theirs = try expected.floats("grad.\(adapter.layer.modulePath).\(name)")
                #expect(relativeError(gradient(parameter), theirs) < 1e-4, "\(adapter.site) \(name)")
            }
        }
        let theirs = try expected.floats("grad.classifier.weight")
        #expect(relativeError(gradient(model.head.weight), theirs) < 1e-4)
    }

    /// The norms follow every update; 1e-4 relative as for five steps of LoRA.
    @Test func fiveSteps() throws {
        let rate = LearningRate(peak: 1e-3, shape: .constant, warmupSteps: 0, totalSteps: 5)
        var settings = TrainerSettings(learningRate: rate, headLearningRate: rate)
        settings.weightDecay = 0.01
        let trainer = Trainer(model: model, method: DoRA(set), settings: settings)
        let losses = try expected.floats("losses")
        #expect(losses.count == 5)
        for (index, loss) in losses.enumerated() {
            let result = try trainer.step(index + 1, data: data, indices: Array(0..<data.count))
            #expect(
                abs(result.loss - Double(loss)) < 1e-4 * Double(loss), "step \(index + 1): \(result.loss)")
        }
    }

    /// A magnitude that is not given is what PEFT starts at: the norms of W + s·B·A. 1e-6 of two Float32 sums.
    @Test func theStartIsPEFTs() throws {
        let bare = AdapterSet(
            adapters: set.adapters.map { adapter in
                adapter.rule = nil
                return adapter
            }, layers: set.layers)
        let method = DoRA(bare)
        for adapter in method.adapters.adapters {
            let theirs = try expected.floats("start.\(adapter.layer.modulePath).lora_magnitude_vector")
            let ours = try #require(adapter.rule?.parameters.first).values.values
            #expect(relativeError(ours, theirs) < 1e-6)
            #expect(adapter.rule?.hasEffect == false)
        }
    }

    // 1e-5: PEFT's own merged model differs from its adapter by 8e-7.
    @Test func mergedWeightsComputeTheSame() throws {
        set.mergeIntoLayers()
        #expect(relativeError(model.logits(data).values, try expected.floats("merged")) < 1e-5)
        #expect(set.layers.allSatisfy { $0.adapter == nil })
    }

    /// What is written has PEFT's tensors, and PEFT's settings where both have them.
    @Test func theFolderIsPEFTs() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "dora-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try PEFTFolder.write(set, as: set.peft, head: model.head, baseModel: "../bert/model", into: folder)
        let (ours, theirs) = (
            try TensorStore(file: folder.appendingPathComponent(PEFTFolder.weightsFile)),
            try Golden.tensors("dora/adapter/adapter_model.safetensors")
        )
        #expect(Set(ours.tensors.map(\.name)) == Set(theirs.tensors.map(\.name)))
        for tensor in theirs.tensors {
            #expect(ours.info(tensor.name)?.shape == tensor.shape)
            #expect(try ours.floats(tensor.name) == theirs.floats(tensor.name), "\(tensor.name)")
        }
        let config = try JSONValue.read(folder.appendingPathComponent(PEFTFolder.configurationFile))
        let known = try Golden.json("dora/adapter/adapter_config.json")
        for key in ["peft_type", "use_dora", "r", "task_type", "bias"] { #expect(config[key] == known[key]) }
        #expect(config["lora_alpha"]?.double == known["lora_alpha"]?.double)
    }

    @Test func sumsAreRefusedByName() {
        #expect {
            try set.requireSums(for: "shrink")
        } throws: {
            "\($0)".hasPrefix("shrink needs updates that add to the weights, and DoRA scales their rows too")
        }
    }
}
