import Adapters
import Datasets
import Foundation
import Matrices
import Messages
import ModelFiles
import Tasks
import Tokenizers
import Training
import Transformers

/// Writes a trained adapter in a form that other programs read, and checks what it wrote.
package enum AdapterExport {
    package enum Form: String, CaseIterable, Sendable {
        /// LoRA of one rank for every module, zero-padded, with r = lora_alpha: the one global scale of
        /// vLLM and llama.cpp and PEFT's own then come to the same.
        case lora
        /// LoRA whose modules keep their own ranks, by PEFT's rank_pattern and alpha_pattern.
        case raggedLoRA = "ragged-lora"
        /// PEFT's AdaLoRA.
        case peftAdaLoRA = "peft-adalora"
        /// The base model with the updates added to its weights.
        case merged
    }

    package struct Options: Sendable {
        package let adapter: URL
        package let form: Form
        /// A new folder
        package let output: URL
        /// The base model; nil for the path the adapter was trained with.
        package var modelFolder: URL?
        /// What the export calls the base model; nil for what is known of it.
        package var baseName: String?
        /// A file of rows to check with and its columns; nil makes up sequences of tokens.
        package var rows: (file: URL, columns: ColumnNames)?
        /// The largest difference of logits, relative to the largest logit or 1; nil for the model's usual one.
        package var tolerance: Double?
        /// Of a merged model, bytes of tensors in one file.
        package var shardLimit = WeightShards.usualLimit
        /// nil for all cores
        package var threads: Int?

        package init(adapter: URL, form: Form, output: URL) {
            (self.adapter, self.form, self.output) = (adapter, form, output)
        }
    }

    package struct Outcome: Sendable {
        /// Exported against original
        package let difference: LogitDifference
        /// Beside the head
        package let parameters: Int
        /// Triplets kept, by site; empty without ranks.
        package let ranks: [(site: String, rank: Int)]
        /// What it calls the base model
        package let base: BaseModelName.Choice
        package let warnings: [String]
    }

    /// Writes the new folder; it appears only if the exported adapter, opened again, gives the same logits.
    package static func run(_ options: Options) throws -> Outcome {
        let form = options.form
        let folder = try VerifiedFolder(new: options.output)
        let opened = try OpenedAdapter(options.adapter, modelFolder: options.modelFolder)
        try opened.adapters.requireMatrices(for: "export \(SettingName.to) \(form.rawValue)")
        let isEmpty = opened.adapters.adapters.isEmpty && opened.changed.isEmpty
        let hasNothing = opened.changed.isEmpty && !opened.adapters.adapters.contains(where: \.acts)
        // A merged model needs no triplet: the rest of what the adapter brings is in it too.
        guard !opened.description.isWholeModel, form == .merged ? !isEmpty : !hasNothing else {
            throw TrainingError(
                .usage,
                "\(options.adapter.path) has no adapters to export; give the run or folder of an adapter")
        }
        let written = try AdapterDescription(options.adapter)
        let name = try BaseModelName.choose(options.baseName, opened.loaded, written: written.baseModel)
        let workers = Workers(threads: options.threads)
        let data =
            try options.rows.map { rows in
                let form = type(of: opened.task).rowForm(labelSeparator: nil)
                let dataset = try Dataset.read(
                    rows.file, form: form, columns: rows.columns.or(opened.description.columns),
                    requireLabels: false)
                return try opened.task.tokenized(dataset, isLabelled: false, opened.limits)
            }
            ?? LogitCheck.samples(
                opened.loaded.tokenizer, of: opened.loaded.backbone, maxLength: opened.description.maxLength,
                outputs: opened.head.tokenOutputs)
        let expected = opened.model(workers).logits(data)
        let base = options.modelFolder ?? URL(fileURLWithPath: opened.description.baseModel)
        let ranked = opened.adapters.ranked
        let ranks = zip(ranked.adapters, ranked.ranks).map { ("\($0.site)", $1) }
        let parameters = opened.adapters.liveParameterCount + opened.changed.parameterCount
        let (trained, warning) = run(of: options, step: opened.description.step)
        let text = try card(opened, options, base: name, run: trained).text
        let difference = try folder.write(
            "the exported \(form.rawValue)", expected: expected, samples: data, tolerance: options.tolerance
        ) { target in
            try write(
                opened, form, base: base, name: name, shardLimit: options.shardLimit, workers: workers,
                into: target)
        } open: { target in
            try OpenedAdapter(target, modelFolder: form == .merged ? nil : base).model(workers)
        } document: { target in
            try AtomicFile.write(Data(text.utf8), to: target.appendingPathComponent(ModelCard.file))
        }
        return Outcome(
            difference: difference, parameters: parameters, ranks: ranks, base: name,
            warnings: warnings(opened, form) + (warning.map { [$0] } ?? []))
    }

    /// Of what other programs would make of it.
    private static func warnings(_ opened: OpenedAdapter, _ form: Form) -> [String] {
        var warnings: [String] = []
        if let format = opened.description.baseFormat, form != .merged {
            let near = "\(SettingName.to) \(Form.merged.rawValue) writes those that it was trained on"
            if opened.loaded.packedBase != nil {
                warnings.append(
                    "the adapter was trained over a base kept as \(format.name); PEFT puts it on the files' own weights, "
                        + "which are near; " + near)
            } else if !format.isForTransformers {
                warnings.append(
                    "the adapter was trained over a folder that was packed as \(format.name), which transformers does not "
                        + "open; on the model from before PEFT puts it on weights that are near; " + near)
            }
        }
        guard let pooling = opened.head.form.pooling, !pooling.isOfTransformers else { return warnings }
        if opened.loaded.backbone.architecture.readsRowsBesideEachOther {
            return warnings + [
                "transformers' image classifier reads the first row beside the mean of the others, not \(pooling.rawValue), and has no "
                    + "place for this head; \(ModelCard.file) has the lines of Python that answer as trained"
            ]
        }
        return warnings + [
            "PEFT puts the adapter on transformers' sequence classifier, which has its own pooling, not "
                + "\(pooling.rawValue): what that answers is wrong; \(ModelCard.file) has the lines of Python that answer as "
                + "trained"
        ]
    }

    /// What has no adapters is no LoRA; biases alone PEFT takes beside one.
    private static func requirePlace(for opened: OpenedAdapter, in form: Form) throws {
        guard opened.adapters.adapters.isEmpty, !opened.changed.isEmpty else { return }
        let isBesideLoRA = opened.changed.isBiases && form != .peftAdaLoRA
        guard !isBesideLoRA else { return }
        throw TrainingError(
            .usage,
            "what was trained is \(opened.kind), for which \(SettingName.to) \(form.rawValue) has no place; use the adapter as it "
                + "is, which PEFT reads, or put it into the weights with \(SettingName.to) merged")
    }

    private static func write(
        _ opened: OpenedAdapter, _ form: Form, base: URL, name: BaseModelName.Choice, shardLimit: Int,
        workers: Workers, into folder: URL
    ) throws {
        // Here adalora finds the base by its whole path, from wherever it is called.
        let description =
            name.isLocal && form != .merged ? opened.description : opened.description.naming(name.name)
        func writeAdapter(_ set: AdapterSet, _ form: PEFTForm) throws {
            try PEFTFolder.write(
                set, as: form, head: opened.head, changed: opened.changed,
                baseModel: name.name, into: folder)
            try description.write(into: folder)
        }
        switch form {
        case .lora, .raggedLoRA, .peftAdaLoRA:
            let target = form == .peftAdaLoRA ? "peft-adalora" : "lora"
            try opened.adapters.requireSums(for: "export \(SettingName.to) \(target)")
            try requirePlace(for: opened, in: form)
        case .merged: break
        }
        switch form {
        case .lora: try writeAdapter(opened.adapters.foldedToLoRA(padded: true), .lora)
        case .raggedLoRA: try writeAdapter(opened.adapters.foldedToLoRA(padded: false), .lora)
        case .peftAdaLoRA: try writeAdapter(try opened.adapters.inSVDForm(workers: workers), .adalora)
        case .merged:
            if let pooling = opened.head.form.pooling, !pooling.isOfTransformers {
                let own = opened.loaded.backbone.architecture.ownPooling.rawValue
                throw TrainingError(
                    .usage,
                    "a merged model is read as a sequence classifier, which has its own pooling, not "
                        + "\(pooling.rawValue); export an adapter, or train with \(SettingName.pooling) \(own)"
                )
            }
            opened.adapters.mergeIntoLayers()
            try WholeModelFolder.write(
                opened.model(workers), task: opened.task, base: base, shardLimit: shardLimit, into: folder)
            try description.asWholeModel.write(into: folder)
        }
    }
}
