import Adapters
import Foundation
import Matrices
import Messages
import ModelFiles
import Tasks
import Training
import Transformers

/// Writes a language model or an encoder as one GGUF, with what an adapter changes in its weights, and checks what it wrote.
package enum GGUFExport {
    package struct Options: Sendable {
        /// A run's adapter, a whole model that was trained, or a base model
        package let source: URL
        /// A new file
        package let output: URL
        /// The base model; nil for the path the adapter was trained with.
        package var modelFolder: URL?
        package var type = MergedType.usual
        /// Before and after rounding compared on it: plain text, or rows as the adapter was trained on.
        package var text: URL?
        /// As for other exports; where weights are rounded it has no part.
        package var tolerance: Double?
        /// nil for all cores
        package var threads: Int?

        package init(source: URL, output: URL) { (self.source, self.output) = (source, output) }
    }

    package struct Outcome: Sendable {
        /// What llama.cpp calls the architecture
        package let architecture: String
        /// Tensors with new values, and how far each format's are from them
        package let roundings: [GGUFModelFile.Rounding]
        /// Tensors that stand there byte for byte as they were
        package let kept: Int
        /// Of all matrices, by format, how many
        package let formats: [(format: String, count: Int)]
        /// The written file against the model before rounding
        package let difference: LogitDifference
        /// Mean losses on the text
        package let losses: (text: String, before: Double, after: Double)?
        /// Of an encoder what the file gives for a text; nil of a language model.
        package let rows: Rows?
        package let modelfile: URL
        package let warnings: [String]

        /// What an encoder's file gives for a text
        package enum Rows: Sendable {
            /// The numbers of its classifier
            case classes
            /// Embeddings, whose cosines with those before rounding these are
            case embeddings(text: String, mean: Double, least: Double)
        }
    }

    /// Writes the file; it appears only if each of its tensors, read again, is what it should be.
    package static func run(_ options: Options) throws -> Outcome {
        let (output, modelfile) = (options.output, Modelfile.url(beside: options.output))
        for url in [output, modelfile] where FileManager.default.fileExists(atPath: url.path) {
            throw TrainingError(
                .usage, "\(url.path) already exists; give a new file as \(SettingName.output)")
        }
        let subject = try WrittenModel(options.source, modelFolder: options.modelFolder)
        let file = try GGUFModelFile(metadata: subject.metadata(), tensors: subject.tensors(), options.type)
        let workers = Workers(threads: options.threads)
        let text = try options.text.map { try ComparedText($0, subject) }
        let samples = LogitCheck.samples(
            subject.loaded.tokenizer, of: subject.loaded.backbone, maxLength: subject.maxLength,
            outputs: subject.head.tokenOutputs)
        let own = SequenceModel(backbone: subject.loaded.backbone, head: subject.head, workers: workers)
        let expected = own.logits(samples)
        let isTold = subject.rows.map(\.isClassifier) ?? true
        let before = isTold ? try text.map { try own.evaluation($0.rows).loss } : nil
        return try ParentFolders.making(for: output) {
            let partial = output.deletingLastPathComponent().appendingPathComponent(
                ".\(output.lastPathComponent).unchecked")
            defer { try? FileManager.default.removeItem(at: partial) }
            try file.write(to: partial)
            let roundings = try file.check(partial)
            let model = try PretrainedModel.open(partial)
            let written = try opened(model, like: subject, workers)
            let difference = LogitDifference(expected, written.logits(samples))
            try check(difference, roundings, options, subject)
            let losses = try subject.losses(in: written.backbone) + subject.tokenizerLosses(in: model)
            let after = isTold ? try text.map { try written.evaluation($0.rows).loss } : nil
            let rows = subject.rows.map { rows -> Outcome.Rows in
                guard !rows.isClassifier else { return .classes }
                guard let text else { return embeddings("made-up rows", expected, written.logits(samples)) }
                return embeddings(text.name, own.logits(text.rows), written.logits(text.rows))
            }
            try AtomicFile.write(
                Data(Modelfile.text(of: output, subject).utf8), to: modelfile)
            try FileManager.default.moveItem(at: partial, to: output)
            return Outcome(
                architecture: subject.form.name, roundings: roundings,
                kept: file.parts.count - roundings.reduce(0) { $0 + $1.count }, formats: file.formats,
                difference: difference,
                losses: text.flatMap { text in
                    before.flatMap { before in after.map { (text.name, before, $0) } }
                },
                rows: rows, modelfile: modelfile,
                warnings: subject.warnings + losses + (text?.warnings ?? []) + warnings(roundings, subject))
        }
    }

    /// The model in a file that was written, with the head of the other.
    private static func opened(_ model: PretrainedModel, like subject: WrittenModel, _ workers: Workers)
        throws
        -> SequenceModel
    {
        let backbone = try model.openBackbone()
        let head =
            try subject.rows?.head(in: model, backbone)
            ?? SequenceHead(
                backbone: backbone, outputs: 0, form: subject.head.form, dropout: 0,
                stream: RandomStream(seed: 0, purpose: "not drawn from"))
        return SequenceModel(backbone: backbone, head: head, workers: workers)
    }

    /// Embeddings [N, C] before rounding and in the file, row by row.
    private static func embeddings(_ text: String, _ before: Matrix, _ after: Matrix) -> Outcome.Rows {
        let cosines = (0..<before.rows).map { row in
            var (product, one, other) = (0.0, 0.0, 0.0)
            for column in 0..<before.columns {
                let (x, y) = (Double(before.row(row)[column]), Double(after.row(row)[column]))
                (product, one, other) = (product + x * y, one + x * x, other + y * y)
            }
            return product / (one * other).squareRoot()
        }
        return .embeddings(
            text: text, mean: cosines.reduce(0, +) / Double(max(cosines.count, 1)), least: cosines.min() ?? 1)
    }

    /// What an adapter learned is small beside the weights, and few bits have wide steps.
    private static func warnings(_ roundings: [GGUFModelFile.Rounding], _ subject: WrittenModel) -> [String] {
        guard !subject.changed.isEmpty,
            let coarse = roundings.first(where: { MergedType.isCoarse($0.format) })
        else { return [] }
        return [
            "\(coarse.format) may round away what the adapter learned; compare with \(SettingName.text), or use "
                + "\(SettingName.mergedType) q8_0"
        ]
    }

    /// Where nothing was rounded both models are the same; else each tensor was compared, and the difference is told.
    private static func check(
        _ difference: LogitDifference, _ roundings: [GGUFModelFile.Rounding], _ options: Options,
        _ subject: WrittenModel
    ) throws {
        let isExact = roundings.allSatisfy { $0.largest == 0 }
        let tolerance = options.tolerance ?? LogitCheck.tolerance(subject.loaded.backbone)
        guard difference.largest.isFinite, !isExact || difference.isWithin(tolerance) else {
            throw TrainingError("the written model differs: \(difference); nothing was written")
        }
    }
}
