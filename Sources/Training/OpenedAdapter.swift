import Adapters
import Foundation
import Matrices
import ModelFiles
import Transformers

/// An adapter put on its base model; or a whole model that `adalora train` trained.
struct OpenedAdapter {
    let description: AdapterDescription
    let loaded: LoadedEncoder
    let head: SequenceHead
    /// Empty for a whole model.
    let adapters: AdapterSet
    let warnings: [String]

    /// A folder that this program wrote.
    ///
    /// - Parameter modelFolder: the base model; nil for the path the adapter was trained with.
    init(_ folder: URL, modelFolder: URL?) throws {
        let file = folder.appendingPathComponent(AdapterDescription.file)
        let isPEFTs = FileManager.default.fileExists(
            atPath: folder.appendingPathComponent(PEFTFolder.configurationFile).path)
        if isPEFTs && !FileManager.default.fileExists(atPath: file.path) {
            throw TrainingError(
                .missing,
                "\(folder.path) has no \(AdapterDescription.file), with labels and the base model's fingerprint; "
                    + "take an adapter that PEFT wrote over with adalora import first")
        }
        description = try AdapterDescription(folder)
        let isWhole = description.isWholeModel
        let base = isWhole ? folder : modelFolder ?? URL(fileURLWithPath: description.baseModel)
        if !isWhole && modelFolder == nil && !FileManager.default.fileExists(atPath: base.path) {
            throw TrainingError(
                .missing,
                "\(folder.path): its base model \(base.path) is not there any more; give the folder with --model"
            )
        }
        loaded = try LoadedEncoder(base, maxLength: description.maxLength)
        if !isWhole { try description.check(loaded, base: base, adapter: folder) }
        head = try SequenceHead(
            encoder: loaded.encoder, outputs: description.outputs, pooling: description.pooling, dropout: 0,
            stream: RandomStream(seed: 0, purpose: "overwritten"))
        warnings = []
        if isWhole {
            try WholeModelFolder.loadHead(head, from: folder)
            adapters = AdapterSet.none
        } else {
            adapters = try PEFTFolder.load(folder, onto: loaded.encoder.linearLayers, head: head)
        }
    }

    /// A folder that PEFT wrote, whose labels are given or in the base's `id2label`, or else are placeholders.
    init(peft folder: URL, base: URL, labels given: [String]?, maxLength: Int?, anyBaseName: Bool) throws {
        loaded = try LoadedEncoder(base, maxLength: maxLength ?? 1)
        if !anyBaseName { try BaseModelName.check(folder, base: base, loaded: loaded) }
        let peft = try PEFTAdapter(folder, loaded: loaded, base: base)
        (head, adapters) = (peft.head, peft.adapters)
        let (labels, warning) = try Self.labels(given, outputs: head.outputs, base: base)
        warnings = loaded.warnings + (warning.map { [$0] } ?? [])
        description = AdapterDescription(
            baseModel: base.standardizedFileURL.path,
            task: labels.isEmpty ? "regression" : "classification", labels: labels, pooling: .pooler,
            maxLength: maxLength ?? loaded.usualMaxLength, modelFingerprint: loaded.fingerprint, step: 0,
            isWholeModel: false)
    }

    func model(_ workers: Workers) -> SequenceModel {
        SequenceModel(encoder: loaded.encoder, head: head, workers: workers)
    }

    /// The labels of a classifier whose folder does not name them: those given, or a checkpoint's own `id2label`.
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
        if count == 1 { return ([], nil) }
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

/// The adapters and head of a folder that PEFT wrote for sequence classification.
struct PEFTAdapter {
    let head: SequenceHead
    let adapters: AdapterSet

    /// The head is the adapter's, or else the base's own classifier.
    init(_ folder: URL, loaded: LoadedEncoder, base: URL, dropout: Float = 0) throws {
        let store = try HFFolder(base).openWeights()
        let classifier = loaded.encoder.configuration.family.headNames.classifier + ".weight"
        guard
            let outputs = try PEFTFolder.outputs(of: folder, classifier: classifier)
                ?? store.info(classifier)?.shape.first, outputs > 0
        else {
            throw ModelFileError(
                file: folder.path, place: classifier,
                problem: "neither the adapter nor the base model has a classifier",
                advice: "save it with the adapter (PEFT: task_type SEQ_CLS, or modules_to_save)")
        }
        head = try SequenceHead(
            encoder: loaded.encoder, outputs: outputs, pooling: .pooler, dropout: dropout,
            stream: RandomStream(seed: 0, purpose: "overwritten"))
        adapters = try PEFTFolder.load(folder, onto: loaded.encoder.linearLayers, head: head, base: store)
        guard adapters.ranks.contains(where: { $0 > 0 }) else {
            throw ModelFileError(
                file: folder.path, problem: "no triplet of the adapter belongs to a matrix of this model",
                advice: "give the base model it was trained on as --model")
        }
    }
}
