import Adapters
import Foundation
import Matrices
import ModelFiles
import Tasks
import Training
import Transformers

/// The adapters and head of a folder that PEFT wrote.
package struct PEFTAdapter {
    let task: TaskKind
    package let head: SequenceHead
    package let adapters: AdapterSet
    /// What it changes outside the matrices of layers
    package let changed: ChangedParts
    /// Of the base and of the adapter's files
    let warnings: [String]

    /// The head is the adapter's, or else the base's own classifier.
    ///
    /// - Parameter named: the task; nil follows from the files, where one number a sequence is a score.
    package init(_ folder: URL, task named: TaskKind?, loaded: LoadedModel, base: URL, dropout: Float = 0)
        throws
    {
        let candidates = try named.map { [$0] } ?? TaskKind.all(peftTask: PEFTFolder.taskType(of: folder))
        let form = candidates[0].type.headForm(.pooler)
        let store = try HFFolder(base).openWeights()
        // A classifier that the base may have is not the one that such an adapter was trained before.
        if try PEFTFolder.isOfEncoderAlone(folder, loaded.backbone.architecture) {
            throw TrainingError(
                .usage,
                "\(folder.path) was trained on the encoder alone (PEFT's task_type FEATURE_EXTRACTION, or none) and has "
                    + "no classifier; train one with adalora train --from-adapter \(shellQuoted(folder.path)) --head-start fresh"
            )
        }
        let classifier = loaded.backbone.architecture.outputName(form) + ".weight"
        let width = loaded.backbone.sizes.hidden
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
                        + "adalora train --from-adapter FOLDER --head-start fresh")
        }
        let task = try Self.task(of: candidates, outputs: outputs, base: base)
        let needed = task.type.fixedOutputs ?? outputs
        guard outputs == needed else {
            throw TrainingError(
                .usage,
                "task \(task.rawValue) has \(needed) outputs, the classifier of \(folder.path) \(outputs); "
                    + (named == nil
                        ? "its task_type says so: take it over with adalora import --task"
                        : "give another --task"))
        }
        self.task = task
        head = try SequenceHead(
            backbone: loaded.backbone, outputs: outputs, form: form, dropout: dropout,
            stream: RandomStream(seed: 0, purpose: "overwritten"))
        let adapter = try PEFTFolder.load(folder, onto: loaded.backbone, head: head, base: store)
        (adapters, changed) = (adapter.set, adapter.changed)
        var warnings = loaded.warnings(whereHeadTakes: Set(head.parameters.map(\.name)))
        warnings += adapter.warnings
        if !changed.isEmpty {
            warnings.append(
                "the adapter also changes \(changed.summary): these are kept whole, outside its triplets and any budget"
            )
        }
        if !adapters.ranks.contains(where: { $0 > 0 }) {
            guard !adapters.adapters.isEmpty || !changed.isEmpty else {
                throw ModelFileError(
                    file: folder.path, problem: "no triplet of the adapter belongs to a matrix of this model",
                    advice: "give the base model it was trained on as --model")
            }
            warnings.append(
                "the adapter has no triplet left in any matrix of a layer; what it brings is its head"
                    + (changed.isEmpty ? "" : " and \(changed.summary)"))
        }
        self.warnings = warnings
    }

    /// - Parameter candidates: tasks of one form.
    private static func task(of candidates: [TaskKind], outputs: Int, base: URL) throws -> TaskKind {
        if candidates.count == 1 { return candidates[0] }
        let problem = try HFFolder(base).config.string("problem_type", default: "")
        return candidates.first { $0.type.answers(problemType: problem, outputs: outputs) } ?? candidates[0]
    }

    static let labelAdvice = "name them with --labels"

    /// Names of the outputs: those given, or the checkpoint's own `id2label`. Placeholders come with a warning.
    ///
    /// - Parameter advice: how they get names where the caller is.
    package func labels(_ given: [String]?, base: URL, advice: String) throws -> (
        labels: [String], warning: String?
    ) {
        if task.type.fixedOutputs != nil {
            guard given == nil else {
                throw TrainingError(.usage, "task \(task.rawValue) has no classes; leave out --labels")
            }
            return ([], nil)
        }
        return try Self.labels(given, outputs: head.outputs, base: base, advice: advice)
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
                    "the classifier has \(count) outputs, --labels \(Set(given).count) different names")
            }
            return (given, nil)
        }
        let names = try HFFolder(base).config.stringMap("id2label") ?? [:]
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
