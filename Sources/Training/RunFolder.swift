import Adapters
import Datasets
import Foundation
import ModelFiles
import RunConfiguration
import Transformers

/// Names inside a run folder; see the README for what each holds.
public struct RunFolder: Sendable {
    public let url: URL

    public init(_ url: URL) { self.url = url }

    public var config: URL { url.appendingPathComponent("config.yaml") }
    public var events: URL { url.appendingPathComponent("events.jsonl") }
    /// The best adapter by validation, or the last one without validation data.
    public var adapter: URL { url.appendingPathComponent("adapter") }
    public var lastAdapter: URL { url.appendingPathComponent("adapter-last") }
    /// As `adapter` and `lastAdapter`, where every weight was trained: whole Hugging Face model folders.
    var model: URL { url.appendingPathComponent("model") }
    var lastModel: URL { url.appendingPathComponent("model-last") }
    /// What the run made, adapter or model.
    public var best: URL { FileManager.default.fileExists(atPath: model.path) ? model : adapter }
    public var last: URL {
        FileManager.default.fileExists(atPath: lastModel.path) ? lastModel : lastAdapter
    }
    var ranksFile: URL { url.appendingPathComponent("ranks.csv") }
    var tripletsFile: URL { url.appendingPathComponent("triplets.jsonl") }
    static let checkpointsName = "checkpoints"
    var checkpoints: URL { url.appendingPathComponent(Self.checkpointsName) }

    /// Creates the folder of a new run; a folder that already holds a run is refused.
    func create() throws {
        if FileManager.default.fileExists(atPath: events.path)
            || FileManager.default.fileExists(atPath: config.path)
        {
            throw TrainingError(
                .usage,
                "\(url.path) already holds a run; choose another --output, or go on with --resume \(url.path)"
            )
        }
        if let entries = try? FileManager.default.contentsOfDirectory(atPath: url.path), !entries.isEmpty {
            throw TrainingError(.usage, "\(url.path) is not empty; give a new folder as --output")
        }
        do {
            try FileManager.default.createDirectory(at: checkpoints, withIntermediateDirectories: true)
        } catch {
            throw ModelFileError(
                kind: .unwritable, file: url.path, problem: "the run folder cannot be created",
                advice: "check the path and its permissions")
        }
    }

    func checkpoint(step: Int) -> URL { checkpoints.appendingPathComponent("step-\(step)") }

    /// Steps with a checkpoint, newest first.
    func checkpointSteps() -> [Int] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: checkpoints.path)) ?? []
        return names.compactMap(Self.checkpointStep(named:)).sorted(by: >)
    }

    /// nil for a name that is none of a checkpoint.
    static func checkpointStep(named name: String) -> Int? {
        guard name.hasPrefix("step-"), let step = Int(name.dropFirst(5)), name == "step-\(step)" else {
            return nil
        }
        return step
    }

    func removeCheckpoints(keeping count: Int) {
        for step in checkpointSteps().dropFirst(max(count, 1)) {
            // A checkpoint that cannot be removed costs space, not correctness.
            try? AtomicFile.removeFolder(checkpoint(step: step))
        }
    }

    /// Whether there is a checkpoint, whole or not.
    public var hasCheckpoint: Bool { !checkpointSteps().isEmpty }
}

/// `adalora.json` beside PEFT's files: what inference needs and PEFT has no place for.
struct AdapterDescription {
    let baseModel: String
    let task: TaskRecord
    let maxLength: Int
    let modelFingerprint: String
    let step: Int
    /// The folder is a model of its own, with weights and tokenizer, and no adapter on `baseModel`.
    let isWholeModel: Bool

    static let file = "adalora.json"
    private static let format = 1

    /// Throws unless the adapter was trained on these very weights.
    func check(_ loaded: LoadedEncoder, base: URL, adapter: URL) throws {
        guard loaded.fingerprint == modelFingerprint else {
            throw TrainingError(
                "\(adapter.path) was trained on other base weights than those in \(base.path); "
                    + "give the right folder with --model")
        }
    }

    func write(into folder: URL) throws {
        var json: JSONObject = [
            "format": JSONValue(Self.format), "baseModel": .string(baseModel),
            "task": .string(task.name.rawValue),
            "labels": .array(task.labels.map { .string($0) }), "pooling": .string(task.pooling.rawValue),
            "maxLength": JSONValue(maxLength), "modelFingerprint": .string(modelFingerprint),
            "step": JSONValue(step), "wholeModel": .bool(isWholeModel),
        ]
        if task.name == .questionAnswering {
            json["stride"] = JSONValue(task.stride)
            json["allowsNoAnswer"] = .bool(task.allowsNoAnswer)
        }
        try AtomicFile.write(
            Data(JSONValue.object(json).bytes(pretty: true)), to: folder.appendingPathComponent(Self.file))
    }

    init(
        baseModel: String, task: TaskRecord, maxLength: Int, modelFingerprint: String, step: Int,
        isWholeModel: Bool
    ) {
        self.baseModel = baseModel
        self.task = task
        self.maxLength = maxLength
        self.modelFingerprint = modelFingerprint
        self.step = step
        self.isWholeModel = isWholeModel
    }

    /// The description of a model that has the updates in its weights.
    var asWholeModel: AdapterDescription {
        AdapterDescription(
            baseModel: baseModel, task: task, maxLength: maxLength, modelFingerprint: modelFingerprint,
            step: step, isWholeModel: true)
    }

    /// Throws too where a file of the folder is not as it was written, by the folder's manifest.
    init(_ folder: URL) throws {
        if FolderManifest.exists(in: folder) {
            try FolderManifest.check(
                folder,
                advice:
                    "take a copy that is whole, or, where you changed it yourself, delete \(FolderManifest.file)"
            )
        }
        let file = folder.appendingPathComponent(Self.file)
        let json = try JSONValue.read(file)
        func need<Value>(_ key: String, _ get: (JSONValue) -> Value?) throws -> Value {
            guard let value = json[key].flatMap(get) else {
                throw ModelFileError(
                    file: file.path, place: key, problem: "missing, or no value this version can read",
                    advice: "use the adapter folder as adalora wrote it")
            }
            return value
        }
        func flag(_ key: String) throws -> Bool { try json[key] == nil ? false : need(key, \.bool) }
        _ = try need("format") { $0.int == Self.format ? true : nil }
        let name = try need("task") { $0.string.flatMap(RunConfig.Task.init(rawValue:)) }
        let labels = try need("labels") { value -> [String]? in
            let labels = value.array?.compactMap(\.string)
            guard let labels, labels.count == value.array?.count else { return nil }
            return labels.count <= LabelSet.mostClasses ? labels : nil
        }
        let stride =
            try name == .questionAnswering ? need("stride") { $0.int.flatMap { $0 >= 0 ? $0 : nil } } : 0
        self.init(
            baseModel: try need("baseModel", \.string),
            task: TaskRecord(
                name: name, labels: labels,
                pooling: try need("pooling") { $0.string.flatMap(Pooling.init(rawValue:)) }, stride: stride,
                allowsNoAnswer: try flag("allowsNoAnswer")),
            maxLength: try need("maxLength") { $0.int.flatMap { $0 > 2 ? $0 : nil } },
            modelFingerprint: try need("modelFingerprint", \.string), step: try need("step", \.int),
            isWholeModel: try flag("wholeModel"))
    }
}
