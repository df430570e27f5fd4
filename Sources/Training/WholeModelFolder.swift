import Autodiff
import Foundation
import Matrices
import ModelFiles
import Transformers

/// A fully fine-tuned model as a Hugging Face folder: `config.json` with the labels, `model.safetensors` with the
/// encoder under `bert.` and the classifier, and the tokenizer files of the base model.
enum WholeModelFolder {
    private static let tokenizerFiles = [
        "tokenizer.json", "vocab.txt", "tokenizer_config.json", "special_tokens_map.json",
    ]

    static func write(_ model: SequenceModel, labels: [String], base: URL, into folder: URL) throws {
        var tensors = model.encoder.parameters.map { parameter in
            let isVector = parameter.name.hasSuffix(".bias") || parameter.name.contains("LayerNorm")
            let (rows, columns) = (parameter.values.rows, parameter.values.columns)
            // Encoders saved alone have names without the prefix that whole models give them.
            let name = parameter.name.hasPrefix("bert.") ? parameter.name : "bert." + parameter.name
            return TensorToWrite(
                name: name, shape: isVector ? [columns] : [rows, columns],
                values: parameter.values.values)
        }
        let (weight, bias) = (model.head.weight.values, model.head.bias.values)
        tensors.append(
            TensorToWrite(
                name: "classifier.weight", shape: [weight.rows, weight.columns], values: weight.values))
        tensors.append(TensorToWrite(name: "classifier.bias", shape: [bias.count], values: bias.values))
        try SafetensorsWriter.write(
            tensors, metadata: ["format": "pt"], to: folder.appendingPathComponent("model.safetensors"))
        try writeConfig(labels: labels, outputs: weight.rows, base: base, into: folder)
        for name in tokenizerFiles {
            let source = base.appendingPathComponent(name)
            guard let data = FileManager.default.contents(atPath: source.path) else { continue }
            try AtomicFile.write(data, to: folder.appendingPathComponent(name))
        }
    }

    private static func writeConfig(labels: [String], outputs: Int, base: URL, into folder: URL) throws {
        let file = base.appendingPathComponent("config.json")
        guard var config = try JSONValue.read(file).object else {
            throw ModelFileError(
                file: file.path, problem: "not a JSON object", advice: "restore the base model's file")
        }
        let names = labels.isEmpty ? (0..<outputs).map { "LABEL_\($0)" } : labels
        var (byID, byName) = (JSONObject(), JSONObject())
        for (index, name) in names.enumerated() {
            byID[String(index)] = .string(name)
            byName[name] = JSONValue(index)
        }
        config["architectures"] = .array([.string("BertForSequenceClassification")])
        config["id2label"] = .object(byID)
        config["label2id"] = .object(byName)
        config["problem_type"] = .string(labels.isEmpty ? "regression" : "single_label_classification")
        try AtomicFile.write(
            Data(JSONValue.object(config).bytes(pretty: true)),
            to: folder.appendingPathComponent("config.json"))
    }

    static func loadHead(_ head: SequenceHead, from folder: URL) throws {
        let store = try HFFolder(folder).openWeights()
        for (name, shape, values) in [
            ("classifier.weight", [head.outputs, head.weight.values.columns], head.weight.values),
            ("classifier.bias", [head.outputs], head.bias.values),
        ] {
            guard let info = store.info(name), info.shape == shape else {
                throw ModelFileError(
                    file: store.path, place: name, problem: "missing, or not of shape \(shape)",
                    advice: "use the folder as adalora wrote it")
            }
            try store.copyFloat32(
                name, into: UnsafeMutableBufferPointer(start: values.pointer, count: values.count))
        }
    }
}
