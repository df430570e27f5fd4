import Adapters
import Foundation
import Matrices
import ModelFiles
import Tasks
import Training

/// Cuts a trained adapter to a global budget by exact singular values, without training.
package enum AdapterShrinking {
    package struct Outcome: Sendable {
        package let sites: [CutSite]
        /// Parameters of what stayed, counted without λ, as in `TripletBudget`.
        package let parameters: Int
        /// Of logits on made-up sequences, what was written against the cut adapter before
        package let difference: LogitDifference
    }

    /// Writes the cut adapter as a new folder `output`; the one in `adapter` stays as it is.
    package static func run(
        adapter: URL, modelFolder: URL?, budget: TripletBudget, output: URL, threads: Int?
    ) throws -> Outcome {
        let folder = try VerifiedFolder(new: output)
        let opened = try OpenedAdapter(adapter, modelFolder: modelFolder)
        guard !opened.description.isWholeModel, !opened.adapters.isEmpty else {
            let what = opened.changed.isEmpty ? "" : ", what was trained is \(opened.kind)"
            throw TrainingError(
                .usage, "\(adapter.path) has no adapters to cut\(what); give an adapter folder")
        }
        let set = opened.adapters
        try set.requireSums(for: "shrink")
        let workers = Workers(threads: threads)
        let (cut, left) = try budget.choose(from: set.updateTriplets(workers: workers))
        let sites = CutSite.list(cut, left, before: set.ranks)
        cut.install()
        return Outcome(
            sites: sites, parameters: cut.foldedParameterCount,
            difference: try folder.write("the cut adapter", of: opened, cut, workers: workers))
    }
}

extension VerifiedFolder {
    /// Writes adapters in SVD form that hang on the layers of `opened`, with its head.
    func write(_ what: String, of opened: OpenedAdapter, _ set: AdapterSet, workers: Workers) throws
        -> LogitDifference
    {
        let description = opened.description
        let data = LogitCheck.samples(
            opened.loaded.tokenizer, of: opened.loaded.backbone, maxLength: description.maxLength,
            outputs: opened.head.tokenOutputs)
        let base = opened.loaded.url
        return try write(what, expected: opened.model(workers).logits(data), samples: data) { target in
            try PEFTFolder.write(
                set, as: .adalora, head: opened.head, changed: opened.changed,
                baseModel: description.baseModel, into: target)
            try description.write(into: target)
        } open: { target in
            try OpenedAdapter(target, modelFolder: base).model(workers)
        }
    }
}
