import AdapterTools
import Adapters
import Datasets
import Foundation
import Matrices
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
    private let outputs: Int?

    /// - Parameter loaded: the run's base model, without adapters.
    init(_ path: String, loaded: LoadedModel, config: RunConfig) throws {
        self.path = path
        folder = AdapterFolder(URL(fileURLWithPath: path))
        try folder.check()
        let description = folder.isDescribed ? try AdapterDescription(folder.url) : nil
        if let description {
            try description.check(loaded, base: loaded.folder, adapter: folder.url)
        } else {
            try BaseModelName.check(folder.url, base: loaded.folder, loaded: loaded)
        }
        let changed: ChangedParts
        let isFresh = config.headStart == .fresh
        if isFresh {
            let adapter = try Self.withoutHead(folder.url, loaded)
            (set, changed) = (adapter.set, adapter.changed)
            (head, labels, outputs, warnings) = (nil, nil, nil, adapter.warnings)
        } else if let description {
            try Self.check(description, config, path)
            let task = try description.task.kind.type.init(description.task)
            let own = try SequenceHead(
                backbone: loaded.backbone, outputs: task.outputs, form: task.headForm,
                dropout: Float(config.headDropout), stream: RandomStream(seed: 0, purpose: "overwritten"))
            let adapter = try PEFTFolder.load(folder.url, onto: loaded.backbone, head: own)
            (set, changed) = (adapter.set, adapter.changed)
            (head, labels, outputs, warnings) = (own, description.task.labels, own.outputs, [])
        } else {
            let peft = try PEFTAdapter(
                folder.url, task: config.task, loaded: loaded, base: loaded.folder,
                dropout: Float(config.headDropout))
            try Self.check(pooling: .pooler, config, path)
            let count = peft.head.outputs
            let (names, warning) = try peft.labels(nil, base: loaded.folder, advice: "")
            (set, changed) = (peft.adapters, peft.changed)
            (head, labels, outputs) = (peft.head, warning == nil ? names : nil, count)
            warnings =
                warning == nil
                ? []
                : [
                    "\(path) names no labels; its \(count) outputs are taken for the labels of the training rows in "
                        + "their order. To name them, take it over with adalora import --labels first"
                ]
        }
        guard changed.isEmpty else {
            throw TrainingError(
                .usage,
                "\(path) also changes \(changed.summary), which a run does not go on with; write the merged model with "
                    + "adalora import, then adalora export --to merged, and train on that as --model without "
                    + "--from-adapter")
        }
        guard set.adapters.contains(where: { $0.hasUpdate }) else {
            throw TrainingError(
                "\(path): the adapter's update is 0 in every matrix, as before any training; leave out --from-adapter"
            )
        }
    }

    private static func withoutHead(_ folder: URL, _ loaded: LoadedModel) throws -> PEFTFolder.Loaded {
        func made(_ pooling: Pooling) throws -> SequenceHead {
            try SequenceHead(
                backbone: loaded.backbone, outputs: 1, form: .sequence(pooling), dropout: 0,
                stream: RandomStream(seed: 0, purpose: "not used"))
        }
        // For the names of the modules that are left aside; a BERT saved without its pooler has fewer.
        let head = try (try? made(.pooler)) ?? made(.first)
        return try PEFTFolder.load(folder, onto: loaded.backbone, head: head, takesHead: false)
    }

    private static func check(_ description: AdapterDescription, _ config: RunConfig, _ path: String) throws {
        let task = description.task.kind
        guard task == config.task else {
            throw TrainingError(
                .usage,
                "\(path) was trained for \(task.rawValue), this run is for \(config.task.rawValue); say "
                    + "--task \(task.rawValue), or start a fresh head with --head-start fresh")
        }
        try check(pooling: description.task.pooling, config, path)
    }

    private static func check(pooling: Pooling, _ config: RunConfig, _ path: String) throws {
        guard pooling == config.pooling else {
            throw TrainingError(
                .usage,
                "the head of \(path) reads --pooling \(pooling.rawValue), not \(config.pooling.rawValue); say so, or "
                    + "start a fresh head with --head-start fresh")
        }
    }

    /// The run's task, with its labels in the order of the adapter's head. Throws unless the training rows have exactly
    /// the adapter's.
    ///
    /// - Parameter learned: from the training rows
    func task(_ learned: any LearningTask, rows file: String) throws -> any LearningTask {
        guard let outputs else { return learned }
        let advice = "start a fresh head with --head-start fresh, or give rows with the adapter's labels"
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
