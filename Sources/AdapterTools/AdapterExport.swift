import Adapters
import Datasets
import Foundation
import Matrices
import ModelFiles
import Tasks
import Tokenizers
import Training
import Transformers

/// Writes a trained adapter in a form that other programs read, and checks what it wrote.
package struct AdapterExport: Sendable {
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

    /// Exported against original
    package let difference: LogitDifference
    /// Triplets kept, by site.
    package let ranks: [(site: String, rank: Int)]
    package let warnings: [String]

    /// Writes the new folder `output`; it appears only if the exported adapter, opened again, gives the same logits.
    ///
    /// - Parameters:
    ///   - rows: a file of rows to check with and its columns; nil makes up sequences of tokens.
    ///   - tolerance: the largest difference of logits, relative to the largest logit or 1.
    ///   - shardLimit: of a merged model, bytes of tensors in one file.
    package init(
        adapter: URL, modelFolder: URL?, form: Form, rows: (file: URL, columns: ColumnNames)?,
        tolerance: Double,
        shardLimit: Int = WeightShards.usualLimit, output: URL, threads: Int?
    ) throws {
        let folder = try VerifiedFolder(new: output)
        let opened = try OpenedAdapter(adapter, modelFolder: modelFolder)
        let hasTriplets = opened.adapters.ranks.contains { $0 > 0 }
        // A merged model needs no triplet: the rest of what the adapter brings is in it too.
        let isMergeable = form == .merged && !(opened.adapters.adapters.isEmpty && opened.changed.isEmpty)
        guard !opened.description.isWholeModel, hasTriplets || isMergeable else {
            throw TrainingError(
                .usage, "\(adapter.path) has no adapters to export; give the run or folder of an adapter")
        }
        let workers = Workers(count: threads ?? ProcessInfo.processInfo.activeProcessorCount)
        let data =
            try rows.map { rows in
                let form = type(of: opened.task).rowForm(labelSeparator: nil)
                let dataset = try Dataset.read(
                    rows.file, form: form, columns: rows.columns, requireLabels: false)
                return try opened.task.tokenized(dataset, isLabelled: false, opened.limits)
            } ?? LogitCheck.samples(opened.loaded.tokenizer, maxLength: opened.description.maxLength)
        let expected = opened.model(workers).logits(data)
        let base = modelFolder ?? URL(fileURLWithPath: opened.description.baseModel)
        warnings = Self.warnings(opened)
        ranks = zip(opened.adapters.adapters, opened.adapters.ranks).map { ("\($0.site)", $1) }
        difference = try folder.write(
            "the exported \(form.rawValue)", expected: expected, samples: data, tolerance: tolerance
        ) { target in
            try Self.write(
                opened, form, base: base, shardLimit: shardLimit, workers: workers, into: target)
        } open: { target in
            try OpenedAdapter(target, modelFolder: form == .merged ? nil : base).model(workers)
        }
    }

    /// Of what other programs would make of it.
    private static func warnings(_ opened: OpenedAdapter) -> [String] {
        guard case .sequence(let pooling) = opened.head.form, pooling != .pooler else { return [] }
        return [
            "PEFT puts the adapter on transformers' sequence classifier, which has its own pooling, not "
                + "\(pooling.rawValue): its head answers as trained in adalora alone; for one that does elsewhere train with "
                + "--pooling pooler"
        ]
    }

    private static func write(
        _ opened: OpenedAdapter, _ form: Form, base: URL, shardLimit: Int, workers: Workers, into folder: URL
    ) throws {
        let description = opened.description
        func writeAdapter(_ set: AdapterSet, _ form: PEFTForm) throws {
            try PEFTFolder.write(
                set, as: form, head: opened.head, changed: opened.changed,
                baseModel: description.baseModel, into: folder)
            try description.write(into: folder)
        }
        switch form {
        case .lora, .raggedLoRA, .peftAdaLoRA:
            let target = form == .peftAdaLoRA ? "peft-adalora" : "lora"
            try opened.adapters.requireSums(for: "export --to \(target)")
        case .merged: break
        }
        switch form {
        case .lora: try writeAdapter(opened.adapters.foldedToLoRA(padded: true), .lora)
        case .raggedLoRA: try writeAdapter(opened.adapters.foldedToLoRA(padded: false), .lora)
        case .peftAdaLoRA: try writeAdapter(try opened.adapters.inSVDForm(workers: workers), .adalora)
        case .merged:
            if case .sequence(let pooling) = opened.head.form, pooling != .pooler {
                throw TrainingError(
                    .usage,
                    "a merged model is read as a sequence classifier, which has its own pooling, not "
                        + "\(pooling.rawValue); export an adapter, or train with --pooling pooler"
                )
            }
            opened.adapters.mergeIntoLayers()
            try WholeModelFolder.write(
                opened.model(workers), task: opened.task, base: base, shardLimit: shardLimit, into: folder)
            try description.asWholeModel.write(into: folder)
        }
    }
}
