import Adapters
import Foundation
import Matrices
import ModelFiles
import Transformers

/// An adapter folder written by `adalora train`, put on its base model; or a whole model that it trained.
struct OpenedAdapter {
    let description: AdapterDescription
    let task: any LearningTask
    let loaded: LoadedEncoder
    let head: SequenceHead
    /// Empty for a whole model.
    let adapters: AdapterSet

    /// - Parameter modelFolder: the base model; nil for the path the adapter was trained with.
    init(_ folder: URL, modelFolder: URL?) throws {
        description = try AdapterDescription(folder.appendingPathComponent("adalora.json"))
        let isWhole = description.isWholeModel
        let base = isWhole ? folder : modelFolder ?? URL(fileURLWithPath: description.baseModel)
        if !isWhole && modelFolder == nil && !FileManager.default.fileExists(atPath: base.path) {
            throw TrainingError(
                .missing,
                "\(folder.path): its base model \(base.path) is not there any more; give the folder with --model"
            )
        }
        task = try description.task.name.meaning.init(description.task)
        loaded = try LoadedEncoder(base, maxLength: description.maxLength)
        guard isWhole || loaded.fingerprint == description.modelFingerprint else {
            throw TrainingError(
                "\(folder.path) was trained on other base weights than those in "
                    + "\(base.path); give the right folder with --model")
        }
        head = try SequenceHead(
            encoder: loaded.encoder, outputs: task.outputs, form: task.headForm, dropout: 0,
            stream: RandomStream(seed: 0, purpose: "overwritten"))
        if isWhole {
            try WholeModelFolder.loadHead(head, from: folder)
            adapters = AdapterSet.none
        } else {
            adapters = try PEFTFolder.load(folder, onto: loaded.encoder.linearLayers, head: head)
        }
    }

    var limits: Tokenization {
        Tokenization(
            tokenizer: loaded.tokenizer, maxLength: description.maxLength, longRows: .truncate)
    }
}
