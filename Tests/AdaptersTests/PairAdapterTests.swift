import Adapters
import Autodiff
import Foundation
import GoldenFiles
import GoldenModels
import Matrices
import ModelFiles
import Testing
import Transformers

/// PEFT's LoRA on models of two towers (scripts/goldens/pairs_adapters.py), on both towers and on one.
@Suite struct PairAdapterTests {
    struct Case: Sendable {
        let name: String
        let adapter: String
        /// Adapted matrices
        let count: Int
    }

    private static let cases = [
        Case(name: "clip", adapter: "adapter", count: 12), Case(name: "clip", adapter: "vision", count: 4),
        Case(name: "siglip", adapter: "adapter", count: 12),
    ]

    private static func load(_ row: Case, _ model: PairModel) throws -> PEFTFolder.Loaded {
        try PEFTFolder.load(
            Golden.url("pairs/\(row.name)/\(row.adapter)"), onto: model.backbone, head: model.head)
    }

    private static func rows(_ model: PairModel, on tape: Tape) throws -> Variable {
        model.backbone.hiddenStates(try model.batch(), rows: model.head.rows, on: tape)
    }

    // PyTorch's own Float32 error is 1e-6 on models of this size; 1e-5 for logits and 1e-4 for gradients leave room for
    // another summation order.
    @Test(arguments: cases) private func logitsAndEveryGradient(_ row: Case) throws {
        let model = try PairModel(row.name)
        let loaded = try Self.load(row, model)
        #expect(loaded.warnings.isEmpty && loaded.changed.isEmpty)
        #expect(loaded.set.adapters.count == row.count)
        let vector = ParameterVector(loaded.set.adapters.flatMap(\.parameters))
        let gradients = Matrix(rows: 1, columns: vector.count)
        let tape = Tape(pool: BufferPool(), parameterGradients: gradients, dropoutStream: nil)
        let expected = try Golden.tensors("pairs/\(row.name)/adapter_expected.safetensors")
        let rows = try Self.rows(model, on: tape)
        let logits = try expected.floats("\(row.adapter).logits_per_image")
        #expect(relativeError(model.logits(rows.value), logits) < 1e-5)
        let (loss, gradient) = model.loss(rows.value)
        #expect(abs(loss - Double(try expected.floats("\(row.adapter).loss")[0])) < 1e-5 * loss)
        rows.gradient = gradient
        tape.backward()
        for adapter in loaded.set.adapters {
            let path = adapter.layer.modulePath
            for (parameter, factor) in [(adapter.factors.q, "lora_A"), (adapter.factors.p, "lora_B")] {
                let ours = vector.range(of: parameter).map { gradients.pointer[$0] }
                let theirs = try expected.floats("\(row.adapter).grad.\(path).\(factor)")
                let error = relativeError(ours, theirs)
                #expect(error < 1e-4, "\(path).\(factor): \(error)")
            }
        }
    }

    /// A rank and an α of one module's own, by its path and by an expression, are those of the tower that it names.
    @Test func whatOneTowersModulesHave() throws {
        let model = try PairModel("clip")
        let adapters = try Self.load(Self.cases[0], model).set.adapters
        let factors = Dictionary(uniqueKeysWithValues: adapters.map { ("\($0.site)", $0) })
        #expect(factors["text.layer.1.query"]?.rank == 3 && factors["vision.layer.1.query"]?.rank == 2)
        #expect(factors["text.layer.1.query"]?.factors.factor == 1)
        #expect(factors["vision.layer.0.intermediate"]?.factors.factor == 3.5)
        #expect(factors["text.layer.0.intermediate"]?.factors.factor == 1.5)
    }

    /// By full paths, which name one tower each, and with no task: PEFT's class for features gives such models what they do not take.
    @Test(arguments: cases) private func writtenAsPEFTReadsIt(_ row: Case) throws {
        let model = try PairModel(row.name)
        let loaded = try Self.load(row, model)
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "pairs-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try PEFTFolder.write(
            loaded.set, as: .lora, head: model.head, baseModel: "base", into: folder)
        let theirs = try Golden.tensors("pairs/\(row.name)/\(row.adapter)/adapter_model.safetensors")
        let ours = try TensorStore(file: folder.appendingPathComponent("adapter_model.safetensors"))
        #expect(ours.names == theirs.names)
        for name in theirs.names { #expect(try ours.floats(name) == theirs.floats(name), "\(name)") }
        let config = try JSONValue.read(folder.appendingPathComponent("adapter_config.json"))
        #expect(config["task_type"]?.isNull == true)
        #expect(config["modules_to_save"]?.array?.isEmpty == true)
        let targets = (config["target_modules"]?.array ?? []).compactMap(\.string)
        #expect(targets == loaded.set.adapters.map(\.layer.modulePath))
        #expect(targets.allSatisfy { $0.hasPrefix("text_model.") || $0.hasPrefix("vision_model.") })
        let again = try PairModel(row.name)
        _ = try PEFTFolder.load(folder, onto: again.backbone, head: again.head)
        let rows = try Self.rows(again, on: Tape(evaluatingWith: BufferPool())).value
        let expected = try Golden.tensors("pairs/\(row.name)/adapter_expected.safetensors")
        let logits = try expected.floats("\(row.adapter).logits_per_image")
        #expect(relativeError(again.logits(rows), logits) < 1e-5)
    }

