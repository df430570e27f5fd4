import Adapters
import Foundation
import Matrices
import Messages
import ModelFiles
import Tasks
import Tokenizers
import Training
import Transformers

/// Folders that PEFT wrote.
extension OpenedAdapter {
    /// A folder that PEFT wrote, whose labels are given or in the base's `id2label`, or else are placeholders.
    ///
    /// - Parameter named: nil follows from the adapter's `task_type` and the base's `problem_type`.
    init(
        peft folder: URL, base: URL, task named: TaskKind?, labels given: [String]?, maxLength: Int?,
        anyBaseName: Bool, labelAdvice: String = Self.labelAdvice
    ) throws {
        let loaded = try LoadedModel(base, maxLength: maxLength ?? 1)
        if !anyBaseName { try BaseModelName.check(folder, loaded) }
        try self.init(
            peft: folder, on: loaded, task: named, labels: given, maxLength: maxLength,
            labelAdvice: labelAdvice)
        let others = try Tokenizer.differences(of: folder, from: base)
        if !others.isEmpty {
            notes.append(
                "\(folder.path): the tokenizer saved with the adapter is not that of \(base.path), which is used: it has "
                    + oneLine(others.joined(separator: "; "), limit: 500))
        }
    }

    /// The same on a base model that is open, without a look at its name and at the adapter's tokenizer. The head is the
    /// adapter's, or else the base's own classifier.
    ///
    /// - Parameters:
    ///   - named: the task; nil follows from the files, where one number a sequence is a score.
    ///   - loaded: without adapters.
    ///   - dropout: before the head, for training that goes on.
    package init(
        peft folder: URL, on loaded: LoadedModel, task named: TaskKind?, labels given: [String]? = nil,
        maxLength: Int? = nil, labelAdvice: String = Self.labelAdvice, dropout: Float = 0
    ) throws {
        let base = loaded.url
        let store = try loaded.model.openWeights()
        let (task, form, outputs) = try Self.classifier(of: folder, task: named, loaded, base: store)
        let head = try Self.headToFill(loaded, outputs: outputs, form: form, dropout: dropout)
        let adapter = try PEFTFolder.load(folder, onto: loaded.backbone, head: head, base: store)
        let (labels, warning) = try Self.labels(
            given, of: task, outputs: outputs, base: base, advice: labelAdvice)
        let length = maxLength ?? loaded.usualMaxLength
        try Self.checkLength(length, loaded)
        try self.init(
            AdapterDescription(
                baseModel: base.standardizedFileURL.path,
                task: TaskRecord(
                    task, labels: labels, pooling: form.pooling ?? .pooler,
                    details: task.type.details(maxLength: length)),
                maxLength: length, modelFingerprint: loaded.fingerprint, step: 0, isWholeModel: false),
            loaded, head, adapter,
            notes: loaded.warnings(whereHeadTakes: Set(head.parameters.map(\.name))) + adapter.warnings
                + Self.notes(on: adapter, folder), labelWarning: warning)
    }

    /// What an adapter brings that is no triplet. Throws where it brings nothing.
    private static func notes(on adapter: PEFTFolder.Loaded, _ folder: URL) throws -> [String] {
        let (adapters, changed) = (adapter.set, adapter.changed)
        var notes: [String] = []
        if !changed.isEmpty, !adapters.adapters.isEmpty {
            notes.append(
                "the adapter also changes \(changed.summary): these are kept whole, outside its triplets and any budget"
            )
        }
        if adapters.adapters.isEmpty && !(adapters.parts.isEmpty && changed.isEmpty) { return notes }
        if adapters.parts.isEmpty, !adapters.adapters.contains(where: \.acts) {
            guard !adapters.adapters.isEmpty || !changed.isEmpty else {
                throw ModelFileError(
                    file: folder.path, problem: "no triplet of the adapter belongs to a matrix of this model",
                    advice: "give the base model it was trained on as \(SettingName.model)")
            }
            notes.append(
                "the adapter has no triplet left in any matrix of a layer; what it brings is its head"
                    + (changed.isEmpty ? "" : " and \(changed.summary)"))
        }
        return notes
    }

