import Adapters
import Foundation
import Matrices
import ModelFiles
import RunConfiguration
import Transformers

/// The adapters and head of a folder that PEFT wrote.
struct PEFTAdapter {
    let task: RunConfig.Task
    let head: SequenceHead
    let adapters: AdapterSet

    /// The head is the adapter's, or else the base's own classifier.
    ///
    /// - Parameter named: the task; nil follows from the files, where one number a sequence is a score.
    init(_ folder: URL, task named: RunConfig.Task?, loaded: LoadedEncoder, base: URL, dropout: Float = 0)
        throws
    {
        var task = try named ?? Self.task(of: folder, base: base)
        let form = task.meaning.headForm(.pooler)
        let store = try HFFolder(base).openWeights()
        let classifier = loaded.encoder.configuration.family.classifierName(form) + ".weight"
        let width = loaded.encoder.configuration.hiddenSize
        guard
            let outputs = try PEFTFolder.outputs(of: folder, classifier: classifier, inputs: width)
                ?? PEFTFolder.outputs(of: store, classifier: classifier, inputs: width), outputs > 0
        else {
            throw ModelFileError(
                file: folder.path, place: classifier,
                problem: "neither the adapter nor the base model has a classifier",
                advice: "save it with the adapter (PEFT: task_type \(form.peftTask), or modules_to_save)")
        }
        if named == nil && task == .classification && outputs == 1 { task = .regression }
        let needed = task == .regression ? 1 : task == .questionAnswering ? 2 : outputs
        guard outputs == needed else {
            throw TrainingError(
                .usage,
                "task \(task.rawValue) has \(needed) outputs, the classifier of \(folder.path) \(outputs); give "
                    + "another --task")
        }
        self.task = task
        head = try SequenceHead(
            encoder: loaded.encoder, outputs: outputs, form: form, dropout: dropout,
            stream: RandomStream(seed: 0, purpose: "overwritten"))
        adapters = try PEFTFolder.load(folder, onto: loaded.encoder.linearLayers, head: head, base: store)
        guard adapters.ranks.contains(where: { $0 > 0 }) else {
            throw ModelFileError(
                file: folder.path, problem: "no triplet of the adapter belongs to a matrix of this model",
                advice: "give the base model it was trained on as --model")
        }
    }

    private static func task(of folder: URL, base: URL) throws -> RunConfig.Task {
        switch try PEFTFolder.taskType(of: folder) {
        case HeadForm.token.peftTask: return .tokenClassification
        case HeadForm.span.peftTask: return .questionAnswering
        default:
            let problem = try HFFolder(base).config.string("problem_type", default: "")
            return problem == MultiLabelTask.problemType ? .multiLabel : .classification
        }
    }

    /// Names of the outputs: those given, or the checkpoint's own `id2label`. Placeholders come with a warning.
    func labels(_ given: [String]?, base: URL) throws -> (labels: [String], warning: String?) {
        if task == .regression || task == .questionAnswering {
            guard given == nil else {
                throw TrainingError(.usage, "task \(task.rawValue) has no classes; leave out --labels")
            }
            return ([], nil)
        }
        return try Self.labels(given, outputs: head.outputs, base: base)
    }

    /// The same for a classifier of `count` outputs.
    static func labels(_ given: [String]?, outputs count: Int, base: URL) throws -> (
        labels: [String], warning: String?
    ) {
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
            "the labels are not known and are called LABEL_0 to LABEL_\(count - 1); name them with --labels"
        )
    }
}
