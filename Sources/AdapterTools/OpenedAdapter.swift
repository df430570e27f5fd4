import Adapters
import Foundation
import Matrices
import ModelFiles
import Tasks
import Tokenizers
import Training
import Transformers

/// An adapter put on its base model; or a whole model that `adalora train` trained.
struct OpenedAdapter {
    let description: AdapterDescription
    let task: any LearningTask
    let loaded: LoadedModel
    let head: SequenceHead
    /// Empty for a whole model.
    let adapters: AdapterSet
    /// What the adapter changes outside the matrices of layers
    let changed: ChangedParts
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
        let written = try AdapterDescription(folder)
        let isWhole = written.isWholeModel
        // Whatever is written of the adapter names its base where it is now.
        description = isWhole ? written : modelFolder.map(written.onBase) ?? written
        let base = isWhole ? folder : modelFolder ?? URL(fileURLWithPath: description.baseModel)
        if !isWhole && modelFolder == nil && !FileManager.default.fileExists(atPath: base.path) {
            throw TrainingError(
                .missing,
                "\(folder.path): its base model \(base.path) is not there any more; give the folder with --model"
            )
        }
        task = try description.task.kind.type.init(description.task)
        loaded = try LoadedModel(base, maxLength: description.maxLength)
        if !isWhole { try description.check(loaded, base: base, adapter: folder) }
        head = try SequenceHead(
            backbone: loaded.backbone, outputs: task.outputs, form: task.headForm, dropout: 0,
            stream: RandomStream(seed: 0, purpose: "overwritten"))
        warnings = loaded.tokenizer.notes
        if isWhole {
            try WholeModelFolder.loadHead(head, from: folder)
            (adapters, changed) = (AdapterSet.none, .none)
        } else {
            let adapter = try PEFTFolder.load(folder, onto: loaded.backbone, head: head)
            (adapters, changed) = (adapter.set, adapter.changed)
        }
    }

    /// A folder that PEFT wrote, whose labels are given or in the base's `id2label`, or else are placeholders.
    ///
    /// - Parameter named: nil follows from the adapter's `task_type` and the base's `problem_type`.
    init(
        peft folder: URL, base: URL, task named: TaskKind?, labels given: [String]?, maxLength: Int?,
        anyBaseName: Bool, labelAdvice: String = PEFTAdapter.labelAdvice
    ) throws {
        loaded = try LoadedModel(base, maxLength: maxLength ?? 1)
        if !anyBaseName { try BaseModelName.check(folder, base: base, loaded: loaded) }
        let peft = try PEFTAdapter(folder, task: named, loaded: loaded, base: base)
        (head, adapters, changed) = (peft.head, peft.adapters, peft.changed)
        let (labels, warning) = try peft.labels(given, base: base, advice: labelAdvice)
        let others = try Tokenizer.differences(of: folder, from: base)
        let tokenizers =
            others.isEmpty
            ? []
            : [
                "\(folder.path): the tokenizer saved with the adapter is not that of \(base.path), which is used: it has "
                    + oneLine(others.joined(separator: "; "), limit: 500)
            ]
        warnings = peft.warnings + tokenizers + (warning.map { [$0] } ?? [])
        let length = maxLength ?? loaded.usualMaxLength
        description = AdapterDescription(
            baseModel: base.standardizedFileURL.path,
            task: TaskRecord(
                peft.task, labels: labels, details: peft.task.type.details(maxLength: length)),
            maxLength: length, modelFingerprint: loaded.fingerprint, step: 0, isWholeModel: false)
        task = try peft.task.type.init(description.task)
    }

    func model(_ workers: Workers) -> SequenceModel {
        SequenceModel(backbone: loaded.backbone, head: head, workers: workers)
    }

    var limits: Tokenization {
        Tokenization(
            tokenizer: loaded.tokenizer, maxLength: description.maxLength, longRows: .truncate)
    }
}
