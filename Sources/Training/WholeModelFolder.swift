import Autodiff
import Foundation
import Matrices
import ModelFiles
import Tokenizers
import Transformers

/// A fully fine-tuned model as a Hugging Face folder: `config.json` with the labels, `model.safetensors` (or several
/// shards and their index) with the encoder under its prefix (`bert.`) and the classifier, and the tokenizer files of
/// the base model.
enum WholeModelFolder {
    /// - Parameter shardLimit: bytes of tensors in one file of weights.
    static func write(
        _ model: SequenceModel, task: any LearningTask, base: URL, shardLimit: Int = WeightShards.usualLimit,
        into folder: URL
    ) throws {
        let prefix = model.encoder.configuration.family.prefix
        // transformers' models with a head on every token have no pooler.
        let pooler = model.head.form.isPerToken ? model.encoder.pooler : nil
        let kept = model.encoder.parameters.filter { $0 !== pooler?.weight && $0 !== pooler?.bias }
        let parameters = kept + model.head.parameters
        // Encoders saved alone have names without the prefix that whole models give them.
        let names =
            kept.map { $0.name.hasPrefix(prefix) ? $0.name : prefix + $0.name }
            + model.head.parameters.map(\.name)
        let shards = WeightShards(
            byteCounts: parameters.map { $0.values.count * MemoryLayout<Float>.size }, limit: shardLimit)
        try shards.write(
            names: names, elements: parameters.reduce(0) { $0 + $1.values.count }, into: folder
        ) { index in
            TensorToWrite(
                name: names[index], shape: parameters[index].savedShape,
                values: parameters[index].values.values)
        }
        try writeConfig(task: task, head: model.head, base: base, into: folder)
        for name in Tokenizer.fileNames + Tokenizer.sentencePieceNames {
            let source = base.appendingPathComponent(name)
            guard let data = FileManager.default.contents(atPath: source.path) else { continue }
            try AtomicFile.write(data, to: folder.appendingPathComponent(name))
        }
        guard model.head.form == .token else { return }
        // transformers reads given words like ours only where the files ask for a space before each.
        for (name, content) in try Tokenizer(folder: base).filesSpacingWords(in: base) {
            try AtomicFile.write(Data(content.bytes()), to: folder.appendingPathComponent(name))
        }
    }

    private static func writeConfig(
        task: any LearningTask, head: SequenceHead, base: URL, into folder: URL
    ) throws {
        let file = base.appendingPathComponent("config.json")
        guard var config = try JSONValue.read(file).object else {
            throw ModelFileError(
                file: file.path, problem: "not a JSON object", advice: "restore the base model's file")
        }
        let labels = task.record.labels
        let names = labels.isEmpty ? (0..<head.outputs).map { "LABEL_\($0)" } : labels
        var (byID, byName) = (JSONObject(), JSONObject())
        for (index, name) in names.enumerated() {
            byID[String(index)] = .string(name)
            byName[name] = JSONValue(index)
        }
        let architecture = config["model_type"]?.string.flatMap {
            EncoderFamily.architecture(modelType: $0, head: head.form)
        }
        guard let architecture else {
            throw ModelFileError(
                file: file.path, place: "model_type", problem: "another one than the model was opened with",
                advice: "restore the base model's file")
        }
        config["architectures"] = .array([.string(architecture)])
        config["id2label"] = .object(byID)
        config["label2id"] = .object(byName)
        config["problem_type"] = type(of: task).problemType.map { .string($0) } ?? .null
        try AtomicFile.write(
            Data(JSONValue.object(config).bytes(pretty: true)),
            to: folder.appendingPathComponent("config.json"))
    }

    static func loadHead(_ head: SequenceHead, from folder: URL) throws {
        let store = try HFFolder(folder).openWeights()
        for parameter in head.parameters {
            guard let info = store.info(parameter.name), info.shape == parameter.savedShape else {
                throw ModelFileError(
                    file: store.path, place: parameter.name,
                    problem: "missing, or not of shape \(parameter.savedShape)",
                    advice: "use the folder as adalora wrote it")
            }
            try store.copyFloat32(
                parameter.name,
                into: UnsafeMutableBufferPointer(
                    start: parameter.values.pointer, count: parameter.values.count))
        }
    }
}
