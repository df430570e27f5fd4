import AdapterTools
import Foundation
import GoldenFiles
import ModelFiles
import Testing

/// The check of whole models by transformers' rules fails on each entry that it would open another model by.
@Suite struct WholeModelConfigTests {
    /// The golden classifier of 5 classes with its config edited, checked.
    private func message(
        _ entries: String, outputs: Int = 5,
        tensors edit: ([(name: String, shape: [Int])]) -> [(name: String, shape: [Int])] = { $0 }
    ) throws -> String {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "whole-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let source = Golden.url("bert/model")
        var config = try #require(try Golden.json("bert/model/config.json").object)
        for (key, value) in try JSONValue.parse("{\(entries)}").object?.members ?? [] { config[key] = value }
        try Data(JSONValue.object(config).bytes()).write(to: folder.appendingPathComponent("config.json"))
        try FileManager.default.createSymbolicLink(
            at: folder.appendingPathComponent("model.safetensors"),
            withDestinationURL: source.appendingPathComponent("model.safetensors"))
        let tensors = try TensorStore(modelFolder: source).tensors.map { (name: $0.name, shape: $0.shape) }
        do {
            try WholeModelConfig.check(folder, outputs: outputs, tensors: edit(tensors))
            return "opens"
        } catch { return "\(error)" }
    }

    @Test(arguments: [
        ("", "opens"), (#""num_labels": 5"#, "'num_labels': it is about the base model"),
        (#""num_labels": 3"#, "num_labels: 3 labels for a classifier of 5"),
        (#""id2label": null"#, "num_labels: 2 labels for a classifier of 5"),
        (#""id2label": {"0": "a"}"#, "num_labels: 1 labels for a classifier of 5"),
        (#""auto_map": {"AutoModel": "m.M"}"#, "auto_map: it is about the base model"),
        (#""_name_or_path": "bert-base-uncased""#, "_name_or_path: it is about the base model"),
        (#""finetuning_task": "mnli""#, "finetuning_task: it is about"),
        (#""quantization_config": {"bits": 8}"#, "quantization_config: it is about"),
        (#""pruned_heads": {"0": [0]}"#, "pruned_heads: it is about"),
        (#""dtype": "bfloat16""#, "dtype: the weights are of another type"),
        (#""torch_dtype": "float16""#, "torch_dtype: the weights are of another type"),
        (#""dtype": null"#, "opens"), (#""problem_type": "single_label_classification""#, "opens"),
    ])
    func eachEntry(entries: String, expected: String) throws {
        let message = try message(entries)
        let wanted = expected.replacing("'num_labels'", with: "num_labels")
        #expect(message == expected || message.contains(wanted), "\(message)")
        #expect(
            message == "opens"
                || message.contains("; transformers would not open the model as it was trained"))
    }

    @Test func everyTensor() throws {
        let fewer = try message("") { Array($0.dropLast()) }
        #expect(fewer.contains("weights, the model has"), "\(fewer)")
        let more = try message("") { $0 + [(name: "bert.pooler.extra", shape: [1])] }
        #expect(more.contains("the weight 'bert.pooler.extra' is not there in the shape [1]"), "\(more)")
        let other = try message("") { $0.map { (name: $0.name, shape: $0.shape + [1]) } }
        #expect(other.contains("is not there in the shape"), "\(other)")
    }

    @Test func oneClassAlone() throws {
        let entries = #""id2label": {"0": "a"}, "problem_type": "single_label_classification""#
        #expect(try message(entries, outputs: 1).contains("problem_type: one class alone"))
    }
}