    /// PEFT's `bias` all is of modules: not that of logits, nor those of the attention that makes an image's row.
    @Test func everyBias() throws {
        let model = try PairModel("siglip")
        let loaded = try Self.load(Case(name: "siglip", adapter: "biases", count: 2), model)
        #expect(loaded.set.adapters.count == 2 && loaded.changed.isBiases)
        let biases = model.backbone.weights.map(\.name).filter { $0.hasSuffix(".bias") }
        #expect(loaded.changed.weights.map(\.name) == biases)
        let expected = try Golden.tensors("pairs/siglip/adapter_expected.safetensors")
        let logits = try expected.floats("biases.logits_per_image")
        func error(_ model: PairModel) throws -> Double {
            let rows = try Self.rows(model, on: Tape(evaluatingWith: BufferPool()))
            return relativeError(model.logits(rows.value), logits)
        }
        #expect(try error(model) < 1e-5)
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "pairs-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try PEFTFolder.write(
            loaded.set, as: .lora, head: model.head, changed: loaded.changed, baseModel: "base", into: folder)
        let theirs = try Golden.tensors("pairs/siglip/biases/adapter_model.safetensors")
        let ours = try TensorStore(file: folder.appendingPathComponent("adapter_model.safetensors"))
        #expect(ours.names == theirs.names)
        let again = try PairModel("siglip")
        _ = try PEFTFolder.load(folder, onto: again.backbone, head: again.head)
        #expect(try error(again) < 1e-5)
    }

    private static func started(_ name: String, _ model: PairModel, biasLayers: Set<Int>? = nil) throws
        -> any FineTuning
    {
        var settings = TuningSettings()
        settings.biases.layers = biasLayers
        settings.method = try #require(FineTuningMethod.named(name))
        return try settings.method.start(
            MethodStart(
                settings: settings, backbone: model.backbone, totalSteps: 20, seed: 1, isResumed: false,
                trained: nil, headForm: .pair, workers: Workers(count: 1), lookAtBatches: { _, _ in },
                readRanks: { _, _ in [:] }))
    }

    /// What hangs on layers by their numbers would be on both towers.
    @Test(arguments: ["bottleneck", "prefix", "prompt"]) func partsOfLayersAreRefused(method: String) throws {
        let error = #expect(throws: AdapterError.self) {
            try Self.started(method, try PairModel("clip"))
        }
        #expect("\(try #require(error))".contains("both towers of clip have the same ones"))
    }

    /// Those of a folder likewise.
    @Test func aFolderOfPartsIsRefused() throws {
        let model = try PairModel("clip")
        let error = #expect(throws: ModelFileError.self) {
            try PEFTFolder.load(
                Golden.url("virtual-tokens/bert-prompt/adapter"), onto: model.backbone, head: model.head)
        }
        #expect("\(try #require(error))".contains("both towers of clip have the same ones"))
    }

    /// (IA)³ and the model's own vectors work through the layers and weights of both towers.
    @Test(arguments: ["clip", "siglip"]) func vectorsOfBothTowers(name: String) throws {
        let scales = try Self.started("ia3", try PairModel(name)).adapters.adapters
        #expect(Set(scales.compactMap(\.site.tower)) == [.text, .vision])
        let norms = try PairModel(name)
        _ = try Self.started("norms", norms)
        let trained = norms.backbone.weights.filter { $0.parameter != nil }.map(\.name)
        #expect(trained == norms.backbone.weights.map(\.name).filter { $0.contains("norm") })
        #expect(trained.count == 22)
        let biases = try PairModel(name)
        _ = try Self.started("bitfit", biases)
        let others = biases.backbone.weights.filter { $0.parameter != nil }.map(\.name)
        #expect(others == biases.backbone.weights.map(\.name).filter { $0.hasSuffix(".bias") })
        #expect(
            others.contains { $0.hasPrefix("text_model") } && others.contains { $0.hasPrefix("vision_model") }
        )
    }

    /// Layers are those of each tower; one that neither has is refused, whatever both have together.
    @Test func biasesByLayers() throws {
        let model = try PairModel("clip")
        _ = try Self.started("bitfit", model, biasLayers: [1])
        let trained = model.backbone.weights.filter { $0.parameter != nil }.map(\.name)
        #expect(trained.allSatisfy { $0.contains("layers.1.") })
        #expect(
            trained.contains { $0.hasPrefix("text_model") }
                && trained.contains { $0.hasPrefix("vision_model") })
        let layers = (model.backbone.linearLayers.map(\.site.layer).max() ?? 0) + 1
        let error = #expect(throws: AdapterError.self) {
            try Self.started("bitfit", try PairModel("clip"), biasLayers: [0, layers])
        }
        #expect("\(try #require(error))".contains("layers 0 to \(layers - 1), and no layer \(layers)"))
    }
}
