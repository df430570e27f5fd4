import Adapters
import Foundation
import Matrices
import ModelFiles
import Tasks
import Training
import Transformers

/// Takes an adapter that PEFT wrote, LoRA or AdaLoRA, as an adapter folder of this program: checked, with the labels and
/// the fingerprint of the base model that PEFT's files do not have.
package struct AdapterImport: Sendable {
    package let method: String
    package let task: String
    package let labels: [String]
    /// Triplets by site
    package let ranks: [(site: String, rank: Int)]
    /// Of logits on made-up sequences, imported against original
    package let difference: LogitDifference
    package let warnings: [String]

    /// Writes the new folder `output`; it appears only if what was written gives the original's logits.
    ///
    /// - Parameters:
    ///   - adapter: a folder with `adapter_config.json` and `adapter_model.safetensors`
    ///   - task: by its name in a run's settings; nil follows from the adapter's `task_type` and the base's `problem_type`
    ///   - labels: class names in the order of the classifier's outputs; nil takes the base's `id2label`
    ///   - inSVDForm: LoRA by its exact singular triplets, P·Λ·Q
    ///   - maxLength: nil takes what the model's positions allow, up to 512
    ///   - anyBaseName: the adapter may name another base model than `base`.
    package init(
        adapter: URL, base: URL, task named: String? = nil, labels given: [String]?, inSVDForm: Bool,
        maxLength: Int?, anyBaseName: Bool = false, output: URL, threads: Int?
    ) throws {
        let folder = try VerifiedFolder(new: output)
        let opened = try OpenedAdapter(
            peft: adapter, base: base, task: try named.map(Self.task), labels: given, maxLength: maxLength,
            anyBaseName: anyBaseName)
        labels = opened.description.task.labels
        self.task = opened.description.task.kind.rawValue
        warnings = opened.warnings
        let workers = Workers(count: threads ?? ProcessInfo.processInfo.activeProcessorCount)
        let data = LogitCheck.samples(opened.loaded.tokenizer, maxLength: opened.description.maxLength)
        let expected = opened.model(workers).logits(data)
        let isLoRA = opened.adapters.adapters.first?.factors.lambda == nil
        if inSVDForm { try opened.adapters.requireSums(for: "import --svd") }
        let keepsForm = isLoRA && !inSVDForm
        let set =
            keepsForm
            ? opened.adapters.foldedToLoRA(padded: false)
            : try opened.adapters.inSVDForm(workers: workers).withScaleInLambda()
        method = inSVDForm && isLoRA ? "LoRA, now in SVD form" : opened.adapters.kind
        ranks = zip(set.adapters, set.ranks).map { ("\($0.site)", $1) }
        difference = try folder.write("the imported adapter", expected: expected, samples: data) { target in
            try PEFTFolder.write(
                set, as: set.peft, head: opened.head,
                changed: opened.changed, baseModel: opened.description.baseModel, into: target)
            try opened.description.write(into: target)
        } open: { target in
            try OpenedAdapter(target, modelFolder: base).model(workers)
        }
    }

    private static func task(_ name: String) throws -> TaskKind {
        guard let task = TaskKind(rawValue: name) else {
            throw TrainingError(
                .usage,
                "--task \(name) is none of "
                    + TaskKind.allCases.map(\.rawValue).joined(separator: ", "))
        }
        return task
    }
}
