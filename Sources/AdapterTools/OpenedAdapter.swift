import Adapters
import Foundation
import Matrices
import Messages
import ModelFiles
import Tasks
import Tokenizers
import Training
import Transformers

/// An adapter put on its base model; or a whole model that `adalora train` trained.
package struct OpenedAdapter: Sendable {
    package let description: AdapterDescription
    package let task: any LearningTask
    package let loaded: LoadedModel
    package let head: SequenceHead
    /// Empty for a whole model.
    package let adapters: AdapterSet
    /// What the adapter changes outside the matrices of layers
    package let changed: ChangedParts
    /// Of the files of base and adapter
    var notes: [String]
    /// Where neither PEFT's files nor the base name the labels: what they are called, and what to do.
    package let labelWarning: String?

    /// What it is called, such as `LoRA`
    package var kind: String { adapters.adapters.isEmpty && !changed.isEmpty ? changed.kind : adapters.kind }

    /// What a person should know of how the files were read.
    package var warnings: [String] { notes + (labelWarning.map { [$0] } ?? []) }

    /// A folder that this program wrote.
    ///
    /// - Parameters:
    ///   - modelFolder: the base model; nil for the path the adapter was trained with.
    ///   - workers: for whom matrices are laid out meanwhile; nil leaves that to the first products.
    package init(_ folder: URL, modelFolder: URL?, layingOutFor workers: Workers? = nil) throws {
        let file = folder.appendingPathComponent(AdapterDescription.file)
        guard FileManager.default.fileExists(atPath: file.path) else {
            throw AdapterFolder.absence(of: folder)
        }
        let written = try AdapterDescription(folder)
        let isWhole = written.isWholeModel
        // Whatever is written of the adapter names its base where it is now.
        let description = isWhole ? written : modelFolder.map(written.onBase) ?? written
        let base = isWhole ? folder : modelFolder ?? URL(fileURLWithPath: description.baseModel)
        if !isWhole && modelFolder == nil && !FileManager.default.fileExists(atPath: base.path) {
            let name = description.baseModel
            throw TrainingError(
                .missing,
                "\(folder.path): its base model "
                    + (name.hasPrefix("/")
                        ? "\(name) is not there any more" : "\(quoted(name)) is no folder here")
                    + "; give the folder with \(SettingName.model)")
        }
        // The weights of a whole model are checked with its folder.
        let loaded = try LoadedModel(
            base, maxLength: description.maxLength, baseFormat: description.baseFormat,
            fingerprint: isWhole ? .whenAsked : .beyond)
        if let workers { loaded.layOut(workers) }
        if !isWhole { _ = loaded.fingerprint }
        try self.init(folder, description, on: loaded)
    }

    /// The same on a base model that is open.
    ///
    /// - Parameters:
    ///   - description: the folder's.
    ///   - loaded: without adapters.
    ///   - dropout: before the head, for training that goes on.
    package init(
        _ folder: URL, _ description: AdapterDescription, on loaded: LoadedModel, dropout: Float = 0
    ) throws {
        self.description = description
        self.loaded = loaded
        task = try description.task.kind.type.init(description.task)
        if !description.isWholeModel { try description.check(loaded, adapter: folder) }
        head = try Self.headToFill(loaded, outputs: task.outputs, form: task.headForm, dropout: dropout)
        if description.isWholeModel {
            try WholeModelFolder.loadHead(head, from: folder)
            (adapters, changed) = (AdapterSet.none, .none)
        } else {
            let adapter = try PEFTFolder.load(folder, onto: loaded.backbone, head: head)
            (adapters, changed) = (adapter.set, adapter.changed)
            try Self.checkLength(description.maxLength, loaded)
        }
        (notes, labelWarning) = (loaded.tokenizer.notes, nil)
    }

    init(
        _ description: AdapterDescription, _ loaded: LoadedModel, _ head: SequenceHead,
        _ adapter: PEFTFolder.Loaded, notes: [String], labelWarning: String?
    ) throws {
        self.description = description
        self.loaded = loaded
        self.head = head
        (adapters, changed) = (adapter.set, adapter.changed)
        task = try description.task.kind.type.init(description.task)
        self.notes = notes
        self.labelWarning = labelWarning
    }

    /// Throws where what hangs on the model leaves rows of `length` tokens no positions.
    static func checkLength(_ length: Int, _ loaded: LoadedModel) throws {
        let (positions, longest) = (loaded.backbone.sizes.positions, loaded.backbone.longestSequence)
        guard length <= longest else {
            throw TrainingError(
                .usage,
                "max-length \(length) and the adapter's \(positions - longest) virtual tokens are more than the \(positions) positions of "
                    + "the model; use \(longest) or less")
        }
    }

    /// A head whose values a folder has: those drawn here are overwritten.
    static func headToFill(_ loaded: LoadedModel, outputs: Int, form: HeadForm, dropout: Float) throws
        -> SequenceHead
    {
        try SequenceHead(
            backbone: loaded.backbone, outputs: outputs, form: form, dropout: dropout,
            stream: RandomStream(seed: 0, purpose: "overwritten"))
    }

    package func model(_ workers: Workers, _ exchange: any GradientExchange = SoleProcess()) -> SequenceModel
    {
        SequenceModel(
            backbone: loaded.backbone, head: head, workers: workers, sharing: .evaluations, exchange: exchange
        )
    }

    /// From now on products with frozen weights take factors of bf16, as in training with that precision.
    package func multiplyInBFloat16(_ workers: Workers) {
        for weight in loaded.backbone.weights { weight.multiplyInBFloat16() }
        loaded.layOut(workers)
    }

    var limits: Tokenization {
        Tokenization(
            tokenizer: loaded.tokenizer, maxLength: description.maxLength, longRows: .truncate,
            chat: loaded.chat, images: loaded.images, pair: loaded.pair)
    }
}

extension Workers {
    /// - Parameter threads: nil for one on each core.
    package convenience init(threads: Int?) {
        self.init(count: threads ?? ProcessInfo.processInfo.activeProcessorCount)
    }
}