    /// The task of the classifier that the folder has, or else the base, and how many outputs that has.
    private static func classifier(
        of folder: URL, task named: TaskKind?, _ loaded: LoadedModel, base store: any TensorSource
    ) throws -> (task: TaskKind, form: HeadForm, outputs: Int) {
        let architecture = loaded.backbone.architecture
        let type = try PEFTFolder.taskType(of: folder) ?? architecture.usualPEFTTask
        let candidates =
            named.map { [$0] }
            ?? TaskKind.all(
                peftTask: type, ofImages: architecture.readsImages, ofPairs: architecture.isPair)
        let form = candidates[0].type.headForm(architecture.ownPooling)
        // The model's own output matrix is no part of an adapter.
        if form.isOwn { return (candidates[0], form, 0) }
        // A classifier that the base may have is not the one that such an adapter was trained before.
        if try PEFTFolder.isOfBackboneAlone(folder, architecture) {
            throw TrainingError(
                .usage,
                "\(folder.path) was trained on the \(architecture.noun) alone (PEFT's task_type FEATURE_EXTRACTION, or none) and has "
                    + "no classifier; train one with adalora train \(SettingName.fromAdapter) \(shellQuoted(folder.path)) \(SettingName.headStart) fresh"
            )
        }
        let classifier = architecture.outputName(form) + ".weight"
        let width = architecture.headWidth(form, hidden: loaded.backbone.sizes.hidden)
        guard
            let outputs = try PEFTFolder.outputs(of: folder, classifier: classifier, inputs: width)
                ?? PEFTFolder.outputs(of: store, classifier: classifier, inputs: width), outputs > 0
        else {
            throw ModelFileError(
                file: folder.path, place: classifier,
                problem: "neither the adapter nor the base model has a classifier",
                advice: try PEFTFolder.taskType(of: folder) == form.peftTask
                    ? "save it with the adapter (PEFT: modules_to_save)"
                    : "save it with the adapter (PEFT: task_type \(form.peftTask), or modules_to_save), or train one: "
                        + "adalora train \(SettingName.fromAdapter) FOLDER \(SettingName.headStart) fresh")
        }
        let task = try Self.task(of: candidates, outputs: outputs, base: loaded.url)
        let needed = task.type.fixedOutputs ?? max(2, outputs)
        guard outputs == needed else {
            throw TrainingError(
                .usage,
                "task \(task.rawValue) has \(needed) outputs, the classifier of \(folder.path) \(outputs); "
                    + (named == nil
                        ? "its task_type says so: take it over with adalora import \(SettingName.task)"
                        : "give another \(SettingName.task)"))
        }
        return (task, form, outputs)
    }

    /// - Parameter candidates: tasks of one form.
    private static func task(of candidates: [TaskKind], outputs: Int, base: URL) throws -> TaskKind {
        if candidates.count == 1 { return candidates[0] }
        let problem = try PretrainedModel.open(base).config.string("problem_type", default: "")
        return candidates.first { $0.type.answers(problemType: problem, outputs: outputs) } ?? candidates[0]
    }

    package static let labelAdvice = "name them with \(SettingName.labels)"

    /// Names of the outputs of a task: none, those given, or the checkpoint's own `id2label`. Placeholders come with a
    /// warning.
    ///
    /// - Parameter advice: how they get names where the caller is.
    private static func labels(
        _ given: [String]?, of task: TaskKind, outputs: Int, base: URL, advice: String
    ) throws -> (labels: [String], warning: String?) {
        if task.type.fixedOutputs != nil {
            guard given == nil else {
                throw TrainingError(
                    .usage, "task \(task.rawValue) has no classes; leave out \(SettingName.labels)")
            }
            return ([], nil)
        }
        return try labels(given, outputs: outputs, base: base, advice: advice)
    }

    /// The same for a classifier of `count` outputs.
    static func labels(_ given: [String]?, outputs count: Int, base: URL, advice: String = labelAdvice) throws
        -> (
            labels: [String], warning: String?
        )
    {
        if let given {
            guard given.count == count, Set(given).count == count else {
                throw TrainingError(
                    .usage,
                    "the classifier has \(count) outputs, \(SettingName.labels) \(Set(given).count) different names"
                )
            }
            return (given, nil)
        }
        let names = try PretrainedModel.open(base).config.stringMap("id2label") ?? [:]
        let own = (0..<count).compactMap { names["\($0)"] }
        let placeholders = (0..<count).map { "LABEL_\($0)" }
        if names.count == count, own.count == count, Set(own).count == count, own != placeholders {
            return (own, nil)
        }
        return (
            placeholders,
            "the labels are not known and are called LABEL_0 to LABEL_\(count - 1); \(advice)"
        )
    }
}
