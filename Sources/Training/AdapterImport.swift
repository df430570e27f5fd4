import Adapters
import Foundation
import Matrices
import ModelFiles
import RunConfiguration
import Transformers

/// Takes an adapter that PEFT wrote, LoRA or AdaLoRA, as an adapter folder of this program: checked, with the labels and
/// the fingerprint of the base model that PEFT's files do not have.
public struct AdapterImport: Sendable {
    public let method: String
    public let task: String
    public let labels: [String]
    /// Triplets by site
    public let ranks: [(site: String, rank: Int)]
    /// Of logits on made-up sequences, imported against original
    public let largestDifference: Double
    public let largestLogit: Double
    public let warnings: [String]

    /// Writes the new folder `output`; it appears only if what was written gives the original's logits.
    ///
    /// - Parameters:
    ///   - adapter: a folder with `adapter_config.json` and `adapter_model.safetensors`
    ///   - task: by its name in a run's settings; nil follows from the adapter's `task_type` and the base's
    ///     `problem_type`
    ///   - labels: class names in the order of the classifier's outputs; nil takes the base's `id2label`
    ///   - inSVDForm: LoRA by its exact singular triplets, P·Λ·Q
    ///   - maxLength: nil takes what the model's positions allow, up to 512
    ///   - tolerance: the largest difference of logits, relative to the largest logit or 1
    public init(
        adapter: URL, base: URL, task named: String? = nil, labels given: [String]?, inSVDForm: Bool,
        maxLength: Int?, tolerance: Double = 1e-4, output: URL, threads: Int?
    ) throws {
        if FileManager.default.fileExists(atPath: output.path) {
            throw TrainingError(.usage, "\(output.path) already exists; give a new folder as --output")
        }
        let opened = try Self.open(adapter, base: base, task: named, maxLength: maxLength)
        let isNameless = opened.task == .regression || opened.task == .questionAnswering
        if isNameless && given != nil {
            throw TrainingError(.usage, "task \(opened.task.rawValue) has no classes; leave out --labels")
        }
        let (labels, warning) = try isNameless ? ([], nil) : Self.labels(given, opened.head, base: base)
        self.labels = labels
        task = opened.task.rawValue
        var warnings = opened.loaded.warnings
        if let warning { warnings.append(warning) }
        let workers = Workers(count: threads ?? ProcessInfo.processInfo.activeProcessorCount)
        let data = LogitCheck.samples(opened.loaded.tokenizer, maxLength: opened.maxLength)
        let expected = SequenceModel(encoder: opened.loaded.encoder, head: opened.head, workers: workers)
            .logits(data)
        let isLoRA = opened.set.adapters.first?.factors.lambda == nil
        let keepsForm = isLoRA && !inSVDForm
        let set =
            keepsForm
            ? opened.set.foldedToLoRA(padded: false)
            : try opened.set.inSVDForm(workers: workers).withScaleInLambda()
        method = isLoRA ? (inSVDForm ? "LoRA, now in SVD form" : "LoRA") : "AdaLoRA"
        ranks = zip(set.adapters, set.ranks).map { ("\($0.site)", $1) }
        let description = AdapterDescription(
            baseModel: base.standardizedFileURL.path,
            task: TaskRecord(
                name: opened.task, labels: labels,
                stride: opened.task == .questionAnswering ? min(128, opened.maxLength / 3) : 0),
            maxLength: opened.maxLength, modelFingerprint: opened.loaded.fingerprint, step: 0,
            isWholeModel: false)
        var difference = (largest: Double.infinity, logit: 0.0)
        try AtomicFile.replaceFolder(output) { target in
            try PEFTFolder.write(
                set, method: keepsForm ? .lora : .adalora, head: opened.head,
                baseModel: description.baseModel, into: target)
            try description.write(to: target.appendingPathComponent("adalora.json"))
            let again = try OpenedAdapter(target, modelFolder: base)
            let found = SequenceModel(encoder: again.loaded.encoder, head: again.head, workers: workers)
                .logits(data)
            difference = LogitCheck.difference(expected, found)
            guard difference.largest <= tolerance * max(1, difference.logit) else {
                throw TrainingError(
                    "the imported adapter differs by \(difference.largest) in logits of up to "
                        + "\(difference.logit); nothing was written")
            }
        }
        (largestDifference, largestLogit) = difference
        self.warnings = warnings
    }

    /// The task that is asked for, or that the files name; one number a sequence is a score.
    private static func task(_ named: String?, _ adapter: URL, base: URL) throws -> RunConfig.Task {
        if let named {
            guard let task = RunConfig.Task(rawValue: named) else {
                throw TrainingError(
                    .usage,
                    "--task \(named) is none of "
                        + RunConfig.Task.allCases.map(\.rawValue).joined(separator: ", "))
            }
            return task
        }
        switch try PEFTFolder.taskType(of: adapter) {
        case HeadForm.token.peftTask: return .tokenClassification
        case HeadForm.span.peftTask: return .questionAnswering
        default:
            let problem = try HFFolder(base).config.string("problem_type", default: "")
            return problem == MultiLabelTask.problemType ? .multiLabel : .classification
        }
    }

    private static func open(_ adapter: URL, base: URL, task named: String?, maxLength: Int?) throws -> (
        loaded: LoadedEncoder, head: SequenceHead, set: AdapterSet, task: RunConfig.Task, maxLength: Int
    ) {
        var task = try task(named, adapter, base: base)
        let form = task.meaning.headForm(.pooler)
        let store = try HFFolder(base).openWeights()
        let loaded = try LoadedEncoder(base, maxLength: maxLength ?? 1)
        let configuration = loaded.encoder.configuration
        let classifier = configuration.family.classifierName(form) + ".weight"
        guard
            let outputs = try PEFTFolder.outputs(of: adapter, classifier: classifier)
                ?? store.info(classifier)?.shape.first, outputs > 0
        else {
            throw ModelFileError(
                file: adapter.path, place: classifier,
                problem: "neither the adapter nor the base model has a classifier",
                advice: "save it with the adapter (PEFT: task_type \(form.peftTask), or modules_to_save)")
        }
        if task == .classification && outputs == 1 { task = .regression }
        let needed = task == .regression ? 1 : task == .questionAnswering ? 2 : outputs
        guard outputs == needed else {
            throw TrainingError(
                .usage,
                "task \(task.rawValue) has \(needed) outputs, the classifier \(outputs); give another --task")
        }
        let head = try SequenceHead(
            encoder: loaded.encoder, outputs: outputs, form: form, dropout: 0,
            stream: RandomStream(seed: 0, purpose: "overwritten"))
        let set = try PEFTFolder.load(adapter, onto: loaded.encoder.linearLayers, head: head, base: store)
        guard set.ranks.contains(where: { $0 > 0 }) else {
            throw ModelFileError(
                file: adapter.path, problem: "no triplet of the adapter belongs to a matrix of this model",
                advice: "give the base model it was trained on as --model")
        }
        return (loaded, head, set, task, maxLength ?? min(512, configuration.maximumPositions))
    }

    private static func labels(_ given: [String]?, _ head: SequenceHead, base: URL) throws -> (
        labels: [String], warning: String?
    ) {
        let count = head.outputs
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
