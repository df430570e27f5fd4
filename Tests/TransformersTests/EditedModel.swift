import Autodiff
import Foundation
import GoldenFiles
import Matrices
import ModelFiles
import Transformers

/// A golden model in a folder of its own with its config or the names of its tensors edited; gone with the value.
final class EditedModel {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("edited-\(UUID().uuidString)")
    private let source: URL

    /// - Parameter tensors: new names of a tensor; none leaves it out.
    init(
        _ model: String, entries: [(key: String, value: JSONValue)] = [], absent: [String] = [],
        tensors: ((String) -> [String])? = nil
    ) throws {
        source = Golden.url("\(model)/model")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        guard var config = try Golden.json("\(model)/model/config.json").object else {
            throw CocoaError(.fileReadCorruptFile)
        }
        for (key, value) in entries { config[key] = value }
        for key in absent { config[key] = nil }
        try Data(JSONValue.object(config).bytes()).write(to: folder.appendingPathComponent("config.json"))
        guard let tensors else {
            try FileManager.default.createSymbolicLink(
                at: folder.appendingPathComponent("model.safetensors"),
                withDestinationURL: source.appendingPathComponent("model.safetensors"))
            return
        }
        let store = try TensorStore(modelFolder: source)
        try write(
            try store.tensors.flatMap { info in
                try tensors(info.name).map {
                    TensorToWrite(name: $0, shape: info.shape, values: try store.floats(info.name))
                }
            })
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    func write(_ tensors: [TensorToWrite]) throws {
        try SafetensorsWriter.write(
            tensors, metadata: ["format": "pt"], to: folder.appendingPathComponent("model.safetensors"))
    }

    func backbone() throws -> any Backbone { try PretrainedModel.open(folder).openBackbone() }

    /// [sequences, K] of the model's own sequence classifier
    func logits(_ sequences: [(ids: [Int32], types: [Int32], label: Int32)]) throws -> [Float] {
        let backbone = try backbone()
        let weights = try TensorStore(modelFolder: source)
        let outputs = weights.tensors.first {
            $0.name == backbone.architecture.outputName(.sequence(.pooler)) + ".weight"
        }
        let head = try SequenceHead(
            backbone: backbone, outputs: outputs?.shape.first ?? 0, pooling: .pooler, dropout: 0,
            stream: RandomStream(seed: 0, purpose: "overwritten"))
        for parameter in head.parameters {
            parameter.values.copyValues(from: try weights.floats(parameter.name))
        }
        let batch = PackedBatch(sequences.map { ($0.ids, $0.types) })
        let tape = Tape(evaluatingWith: BufferPool())
        let hidden = backbone.hiddenStates(batch, on: tape)
        return head.logits(hidden, offsets: batch.offsets, on: tape).value.values
    }
}
