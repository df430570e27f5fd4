import Adapters
import Autodiff
import Foundation
import Matrices
import Messages
import Tasks
import Training
import Transformers

/// One adapter out of several on the same base, each site's merged update cut to one global budget.
package enum AdapterMerging {
    package struct Options: Sendable {
        /// At least two folders, written here or by PEFT
        package let adapters: [AdapterFolder]
        package let base: URL
        /// As many weights as adapters
        package let merge: AdapterMerge
        package let budget: TripletBudget
        /// A new folder
        package let output: URL
        /// The number of the adapter whose head is taken; nil takes the weighted mean, which needs the same labels in all.
        package var headOf: Int?
        /// nil for all cores
        package var threads: Int?

        package init(
            _ adapters: [AdapterFolder], base: URL, merge: AdapterMerge, budget: TripletBudget, output: URL
        ) {
            self.adapters = adapters
            self.base = base
            self.merge = merge
            self.budget = budget
            self.output = output
        }
    }

    package struct Outcome: Sendable {
        package let sites: [CutSite]
        package let parameters: Int
        /// What became of the heads, in words
        package let head: String
        /// Of logits on made-up sequences, what was written against the merger in memory
        package let difference: LogitDifference
        package let warnings: [String]
    }

    /// Writes the new adapter folder, in SVD form.
    package static func run(_ options: Options) throws -> Outcome {
        let merge = options.merge
        let folder = try VerifiedFolder(new: options.output)
        let opened = try options.adapters.map { try open($0, base: options.base) }
        let names = options.adapters.map(\.url.path)
        for (opened, name) in zip(opened, names) where !opened.changed.isEmpty {
            throw TrainingError(
                .usage,
                "\(name) also changes \(opened.changed.summary), which cannot be merged; leave this adapter out"
            )
        }
        let source = opened[options.headOf ?? 0]
        let head: String
        if let headOf = options.headOf {
            head = "the head of \(names[headOf])"
        } else {
            try checkHeads(opened, names)
            if source.head.form.isOwn {
                head = "the model's own"
            } else {
                try average(opened.map(\.head), merge.weights, into: source.head)
                head = "the weighted mean of the heads"
            }
        }
        for adapter in opened { try adapter.adapters.requireSums(for: "merge-adapters") }
        let workers = Workers(threads: options.threads)
        let triplets = try merge.triplets(
            of: opened.map(\.adapters), on: source.loaded.backbone.linearLayers, workers: workers)
        let (cut, left) = try options.budget.choose(from: triplets)
        cut.install()
        return Outcome(
            sites: CutSite.list(cut, left), parameters: cut.foldedParameterCount, head: head,
            difference: try folder.write("the merged adapter", of: source, cut, workers: workers),
            warnings: zip(names, opened).flatMap { name, opened in
                opened.warnings.map { "\(name): \($0)" }
            })
    }

    private static func open(_ adapter: AdapterFolder, base: URL) throws -> OpenedAdapter {
        try adapter.check()
        return adapter.isDescribed
            ? try OpenedAdapter(adapter.url, modelFolder: base)
            : try OpenedAdapter(
                peft: adapter.url, base: base, task: nil, labels: nil, maxLength: nil, anyBaseName: false,
                labelAdvice: "take it over with adalora import \(SettingName.labels) first")
    }

    private static func checkHeads(_ opened: [OpenedAdapter], _ names: [String]) throws {
        let first = opened[0].description.task
        for (adapter, name) in zip(opened, names).dropFirst() {
            let other = adapter.description.task
            let difference: String? =
                if other.kind != first.kind {
                    "tasks: \(first.kind.rawValue) and \(other.kind.rawValue)"
                } else if other.labels != first.labels {
                    "labels: \(list(first.labels)) and \(list(other.labels))"
                } else if other.pooling != first.pooling {
                    "poolings: \(first.pooling.rawValue) and \(other.pooling.rawValue)"
                } else {
                    nil
                }
            guard let difference else { continue }
            throw TrainingError(
                .usage,
                "the heads of \(names[0]) and \(name) cannot be averaged, they have other \(difference); "
                    + "take one with \(SettingName.head) FOLDER")
        }
    }

    private static func list(_ labels: [String]) -> String {
        labels.prefix(4).joined(separator: ", ") + (labels.count > 4 ? ", …" : "")
    }

    /// Σ w_i·θ_i / Σ w_i
    private static func average(_ heads: [SequenceHead], _ weights: [Double], into target: SequenceHead)
        throws
    {
        let total = weights.reduce(0, +)
        guard total.magnitude > 1e-6 else {
            throw TrainingError(
                .usage,
                "the weights add up to \(total), so that heads have no mean; take one with \(SettingName.head) FOLDER"
            )
        }
        for (index, parameter) in target.parameters.enumerated() {
            let sources = heads.map { $0.parameters[index].values.values }
            parameter.values.copyValues(
                from: (0..<parameter.values.count).map { place in
                    Float(zip(sources, weights).reduce(0) { $0 + Double($1.0[place]) * $1.1 } / total)
                })
        }
    }
}
