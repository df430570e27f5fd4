import Adapters
import Autodiff
import Foundation
import GoldenFiles
import GoldenModels
import Matrices
import ModelFiles
import Testing
import Transformers

/// PEFT's LoRA on all matrices of models that read images (scripts/goldens/vision_adapters.py), by the names of transformers 5 and
/// of versions before.
@Suite struct VisionAdapterTests {
    private struct Case: Sendable {
        let name: String
        let adapter: String
    }

    private static let cases = [
        Case(name: "vit", adapter: "adapter"), Case(name: "vit", adapter: "earlier"),
        Case(name: "dinov2-gated", adapter: "adapter"),
    ]

    private static func logits(_ model: VisionModel, on tape: Tape) throws -> Variable {
        let batch = try model.batch()
        let hidden = model.backbone.hiddenStates(batch, rows: model.head.rows, on: tape)
        let offsets = model.head.rows == .all ? batch.offsets : Array(0...batch.sequences)
        return model.head.logits(hidden, offsets: offsets, on: tape)
    }

    // PyTorch's own Float32 error is 1e-6 on models of this size; 1e-5 for logits and 1e-4 for gradients leave room for
    // another summation order.
    @Test(arguments: cases) private func logitsAndEveryGradient(_ row: Case) throws {
        let model = try VisionModel(row.name)
        let loaded = try PEFTFolder.load(
            Golden.url("vision/\(row.name)/\(row.adapter)"), onto: model.backbone, head: model.head)
        #expect(loaded.warnings.isEmpty && loaded.changed.isEmpty)
        #expect(loaded.set.adapters.count == model.backbone.linearLayers.count)
        let vector = ParameterVector(loaded.set.adapters.flatMap(\.parameters))
        let gradients = Matrix(rows: 1, columns: vector.count)
        let tape = Tape(pool: BufferPool(), parameterGradients: gradients, dropoutStream: nil)
        let expected = try Golden.tensors("vision/\(row.name)/adapter_expected.safetensors")
        let logits = try Self.logits(model, on: tape)
        #expect(relativeError(logits.value.values, try expected.floats("logits")) < 1e-5)
        _ = tape.crossEntropy(logits, labels: model.labels, divisor: Double(model.labels.count))
        tape.backward()
        for adapter in loaded.set.adapters {
            let path = adapter.layer.modulePath
            for (parameter, factor) in [(adapter.factors.q, "lora_A"), (adapter.factors.p, "lora_B")] {
                let ours = vector.range(of: parameter).map { gradients.pointer[$0] }
                let error = relativeError(ours, try expected.floats("grad.\(path).\(factor)"))
                #expect(error < 1e-4, "\(path).\(factor): \(error)")
            }
        }
    }

    /// Written by the names of today whatever was read, with the classifier among the modules that PEFT saves, and no task that
    /// would make PEFT's class ask for tokens.
    @Test(arguments: cases) private func writtenAsPEFTReadsIt(_ row: Case) throws {
        let model = try VisionModel(row.name)
        let loaded = try PEFTFolder.load(
            Golden.url("vision/\(row.name)/\(row.adapter)"), onto: model.backbone, head: model.head)
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "vision-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try PEFTFolder.write(
            loaded.set, as: .lora, head: model.head, baseModel: "base", into: folder)
        let theirs = try Golden.tensors("vision/\(row.name)/adapter/adapter_model.safetensors")
        let ours = try TensorStore(file: folder.appendingPathComponent("adapter_model.safetensors"))
        #expect(ours.names == theirs.names)
        for name in theirs.names { #expect(try ours.floats(name) == theirs.floats(name), "\(name)") }
        let config = try JSONValue.read(folder.appendingPathComponent("adapter_config.json"))
        #expect(config["task_type"]?.isNull == true)
        #expect(config["modules_to_save"]?.array?.compactMap(\.string) == ["classifier"])
        let again = try VisionModel(row.name)
        _ = try PEFTFolder.load(folder, onto: again.backbone, head: again.head)
        let logits = try Self.logits(again, on: Tape(evaluatingWith: BufferPool())).value.values
        let expected = try Golden.tensors("vision/\(row.name)/adapter_expected.safetensors").floats("logits")
        #expect(relativeError(logits, expected) < 1e-5)
    }
}
