import Adapters
import Autodiff
import Datasets
import Foundation
import GoldenFiles
import GoldenModels
import Matrices
import ModelFiles
import Tasks
import Testing
import Training
import Transformers

/// PEFT's (IA)³, its layer norm tuning and its biases on tiny models, made by scripts/goldens/vector_parity.py.
@Suite struct VectorMethodTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let method: String
        let model: String
        var testDescription: String { "\(method)-\(model)" }
        var adapter: URL { Golden.url("vectors/\(testDescription)/adapter") }
        var isEncoder: Bool { model == "bert" }

        init(_ method: String, _ model: String) { (self.method, self.model) = (method, model) }
    }

    static let scales = [Case("ia3", "bert"), Case("ia3", "gpt2"), Case("ia3", "llama")]
    static let parts = [
        Case("norms", "bert"), Case("norms", "llama"), Case("biases", "bert"), Case("biases", "gpt2"),
    ]
    static let cases = scales + parts

    private struct Opened {
        let model: SequenceModel
        let adapter: PEFTFolder.Loaded
        let data: TokenizedDataset
        private let batch: PackedBatch
        private let isEncoder: Bool

        init(_ test: Case, _ folder: URL) throws {
            isEncoder = test.isEncoder
            let base = try PretrainedModel.open(Golden.url("\(test.model)/model"))
            let backbone = try base.openBackbone()
            let head =
                isEncoder
                ? try SequenceHead(
                    backbone: backbone, outputs: 5, pooling: .pooler, dropout: 0,
                    stream: RandomStream(seed: 0, purpose: "overwritten")) : try backbone.vocabularyHead()
            adapter = try PEFTFolder.load(folder, onto: backbone, head: head)
            model = SequenceModel(backbone: backbone, head: head, workers: Workers(count: 2))
            let sequences = try Golden.sequences(
                Golden.json("vectors/\(test.testDescription)/batch.json"))
            batch = PackedBatch(sequences.map { ($0.ids, $0.types) })
            data =
                isEncoder
                ? TokenizedDataset(
                    sequences: sequences.map { .init(ids: $0.ids, typeIDs: $0.types) },
                    objective: ClassObjective(truth: sequences.map(\.label)))
                : TokenizedDataset(nextTokensOf: sequences.map(\.ids))
        }

        func logits() throws -> [Float] {
            isEncoder ? model.logits(data).values : try model.backbone.lastLogits(batch)
        }

        func method() throws -> any FineTuning {
            adapter.set.adapters.isEmpty
                ? try VectorTuning(adapter.changed.weights, of: model.backbone) : IA3(adapter.set)
        }

        /// Names as transformers' whole model has them.
        func name(_ parameter: Parameter) -> String {
            if let adapter = adapter.set.adapters.first(where: { adapter in
                adapter.rule?.parameters.contains { $0 === parameter } ?? false
            }) {
                return adapter.layer.modulePath + ".ia3_l"
            }
            return model.head.parameters.contains { $0 === parameter }
                ? parameter.name : model.backbone.architecture.wholeName(parameter.name)
        }
    }

    private static func expected(_ test: Case) throws -> TensorStore {
        try Golden.tensors("vectors/\(test.testDescription)/expected.safetensors")
    }

    // 1e-5: Float32 sums in another order.
    @Test(arguments: cases) func logitsArePEFTs(_ test: Case) throws {
        let opened = try Opened(test, test.adapter)
        #expect(relativeError(try opened.logits(), try Self.expected(test).floats("logits")) < 1e-5)
        #expect(opened.adapter.warnings.isEmpty)
        #expect(opened.adapter.set.adapters.isEmpty == (test.method != "ia3"))
        #expect(opened.adapter.changed.isEmpty == (test.method == "ia3"))
        if test.method == "ia3" { #expect(opened.adapter.set.kind == "(IA)³") }
        if test.method == "norms" { #expect(opened.adapter.changed.kind == "layer norms") }
        if test.method == "biases" { #expect(opened.adapter.changed.kind == "biases") }
    }

    // 1e-4: sums over a batch in another order; relative to each tensor's largest element.
    @Test(arguments: cases) func gradientsArePEFTs(_ test: Case) throws {
        let opened = try Opened(test, test.adapter)
        let expected = try Self.expected(test)
        let method = try opened.method()
        let vector = ParameterVector(
            method.groups.flatMap(\.parameters) + opened.model.head.parameters)
        let gradients = Matrix(rows: 1, columns: vector.count)
        var shards: [Matrix] = []
        _ = try opened.model.lossAndGradient(
            opened.data, indices: Array(0..<opened.data.count), into: gradients, shardGradients: &shards,
            seed: 1, step: 1)
        var checked = 0
        for parameter in vector.parameters where parameter.values.count > 0 {
            let range = vector.range(of: parameter)
            let ours = Array(
                UnsafeBufferPointer(start: gradients.pointer + range.lowerBound, count: range.count))
            let name = opened.name(parameter)
            // Keys with one number more for all have the same attention: their biases' exact gradient is 0.
            if name.hasSuffix("key.bias") {
                #expect(ours.allSatisfy { abs($0) < 1e-6 }, "\(name)")
            } else {
                #expect(relativeError(ours, try expected.floats("grad.\(name)")) < 1e-4, "\(name)")
            }
            checked += 1
        }
        #expect(checked == expected.tensors.count { $0.name.hasPrefix("grad.") })
    }

    /// 1e-4 relative, as for LoRA's steps.
    @Test(arguments: cases) func twentySteps(_ test: Case) throws {
        let opened = try Opened(test, test.adapter)
        let rate = LearningRate(peak: 1e-3, shape: .constant, warmupSteps: 0, totalSteps: 20)
        var settings = TrainerSettings(learningRate: rate, headLearningRate: rate)
        settings.weightDecay = 0.01
        let trainer = Trainer(model: opened.model, method: try opened.method(), settings: settings)
        let losses = try Self.expected(test).floats("losses")
        #expect(losses.count == 20)
        for (index, loss) in losses.enumerated() {
            let result = try trainer.step(
                index + 1, data: opened.data, indices: Array(0..<opened.data.count))
            #expect(
                abs(result.loss - Double(loss)) < 1e-4 * Double(loss), "step \(index + 1): \(result.loss)")
        }
    }

    /// Weights and biases become those that the layer computes with. 1e-5: PEFT's own merged models differ from its adapters by
    /// as much.
    @Test(arguments: scales) func mergedLayersComputeTheSame(_ test: Case) throws {
        let opened = try Opened(test, test.adapter)
        opened.adapter.set.mergeIntoLayers()
        #expect(opened.adapter.set.layers.allSatisfy { $0.adapter == nil })
        #expect(relativeError(try opened.logits(), try Self.expected(test).floats("merged")) < 1e-5)
        let hasBiases = opened.adapter.set.layers.contains { $0.bias != nil }
        #expect(hasBiases == (test.model != "llama"))
    }

    /// What is written has PEFT's tensors, and is read again as the same.
    @Test(arguments: cases) func theFolderIsPEFTs(_ test: Case) throws {
        let opened = try Opened(test, test.adapter)
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "vectors-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let (set, changed) = (opened.adapter.set, opened.adapter.changed)
        try PEFTFolder.write(
            set, as: set.peft, head: opened.model.head, changed: changed, baseModel: "model", into: folder)
        let ours = try TensorStore(file: folder.appendingPathComponent(PEFTFolder.weightsFile))
        let theirs = try TensorStore(file: test.adapter.appendingPathComponent(PEFTFolder.weightsFile))
        // With bias all PEFT writes the bias of a module that is saved anyway two times more.
        let known = theirs.tensors.filter {
            !$0.name.contains(".modules_to_save.") && !$0.name.contains(".original_module.")
        }
        #expect(Set(ours.tensors.map(\.name)) == Set(known.map(\.name)))
        // The LoRA that carries biases is drawn at random by PEFT, and multiplied by 0.
        for tensor in known where !tensor.name.contains(".lora_A") {
            #expect(ours.info(tensor.name)?.shape == tensor.shape, "\(tensor.name)")
            #expect(try ours.floats(tensor.name) == theirs.floats(tensor.name), "\(tensor.name)")
        }
        let config = try JSONValue.read(folder.appendingPathComponent(PEFTFolder.configurationFile))
        let settings = try JSONValue.read(test.adapter.appendingPathComponent(PEFTFolder.configurationFile))
        for key in ["peft_type", "task_type", "bias"] { #expect(config[key] == settings[key], "\(key)") }
        let again = try Opened(test, folder)
        #expect(try again.logits() == opened.logits())
        #expect(again.adapter.warnings.isEmpty)
    }

    /// A configuration that says of a vector that it scales the other side is no reading of it.
    @Test func theConfigurationSaysWhatIsScaled() throws {
        let test = Case("ia3", "bert")
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "vectors-\(UUID().uuidString)")
        try FileManager.default.copyItem(at: test.adapter, to: folder)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appendingPathComponent(PEFTFolder.configurationFile)
        var config = try #require(try JSONValue.read(file).object)
        config["feedforward_modules"] = .array([.string("key")])
        try Data(JSONValue.object(config).bytes()).write(to: file)
        #expect {
            _ = try Opened(test, folder)
        } throws: {
            "\($0)".contains("attention.self.key.ia3_l: shape [32, 1], this model needs [1, 32]")
        }
    }
}
