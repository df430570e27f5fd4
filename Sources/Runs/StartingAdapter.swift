import AdapterTools
import Adapters
import Datasets
import Foundation
import Matrices
import Messages
import ModelFiles
import RunConfiguration
import Tasks
import Training
import Transformers

/// The adapter that a run goes on from (`--from-adapter`): checked against the base model, hung on it, with its head.
struct StartingAdapter {
    let set: AdapterSet
    /// The adapter's own; nil where the run wants a fresh one.
    let head: SequenceHead?
    /// In the order of the adapter's head; nil where PEFT's files do not say, or the head is fresh.
    let labels: [String]?
    let warnings: [String]
    let folder: AdapterFolder
    private let path: String

    /// - Parameter loaded: the run's base model, without adapters.
    init(_ path: String, loaded: LoadedModel, config: RunConfig) throws {
        self.path = path
        folder = AdapterFolder(URL(fileURLWithPath: path))
        try folder.check()
        let description = folder.isDescribed ? try AdapterDescription(folder.url) : nil
        if let description {
            try description.check(loaded, adapter: folder.url)
        } else {
            try BaseModelName.check(folder.url, loaded)
        }
        let changed: ChangedParts
        if config.headStart == .fresh {
            let adapter = try Self.withoutHead(
                folder.url, loaded, config.task.type.headForm(config.resolvedPooling))
            (set, changed, head, labels, warnings) = (
                adapter.set, adapter.changed, nil, nil, adapter.warnings
            )
        } else {
            let opened = try Self.opened(folder.url, description, loaded, config, path)
            (set, changed, head) = (opened.adapters, opened.changed, opened.head)
            let isNamed = opened.labelWarning == nil
            labels = isNamed ? opened.description.task.labels : nil
            warnings =
                isNamed
                ? []
                : [
                    "\(path) names no labels; its \(opened.head.outputs) outputs are taken for the labels of the training rows in "
                        + "their order. To name them, take it over with adalora import \(SettingName.labels) first"
                ]
        }
        guard changed.isEmpty else {
            throw TrainingError(
                .usage,
                "\(path) also changes \(changed.summary), which a run does not go on with; write the merged model with "
                    + "adalora import, then adalora export \(SettingName.to) merged, and train on that as \(SettingName.model) without "
                    + "\(SettingName.fromAdapter)")
        }
        guard set.hasUpdate else {
            throw TrainingError(
                "\(path): the adapter's update is 0 \(set.parts.isEmpty ? "in every matrix" : "everywhere"), as before any training; leave out \(SettingName.fromAdapter)"
            )
        }
    }

    /// What the head reads that a run takes from the adapter it goes on from; nil where it takes none.
    static func pooling(_ config: RunConfig, _ loaded: LoadedModel) throws -> Pooling? {
        guard let path = config.tuning.fromAdapter, config.headStart == .adapter else { return nil }
        let folder = AdapterFolder(URL(fileURLWithPath: path))
        try folder.check()
        return folder.isDescribed
            ? try AdapterDescription(folder.url).task.pooling : loaded.backbone.architecture.ownPooling
    }

    /// With its head, which must be for the run's task and pooling.
    private static func opened(
        _ folder: URL, _ description: AdapterDescription?, _ loaded: LoadedModel, _ config: RunConfig,
        _ path: String
    ) throws -> OpenedAdapter {
        let dropout = Float(config.headDropout)
        guard let description else {
            let opened = try OpenedAdapter(
                peft: folder, on: loaded, task: config.task, dropout: dropout)
            if config.task.poolsRows {
                try check(pooling: loaded.backbone.architecture.ownPooling, config, path)
            }
            return opened
        }
        try check(description, config, path)
        return try OpenedAdapter(folder, description, on: loaded, dropout: dropout)
    }

    /// - Parameter form: of the run's head.
    private static func withoutHead(_ folder: URL, _ loaded: LoadedModel, _ form: HeadForm) throws
        -> PEFTFolder.Loaded
    {
        func made(_ form: HeadForm) throws -> SequenceHead {
            try SequenceHead(
                backbone: loaded.backbone, outputs: 1, form: form, dropout: 0,
                stream: RandomStream(seed: 0, purpose: "not used"))
        }
        // For the names of the modules that are left aside; a BERT saved without its pooler has fewer.
        let head =
            form.isOwn
            ? try made(form)
            : try (try? made(.sequence(loaded.backbone.architecture.ownPooling))) ?? made(.sequence(.first))
        return try PEFTFolder.load(folder, onto: loaded.backbone, head: head, takesHead: false)
    }

    private static func check(_ description: AdapterDescription, _ config: RunConfig, _ path: String) throws {
        let task = description.task.kind
        guard task == config.task else {
            throw TrainingError(
                .usage,
                "\(path) was trained for \(task.rawValue), this run is for \(config.task.rawValue); say "
                    + "\(SettingName.task) \(task.rawValue), or start a fresh head with \(SettingName.headStart) fresh"
            )
        }
        try check(pooling: description.task.pooling, config, path)
    }

    private static func check(pooling: Pooling, _ config: RunConfig, _ path: String) throws {
        guard pooling == config.resolvedPooling else {
            throw TrainingError(
                .usage,
                "the head of \(path) reads \(SettingName.pooling) \(pooling.rawValue), not \(config.resolvedPooling.rawValue); say so, or "
                    + "start a fresh head with \(SettingName.headStart) fresh")
        }
    }

    /// The run's task, with its labels in the order of the adapter's head. Throws unless the training rows have exactly
    /// the adapter's.
    ///
    /// - Parameter learned: from the training rows
    func task(_ learned: any LearningTask, rows file: String) throws -> any LearningTask {
        guard let outputs = head?.outputs else { return learned }
        let advice =
            "start a fresh head with \(SettingName.headStart) fresh, or give rows with the adapter's labels"
        guard let labels else {
            guard learned.outputs == outputs else {
                throw TrainingError(
                    "the head of \(path) has \(outputs) outputs, \(file) \(learned.outputs) labels; \(advice)"
                )
            }
            return learned
        }
        let (ours, theirs) = (Set(learned.record.labels), Set(labels))
        guard ours == theirs else {
            func list(_ names: Set<String>) -> String {
                let shown = names.sorted().prefix(5).joined(separator: ", ")
                return names.isEmpty ? "none" : shown + (names.count > 5 ? ", …" : "")
            }
            throw TrainingError(
                "the labels of \(file) are not those of \(path): only in the rows \(list(ours.subtracting(theirs))); "
                    + "only in the adapter \(list(theirs.subtracting(ours))); \(advice)")
        }
        var record = learned.record
        record.labels = labels
        return try type(of: learned).init(record)
    }
}
