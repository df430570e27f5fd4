import Foundation
import Messages
import ModelFiles
import Tasks
import Transformers

/// The `config.json` of a whole model: the base's, with what was written in place of the entries that do not fit any
/// more, so that transformers opens it.
package enum WholeModelConfig {
    /// What is gone: counts and names of the base's own head, and what says that its weights or code are others than
    /// plain ones. `_name_or_path` names the base; an adapter made for that does not fit what was trained on.
    static let removed = [
        "num_labels", "_num_labels", "_name_or_path", "name_or_path", "_commit_hash", "finetuning_task",
        "auto_map", "custom_pipelines", "quantization_config", "pruned_heads",
        BaseFormat.key,
    ]
    /// Weights are written as Float32 whatever the base has, since half precision would round what was learned.
    private static let elementTypes = ["dtype", "torch_dtype"]

    static func write(task: any LearningTask, head: SequenceHead, base: URL, into folder: URL) throws {
        let file = base.appendingPathComponent("config.json")
        guard var config = try JSONValue.read(file).object else {
            throw ModelFileError(
                file: file.path, problem: "not a JSON object", advice: "restore the base model's file")
        }
        let architecture = config["model_type"]?.string.flatMap {
            Architecture.className(modelType: $0, head: head.form)
        }
        guard let architecture else {
            throw ModelFileError(
                file: file.path, place: "model_type", problem: "another one than the model was opened with",
                advice: "restore the base model's file")
        }
        for key in removed { config[key] = nil }
        for key in elementTypes where config[key] != nil { config[key] = .string("float32") }
        config["architectures"] = .array([.string(architecture)])
        if !head.form.isOwn {
            let names = names(task.record.labels, outputs: head.outputs)
            config["id2label"] = names.byID
            config["label2id"] = names.byName
            config["problem_type"] = type(of: task).problemType.map { .string($0) } ?? .null
        }
        try AtomicFile.write(
            Data(JSONValue.object(config).bytes(pretty: true)),
            to: folder.appendingPathComponent("config.json"))
    }

    /// Labels by column and columns by label.
    private static func names(_ labels: [String], outputs: Int) -> (byID: JSONValue, byName: JSONValue) {
        let names = labels.isEmpty ? (0..<outputs).map { "LABEL_\($0)" } : labels
        var (byID, byName) = (JSONObject(), JSONObject())
        for (index, name) in names.enumerated() {
            byID[String(index)] = .string(name)
            byName[name] = JSONValue(index)
        }
        return (.object(byID), .object(byName))
    }

    /// Throws unless transformers would open the folder as the model that it holds: by its rules for the number of
    /// labels and for the elements' type, and by the names and shapes of all tensors.
    ///
    /// - Parameters:
    ///   - outputs: columns of a classifier; nil without one.
    ///   - tensors: names and shapes that the model has in transformers.
    package static func check(_ folder: URL, outputs: Int?, tensors: [(name: String, shape: [Int])]) throws {
        let opened = try HFFolder(folder)
        let config = opened.config
        func fault(_ place: String, _ problem: String) -> ModelFileError {
            ModelFileError(
                file: config.path, place: place, problem: problem,
                advice: "transformers would not open the model as it was trained")
        }
        if let outputs { try check(config, outputs: outputs, fault) }
        for key in removed where config.value(key) != nil {
            throw fault(key, "it is about the base model")
        }
        let store = try opened.openWeights()
        for key in elementTypes where config.value(key) != nil {
            let isPlain = store.tensors.allSatisfy { $0.elementType == .float32 }
            guard config.value(key)?.string == "float32", isPlain else {
                throw fault(key, "the weights are of another type")
            }
        }
        for (name, shape) in tensors where store.info(name)?.shape != shape {
            throw fault("architectures", "the weight \(quoted(name)) is not there in the shape \(shape)")
        }
        guard store.tensors.count == tensors.count else {
            throw fault(
                "architectures", "there are \(store.tensors.count) weights, the model has \(tensors.count)")
        }
    }

    private static func check(
        _ config: HFConfig, outputs: Int, _ fault: (String, String) -> ModelFileError
    ) throws {
        let named = try config.stringMap("id2label")?.count
        // transformers takes the number where both are there, and makes labels up for it.
        let count = try config.int("num_labels", in: 0...1_000_000, default: named ?? 2)
        guard count == outputs, named == outputs else {
            throw fault("num_labels", "\(count) labels for a classifier of \(outputs)")
        }
        if config.value("problem_type")?.string == TaskKind.classification.type.problemType, count < 2 {
            throw fault("problem_type", "one class alone, which transformers refuses")
        }
    }
}
