import Adapters
import Datasets
import Foundation
import Messages
import ModelFiles
import Tasks
import Training
import Transformers

/// `adalora.json` beside PEFT's files: what inference needs and PEFT has no place for.
package struct AdapterDescription {
    let baseModel: String
    package let task: TaskRecord
    package let maxLength: Int
    let modelFingerprint: String
    package let step: Int
    /// The folder is a model of its own, with weights and tokenizer, and no adapter on `baseModel`.
    let isWholeModel: Bool
    /// nil for adapters of other programs, and of versions before this was recorded.
    package let columns: TrainedColumns?
    /// In which the base was kept while the adapter trained, packed then or before; nil as its files had it.
    let baseFormat: BaseFormat?

    private static let baseFormatKey = "baseFormat"
    static let file = "adalora.json"
    private static let format = 1

    /// Throws unless the adapter was trained on these very weights.
    package func check(_ loaded: LoadedModel, adapter: URL) throws {
        guard loaded.baseFormat == baseFormat else {
            let advice =
                loaded.baseFormat != nil && loaded.packedBase == nil
                ? "\(SettingName.model) and the folder that \(loaded.url.path) was packed from"
                : "\(SettingName.baseFormat) \(baseFormat?.name ?? BaseFormat.keep)"
            throw TrainingError(
                "\(adapter.path) was trained on a base kept \(Self.kept(baseFormat)), which is kept "
                    + "\(Self.kept(loaded.baseFormat)) now; give \(advice)")
        }
        guard loaded.matches(modelFingerprint) else {
            throw TrainingError(
                "\(adapter.path) was trained on other base weights than those in \(loaded.url.path); "
                    + "give the right folder with \(SettingName.model)")
        }
    }

    private static func kept(_ format: BaseFormat?) -> String {
        format.map { "as \($0.name)" } ?? "as its files have it"
    }

    package func write(into folder: URL) throws {
        var json: JSONObject = [
            "format": JSONValue(Self.format), "baseModel": .string(baseModel),
            "task": .string(task.kind.rawValue),
            "labels": .array(task.labels.map { .string($0) }), "pooling": .string(task.pooling.rawValue),
            "maxLength": JSONValue(maxLength), "modelFingerprint": .string(modelFingerprint),
            "step": JSONValue(step), "wholeModel": .bool(isWholeModel),
        ]
        for detail in task.kind.type.details { json[detail.key] = task.details[detail.key] }
        if let baseFormat { json[Self.baseFormatKey] = .string(baseFormat.name) }
        if let columns { json[TrainedColumns.key] = .object(columns.json) }
        try AtomicFile.write(
            Data(JSONValue.object(json).bytes(pretty: true)), to: folder.appendingPathComponent(Self.file))
    }

    package init(
        baseModel: String, task: TaskRecord, maxLength: Int, modelFingerprint: String, step: Int,
        isWholeModel: Bool, columns: TrainedColumns? = nil, baseFormat: BaseFormat? = nil
    ) {
        self.baseModel = baseModel
        self.task = task
        self.maxLength = maxLength
        self.modelFingerprint = modelFingerprint
        self.step = step
        self.isWholeModel = isWholeModel
        self.columns = columns
        self.baseFormat = baseFormat
    }

    /// The same with the base model where it was found.
    func onBase(_ folder: URL) -> AdapterDescription { naming(folder.standardizedFileURL.path) }

    /// The same with another name of the base model.
    func naming(_ baseModel: String) -> AdapterDescription {
        AdapterDescription(
            baseModel: baseModel, task: task, maxLength: maxLength,
            modelFingerprint: modelFingerprint, step: step, isWholeModel: isWholeModel, columns: columns,
            baseFormat: baseFormat)
    }

    /// The description of a model that has the updates in its weights.
    var asWholeModel: AdapterDescription {
        AdapterDescription(
            baseModel: baseModel, task: task, maxLength: maxLength, modelFingerprint: modelFingerprint,
            step: step, isWholeModel: true, columns: columns)
    }

    /// Throws too where a file of the folder is not as it was written, by the folder's manifest.
    package init(_ folder: URL) throws {
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
        let kind = try need("task") { $0.string.flatMap(TaskKind.init(rawValue:)) }
        let labels = try need("labels") { value -> [String]? in
            let labels = value.array?.compactMap(\.string)
            guard let labels, labels.count == value.array?.count else { return nil }
            return labels.count <= LabelSet.mostClasses ? labels : nil
        }
        var details = JSONObject()
        for detail in kind.type.details where detail.isRequired || json[detail.key] != nil {
            details[detail.key] = try need(detail.key) { detail.isSound($0) ? $0 : nil }
        }
        self.init(
            baseModel: try need("baseModel", \.string),
            task: TaskRecord(
                kind, labels: labels,
                pooling: try need("pooling") { $0.string.flatMap(Pooling.init(rawValue:)) }, details: details),
            maxLength: try need("maxLength") { $0.int.flatMap { $0 > 2 ? $0 : nil } },
            modelFingerprint: try need("modelFingerprint", \.string), step: try need("step", \.int),
            isWholeModel: try flag("wholeModel"),
            columns: try json[TrainedColumns.key] == nil
                ? nil : need(TrainedColumns.key) { TrainedColumns(json: $0) },
            baseFormat: try json[Self.baseFormatKey] == nil
                ? nil : need(Self.baseFormatKey) { $0.string.flatMap(BaseFormat.named) })
    }
}
