import Adapters
import Foundation
import Matrices
import Messages
import ModelFiles
import Tasks
import Training
import Transformers

/// Takes an adapter that PEFT wrote, LoRA or AdaLoRA, as an adapter folder of this program: checked, with the labels and
/// the fingerprint of the base model that PEFT's files do not have.
package enum AdapterImport {
    package struct Options: Sendable {
        /// A folder with `adapter_config.json` and `adapter_model.safetensors`, or a LoRA of llama.cpp
        package let adapter: URL
        package let base: URL
        /// A new folder
        package let output: URL
        /// By its name in a run's settings; nil follows from the adapter's `task_type` and the base's `problem_type`.
        package var task: String?
        /// Class names in the order of the classifier's outputs; nil takes the base's `id2label`.
        package var labels: [String]?
        /// LoRA by its exact singular triplets, P·Λ·Q
        package var inSVDForm = false
        /// nil takes what the model's positions allow, up to 512.
        package var maxLength: Int?
        /// The adapter may name another base model than `base`.
        package var anyBaseName = false
        /// nil for all cores
        package var threads: Int?

        package init(adapter: URL, base: URL, output: URL) {
            (self.adapter, self.base, self.output) = (adapter, base, output)
        }
    }

    package struct Outcome: Sendable {
        package let method: String
        package let task: String
        package let labels: [String]
        /// Beside the head
        package let parameters: Int
        /// Triplets by site; empty of what has no ranks
        package let ranks: [(site: String, rank: Int)]
        /// Of logits on made-up sequences, imported against original
        package let difference: LogitDifference
        package let warnings: [String]
    }

    /// Writes the new folder; it appears only if what was written gives the original's logits.
    package static func run(_ options: Options) throws -> Outcome {
        let (base, inSVDForm) = (options.base, options.inSVDForm)
        let folder = try VerifiedFolder(new: options.output)
        let opened =
            PretrainedModel.isGGUF(options.adapter)
            ? try OpenedAdapter(
                loRAFile: options.adapter, base: base, task: try options.task.map(task),
                maxLength: options.maxLength)
            : try OpenedAdapter(
                peft: options.adapter, base: base, task: try options.task.map(task), labels: options.labels,
                maxLength: options.maxLength, anyBaseName: options.anyBaseName)
        let workers = Workers(threads: options.threads)
        let data = LogitCheck.samples(
            opened.loaded.tokenizer, of: opened.loaded.backbone, maxLength: opened.description.maxLength,
            outputs: opened.head.tokenOutputs)
        let expected = opened.model(workers).logits(data)
        let isLoRA = !opened.adapters.adapters.isEmpty && opened.adapters.adapters[0].factors.lambda == nil
        if inSVDForm { try opened.adapters.requireSums(for: "import \(SettingName.svd)") }
        let keepsForm = isLoRA && !inSVDForm
        let set =
            !opened.adapters.parts.isEmpty
            ? opened.adapters
            : keepsForm
                ? opened.adapters.foldedToLoRA(padded: false)
                : try opened.adapters.inSVDForm(workers: workers).withScaleInLambda()
        let difference = try folder.write("the imported adapter", expected: expected, samples: data) {
            target in
            try PEFTFolder.write(
                set, as: set.peft, head: opened.head,
                changed: opened.changed, baseModel: opened.description.baseModel, into: target)
            try opened.description.write(into: target)
        } open: { target in
            try OpenedAdapter(target, modelFolder: base).model(workers)
        }
        return Outcome(
            method: inSVDForm && isLoRA ? "LoRA, now in SVD form" : opened.kind,
            task: opened.description.task.kind.rawValue, labels: opened.description.task.labels,
            parameters: set.liveParameterCount + opened.changed.parameterCount,
            ranks: zip(set.ranked.adapters, set.ranked.ranks).map { ("\($0.site)", $1) },
            difference: difference,
            warnings: opened.warnings)
    }

    private static func task(_ name: String) throws -> TaskKind {
        guard let task = TaskKind(rawValue: name) else {
            throw TrainingError(
                .usage,
                "\(SettingName.task) \(name) is none of "
                    + TaskKind.allCases.map(\.rawValue).joined(separator: ", "))
        }
        return task
    }
}
