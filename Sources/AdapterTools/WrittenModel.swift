import Adapters
import Autodiff
import Datasets
import Foundation
import Messages
import ModelFiles
import Tasks
import Tokenizers
import Training
import Transformers

/// A language model that is to be written as a GGUF: a base model, with an adapter or without, or one that was trained whole.
struct WrittenModel {
    let loaded: LoadedModel
    let head: SequenceHead
    let task: any LearningTask
    let maxLength: Int
    let form: GGUFForm
    /// That the adapter was trained on
    let columns: ColumnNames
    let warnings: [String]
    /// Weights with other values than those of the base, and these
    let changed: [(weight: Weight, values: GGUFModelTensor.Values)]

    /// - Parameter modelFolder: the base model; nil for the path the adapter was trained with.
    init(_ source: URL, modelFolder: URL?) throws {
        let isBase = PretrainedModel.isThere(source) && !AdapterFolder(source).isDescribed
        if isBase, modelFolder == nil {
            try self.init(base: source)
        } else {
            try self.init(
                OpenedAdapter(source, modelFolder: modelFolder), source)
        }
    }

    private init(_ opened: OpenedAdapter, _ source: URL) throws {
        guard opened.head.form.isOwn, opened.loaded.backbone.outputMatrix != nil else {
            throw TrainingError(
                .usage,
                "\(source.path): the model has a head of its own (\(opened.head.modules.joined(separator: ", "))), for which "
                    + "llama.cpp's language models have no place; export it for PEFT (adalora export \(SettingName.to) lora)"
            )
        }
        loaded = opened.loaded
        head = opened.head
        task = opened.task
        maxLength = opened.description.maxLength
        form = try Self.form(opened.loaded.model)
        columns = ColumnNames().or(opened.description.columns)
        warnings = opened.warnings + Self.notes(opened.description)
        changed =
            opened.adapters.mergedWeights.map { ($0.weight, GGUFModelTensor.values($0.values)) }
            + opened.changed.weights.map { ($0, GGUFModelTensor.values(of: $0)) }
        guard opened.description.isWholeModel || !changed.isEmpty else {
            throw TrainingError(.usage, "\(source.path) has no triplet left to export")
        }
    }

    /// Which weights the file is made of, where they are not those of the model's own files; for people.
    private static func notes(_ description: AdapterDescription) -> [String] {
        guard let format = description.baseFormat else { return [] }
        return [
            "the weights are those of the base as it was kept for training, \(format.name), with the adapter in them: the model "
                + "that was trained, not the folder's own weights"
        ]
    }

    private init(base: URL) throws {
        guard !PretrainedModel.isGGUF(base) else {
            throw TrainingError(
                .usage,
                "\(base.path) is a GGUF already; give the folder of a run or an adapter, or that of a model")
        }
        loaded = try LoadedModel(base, maxLength: 1)
        form = try Self.form(loaded.model)
        guard loaded.backbone.outputMatrix != nil else {
            throw TrainingError(
                .usage, "\(base.path) has no output matrix, so that it writes no texts; give a language model"
            )
        }
        guard let kind = TaskKind.all(peftTask: HeadForm.vocabulary.peftTask).first else {
            preconditionFailure("no task of language models")
        }
        head = try OpenedAdapter.headToFill(loaded, outputs: 0, form: .vocabulary, dropout: 0)
        maxLength = loaded.usualMaxLength
        task = try kind.type.init(
            TaskRecord(kind, details: kind.type.details(maxLength: maxLength)))
        columns = ColumnNames()
        warnings = loaded.warnings
        changed = []
    }

    private static func form(_ model: PretrainedModel) throws -> GGUFForm {
        guard let form = model.gguf?.form ?? GGUFForm.of(model.config) else {
            throw TrainingError(
                .usage,
                "\(model.url.path): llama.cpp's files have no form for \(oneLine(model.config.modelType ?? "this model")) that "
                    + "this version writes; export for PEFT instead (adalora export \(SettingName.to) lora)")
        }
        return form
    }

    var limits: Tokenization {
        Tokenization(
            tokenizer: loaded.tokenizer, maxLength: maxLength, longRows: .truncate, chat: loaded.chat)
    }

    /// All keys of the file but those that split it; what they say of formats is the file's that is written.
    func metadata() throws -> [(key: String, value: GGUFValue)] {
        guard let file = loaded.model.gguf?.file else { return try folderMetadata() }
        return try file.metadata.keys.filter { !$0.hasPrefix("split.") }.compactMap { key in
            try file.metadata.value(key).map { (key, $0) }
        }
    }

    func tensors() throws -> [GGUFModelTensor] {
        let architecture = loaded.backbone.architecture
        guard let file = loaded.model.gguf?.file else { return try folderTensors() }
        return try form.tensors(of: file, changed: changed, architecture)
    }
}
