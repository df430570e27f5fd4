import Adapters
import Foundation
import Matrices
import Messages
import ModelFiles
import Training
import Transformers

/// Writes an adapter as a LoRA that llama.cpp puts on the base model's GGUF, and checks what it wrote.
package enum LoRAExport {
    package struct Outcome: Sendable {
        package let difference: LogitDifference
        package let ranks: [(site: String, rank: Int)]
        /// What llama.cpp calls the architecture
        package let architecture: String
        package let warnings: [String]
    }

    /// Writes the file; it appears only if it gives the adapter's logits when it is opened again.
    package static func run(_ options: AdapterExport.Options) throws -> Outcome {
        let output = options.output
        guard !FileManager.default.fileExists(atPath: output.path) else {
            throw TrainingError(
                .usage, "\(output.path) already exists; give a new file as \(SettingName.output)")
        }
        let opened = try OpenedAdapter(options.adapter, modelFolder: options.modelFolder)
        try refuseRest(opened, options.adapter)
        let data = LogitCheck.samples(
            opened.loaded.tokenizer, of: opened.loaded.backbone, maxLength: opened.description.maxLength,
            outputs: opened.head.tokenOutputs)
        let workers = Workers(threads: options.threads)
        let expected = opened.model(workers).logits(data)
        let ranks = zip(opened.adapters.adapters, opened.adapters.ranks).map { ("\($0.site)", $1) }
        let folded = opened.adapters.foldedToLoRA(padded: false)
        let partial = output.deletingLastPathComponent().appendingPathComponent(
            ".\(output.lastPathComponent).unchecked")
        defer { try? FileManager.default.removeItem(at: partial) }
        try LoRAFile.write(
            folded, of: opened.loaded.model, name: output.deletingPathExtension().lastPathComponent,
            to: partial)
        for layer in opened.adapters.layers { layer.adapter = nil }
        let loaded = try LoRAFile.load(
            partial, onto: opened.loaded.backbone, of: opened.loaded.model)
        let difference = LogitDifference(expected, opened.model(workers).logits(data))
        guard difference.isWithin(options.tolerance ?? LogitCheck.tolerance(opened.loaded.backbone)) else {
            throw TrainingError("the LoRA file differs: \(difference); nothing was written")
        }
        try FileManager.default.moveItem(at: partial, to: output)
        return Outcome(
            difference: difference, ranks: ranks,
            architecture: try LoRAFile.architecture(of: opened.loaded.model),
            warnings: loaded.warnings + baseWarnings(opened.description))
    }

    /// Where the adapter meets other weights than it was trained over.
    private static func baseWarnings(_ description: AdapterDescription) -> [String] {
        guard let format = description.baseFormat else { return [] }
        return [
            "the adapter was trained over a base kept as \(format.name), and llama.cpp puts it on the weights of whatever GGUF "
                + "it is given, which are near; \(SettingName.to) gguf writes those that it was trained on, with the adapter "
                + "in them"
        ]
    }

    /// What such a file has no place for, by name.
    private static func refuseRest(_ opened: OpenedAdapter, _ folder: URL) throws {
        let advice = opened.otherWay
        func refusal(_ what: String) -> TrainingError {
            TrainingError(
                .usage, "\(folder.path): \(what), for which a LoRA of llama.cpp has no place; \(advice)")
        }
        guard !opened.description.isWholeModel else {
            throw TrainingError(.usage, "\(folder.path) is a whole model and has no adapter")
        }
        try opened.adapters.requireSums(for: "export \(SettingName.to) gguf-lora")
        guard opened.head.form == .vocabulary else {
            throw refusal(
                "the adapter has a head of its own (\(opened.head.modules.joined(separator: ", ")))")
        }
        guard opened.changed.isEmpty else { throw refusal("the adapter changes \(opened.changed.summary)") }
        guard opened.adapters.ranks.contains(where: { $0 > 0 }) else {
            throw TrainingError(.usage, "\(folder.path) has no triplet left to export")
        }
    }
}
