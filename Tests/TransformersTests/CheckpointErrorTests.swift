import Foundation
import GoldenFiles
import ModelFiles
import Testing
import Transformers

/// Each damaged checkpoint is named: which file, which tensor, what to do.
@Suite struct CheckpointErrorTests {
    /// The tiny model with its tensors and config edited, in a folder of its own.
    private func damaged(
        config edit: (String) -> String = { $0 }, tensors change: (TensorInfo, [Float]) -> TensorToWrite?
    ) throws -> URL {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "bert-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let source = Golden.url("bert/model")
        let text = try String(contentsOf: source.appendingPathComponent("config.json"), encoding: .utf8)
        try edit(text).write(
            to: folder.appendingPathComponent("config.json"), atomically: true, encoding: .utf8)
        let store = try TensorStore(modelFolder: source)
        let tensors = try store.tensors.compactMap { change($0, try store.floats($0.name)) }
        try SafetensorsWriter.write(
            tensors, metadata: [:], to: folder.appendingPathComponent("model.safetensors"))
        return folder
    }

    private func same(_ info: TensorInfo, _ values: [Float]) -> TensorToWrite {
        TensorToWrite(name: info.name, shape: info.shape, values: values)
    }

    private func message(_ folder: URL) -> String {
        defer { try? FileManager.default.removeItem(at: folder) }
        do {
            _ = try PretrainedModel.open(folder).openBackbone()
            return "no error"
        } catch { return "\(error)" }
    }

    private let query = "bert.encoder.layer.1.attention.self.query.weight"

    @Test func missingWeight() throws {
        let folder = try damaged { info, values in info.name == query ? nil : same(info, values) }
        #expect(message(folder).contains("\(query): this weight is missing"))
    }

    @Test func wrongShape() throws {
        let folder = try damaged { info, values in
            info.name == query
                ? TensorToWrite(name: info.name, shape: [16, 64], values: values) : same(info, values)
        }
        #expect(
            message(folder).contains("\(query): the weight has shape [16, 64], config.json asks for [32, 32]")
        )
    }

    @Test func notANumber() throws {
        let folder = try damaged { info, values in
            var values = values
            if info.name == query { values[7] = .nan }
            return same(info, values)
        }
        #expect(message(folder).contains("\(query): the weight holds NaN or infinite values"))
    }

    @Test func otherArchitectureAndHeads() throws {
        let other = try damaged(
            config: { $0.replacingOccurrences(of: "\"bert\"", with: "\"mamba\"") }, tensors: same)
        #expect(message(other).contains("\"mamba\" is not an architecture this version can train"))
        let heads = try damaged(
            config: {
                $0.replacingOccurrences(of: "\"num_attention_heads\": 4", with: "\"num_attention_heads\": 5")
            }, tensors: same)
        #expect(message(heads).contains("a width of 32 does not divide into 5 heads"))
    }

    @Test func extraWeightsAreReported() throws {
        let store = try TensorStore(modelFolder: Golden.url("bert/model"))
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "bert-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try FileManager.default.copyItem(
            at: Golden.url("bert/model/config.json"), to: folder.appendingPathComponent("config.json"))
        var tensors = try store.tensors.map { same($0, try store.floats($0.name)) }
        tensors.append(TensorToWrite(name: "bert.adapter.weight", shape: [2, 2], values: [1, 2, 3, 4]))
        try SafetensorsWriter.write(
            tensors, metadata: [:], to: folder.appendingPathComponent("model.safetensors"))
        let backbone = try PretrainedModel.open(folder).openBackbone()
        #expect(backbone.unusedWeights.contains("bert.adapter.weight"))
    }

    @Test func aDecoderIsRefused() throws {
        let folder = try damaged(
            config: { $0.replacingOccurrences(of: "\"is_decoder\": false", with: "\"is_decoder\": true") },
            tensors: same)
        #expect(message(folder).contains("is_decoder: a decoder attends causally, which is not supported"))
    }

    /// A config key that nothing here understands can be reported; the usual ones are all understood.
    @Test func unknownConfigKeysStandOut() throws {
        let known = try PretrainedModel.open(Golden.url("bert/model"))
        _ = try known.openBackbone()
        #expect(known.config.unreadKeys.isEmpty, "\(known.config.unreadKeys)")
        let folder = try damaged(
            config: {
                $0.replacingOccurrences(of: "\"hidden_size\"", with: "\"rotary_base\": 7, \"hidden_size\"")
            },
            tensors: same)
        defer { try? FileManager.default.removeItem(at: folder) }
        let edited = try PretrainedModel.open(folder)
        _ = try edited.openBackbone()
        #expect(edited.config.unreadKeys == ["rotary_base"])
    }
}
