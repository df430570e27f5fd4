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

/// A language model or an encoder that is to be written as a GGUF: a base model, with an adapter or without, or one that was
/// trained whole.
struct WrittenModel {
    let loaded: LoadedModel
    let head: SequenceHead
    /// Whose rows may be read; nil of an encoder that nobody trained.
    let task: (any LearningTask)?
    /// Of an encoder
    let rows: WrittenRows?
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
        try opened.adapters.requireMatrices(for: "export \(SettingName.to) gguf")
        let isEncoder = !opened.loaded.backbone.architecture.isDecoder
        guard isEncoder || (opened.head.form == .vocabulary && opened.loaded.backbone.outputMatrix != nil)
        else {
            throw TrainingError(
                .usage,
                "\(source.path): the model has a head of its own (\(opened.head.modules.joined(separator: ", "))), for which "
                    + "llama.cpp's language models have no place; \(opened.otherWay)"
            )
        }
        loaded = opened.loaded
        task = opened.task
        maxLength = opened.description.maxLength
        form = try Self.form(opened.loaded)
        rows = isEncoder ? try WrittenRows(opened, source) : nil
        head = rows?.head ?? opened.head
        columns = ColumnNames().or(opened.description.columns)
        warnings = opened.warnings + Self.notes(opened.description) + (rows?.warnings ?? [])
        changed =
            opened.adapters.mergedWeights.map { ($0.weight, GGUFModelTensor.values($0.values)) }
            + opened.changed.weights.map { ($0, GGUFModelTensor.values(of: $0)) }
        guard opened.description.isWholeModel || !changed.isEmpty || rows?.isClassifier ?? false else {
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
        form = try Self.form(loaded)
        maxLength = loaded.usualMaxLength
        columns = ColumnNames()
        changed = []
        if !loaded.backbone.architecture.isDecoder {
            let rows = try WrittenRows(loaded)
            (head, task, self.rows) = (rows.head, nil, rows)
            warnings =
                loaded.warnings(
                    whereHeadTakes: rows.isClassifier ? Set(rows.head.parameters.map(\.name)) : [])
                + rows.warnings
            return
        }
        rows = nil
        guard loaded.backbone.outputMatrix != nil else {
            throw TrainingError(
                .usage, "\(base.path) has no output matrix, so that it writes no texts; give a language model"
            )
        }
        guard let kind = TaskKind.all(peftTask: HeadForm.vocabulary.peftTask).first else {
            preconditionFailure("no task of language models")
        }
        head = try OpenedAdapter.headToFill(loaded, outputs: 0, form: .vocabulary, dropout: 0)
        task = try kind.type.init(
            TaskRecord(kind, details: kind.type.details(maxLength: maxLength)))
        warnings = loaded.warnings
    }

    private static func form(_ loaded: LoadedModel) throws -> GGUFForm {
        let (model, backbone) = (loaded.model, loaded.backbone)
        if let reason = GGUFForm.whyNot(backbone) {
            throw TrainingError(
                .usage,
                "\(model.url.path): llama.cpp cannot run \(oneLine(model.config.modelType ?? "this model")): \(reason); "
                    + "write a run of it as a Hugging Face folder (adalora export \(SettingName.to) merged), which "
                    + "transformers runs")
        }
        guard let form = model.gguf?.form ?? GGUFForm.of(model.config) else {
            throw TrainingError(
                .usage,
                "\(model.url.path): llama.cpp's files have no form for \(oneLine(model.config.modelType ?? "this model")) that "
                    + "this version writes; use transformers with it")
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
        let kept = file.metadata.keys.filter { key in
            !key.hasPrefix("split.") && !(rows != nil && form.saysPooling(key))
        }
        return try kept.compactMap { key in try file.metadata.value(key).map { (key, $0) } } + rowKeys
    }

    /// How an encoder's rows become one
    var rowKeys: [(key: String, value: GGUFValue)] {
        rows.map { form.keys($0.pooling, labels: $0.labels) } ?? []
    }

    func tensors() throws -> [GGUFModelTensor] {
        let architecture = loaded.backbone.architecture
        let classifier = rows?.tensors ?? []
        guard let file = loaded.model.gguf?.file else { return try folderTensors() + classifier }
        return try form.tensors(of: file, changed: changed, architecture).filter {
            rows == nil || !GGUFForm.isClassifier($0.name)
        } + classifier
    }
}
