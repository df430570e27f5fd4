import Adapters
import Autodiff
import Foundation
import Matrices
import Messages
import ModelFiles
import Tasks
import Tokenizers
import Training
import Transformers

/// An adapter out of the difference of two checkpoints of one architecture: the largest singular values of all matrices'
/// differences.
package enum AdapterExtraction {
    /// How the singular values of a matrix are computed.
    package enum Factorizing: String, CaseIterable, Sendable {
        /// Exactly, but randomized where the smaller side is above 512 and the budget says how many are wanted at most.
        case automatic
        case exact
        case randomized
    }

    package struct Options: Sendable {
        package let base: URL
        package let tuned: URL
        /// The matrices of each layer
        package let roles: AdaptedRoles
        package let budget: TripletBudget
        /// A new folder
        package let output: URL
        package var factorizing = Factorizing.automatic
        /// Class names in the order of the tuned model's head; nil takes its `id2label`.
        package var labels: [String]?
        /// Of randomized singular values
        package var seed: UInt64 = 42
        /// nil for all cores
        package var threads: Int?

        package init(
            base: URL, tuned: URL, roles: AdaptedRoles, budget: TripletBudget, output: URL
        ) {
            self.base = base
            self.tuned = tuned
            self.roles = roles
            self.budget = budget
            self.output = output
        }
    }

    package struct Outcome: Sendable {
        package let sites: [CutSite]
        package let parameters: Int
        /// What differs outside the adapted matrices and so is not in the adapter, by kind
        package let outside: [OutsideDifference]
        /// nil where the tuned model has no classification head
        package let labels: [String]?
        /// What was written against the extracted adapter in memory
        package let difference: LogitDifference
        /// The base with the extracted adapter against the tuned model, with the same head: what the cut costs
        package let loss: LogitDifference
        package let warnings: [String]
    }

    private static let largestExactSide = 512

    package static func run(_ options: Options) throws -> Outcome {
        let (base, tuned) = (options.base, options.tuned)
        let folder = try VerifiedFolder(new: options.output)
        let (old, new) = (try LoadedModel(base, maxLength: 1), try LoadedModel(tuned, maxLength: 1))
        try checkRowOrder(old, new)
        guard old.backbone.isBuilt(as: new.backbone) else {
            throw TrainingError(
                "\(base.path) and \(tuned.path) are of different architectures or sizes; give two checkpoints of one"
            )
        }
        let workers = Workers(threads: options.threads)
        let roles = options.roles.roles(of: old.backbone.architecture)
        let layers = try AdapterPlan.layers(of: roles, in: old.backbone.linearLayers)
        let triplets = try triplets(
            layers, try AdapterPlan.layers(of: roles, in: new.backbone.linearLayers),
            leading: leading(options.factorizing, options.budget, layers), seed: options.seed,
            workers: workers)
        guard triplets.contains(where: { $0.energy > 0 }) else {
            throw TrainingError(
                "\(base.path) and \(tuned.path) have the same weights in all matrices to adapt; there is nothing to extract"
            )
        }
        let outside = OutsideDifference.list(old.backbone, new.backbone, except: Set(layers.map(\.site)))
        let (cut, left) = try options.budget.choose(from: triplets)
        let head = try ExtractedHead(tuned: tuned, old: old, new: new, labels: options.labels)
        let warnings = try tokenizerWarnings(tuned, base) + head.warnings

        let samples = LogitCheck.samples(
            old.tokenizer, of: old.backbone, maxLength: old.usualMaxLength, outputs: head.onBase.tokenOutputs)
        let wanted = head.model(new.backbone, head.onTuned, workers).logits(samples)
        cut.install()
        let expected = head.model(old.backbone, head.onBase, workers).logits(samples)
        let difference = try folder.write(
            "the extracted adapter", expected: expected, samples: samples
        ) { target in
            try PEFTFolder.write(
                cut, as: .adalora, head: head.isTuned ? head.onBase : nil,
                baseModel: base.standardizedFileURL.path, into: target)
            try head.description(base: base, loaded: old)?.write(into: target)
        } open: { target in
            try head.opened(target, base: base, workers)
        }
        return Outcome(
            sites: CutSite.list(cut, left), parameters: cut.foldedParameterCount, outside: outside,
            labels: head.labels, difference: difference, loss: LogitDifference(wanted, expected),
            warnings: warnings)
    }

    /// Matrices of the same names and sizes can only be compared row by row where these stand in one order.
    private static func checkRowOrder(_ old: LoadedModel, _ new: LoadedModel) throws {
        let (first, second) = (old.backbone.linearLayers, new.backbone.linearLayers)
        let areAlike = zip(first, second).allSatisfy {
            $0.modulePath == $1.modulePath && $0.outputs == $1.outputs && $0.inputs == $1.inputs
        }
        guard first.count == second.count, areAlike,
            zip(first, second).contains(where: { $0.rowOrder != $1.rowOrder })
        else { return }
        throw TrainingError(
            "\(old.url.path) and \(new.url.path) have the rows of queries and keys in different orders, as llama.cpp's files "
                + "and transformers' do; give two folders, or two GGUF files")
    }

    private static func tokenizerWarnings(_ tuned: URL, _ base: URL) throws -> [String] {
        let others = try Tokenizer.differences(of: tuned, from: base)
        guard !others.isEmpty else { return [] }
        return [
            "\(tuned.path): its tokenizer is not that of \(base.path), with which the adapter will be used: it has "
                + oneLine(others.joined(separator: "; "), limit: 500)
        ]
    }

    /// Of each layer's `changed` weight less its own; one difference a worker is in memory.
    private static func triplets(
        _ layers: [LinearLayer], _ changed: [LinearLayer], leading: [Int?], seed: UInt64, workers: Workers
    ) throws -> [UpdateTriplets] {
        try workers.mapThrowing(tasks: layers.count) { index in
            let update = changed[index].weight.dense()
            layers[index].weight.forEachTile { first, values in
                let rows = update.row(first)
                for place in values.indices { rows[place] -= values[place] }
            }
            return try UpdateTriplets(
                ofDense: update, on: layers[index], leading: leading[index], seed: seed)
        }
    }

    /// How many triplets of each layer to compute; nil for all.
    private static func leading(_ how: Factorizing, _ budget: TripletBudget, _ layers: [LinearLayer])
        -> [Int?]
    {
        layers.map { layer in
            let side = min(layer.outputs, layer.inputs)
            let most: Int? =
                switch budget {
                case .budget(.parameters(let count)): count / layer.pairParameters
                case .budget(let budget): budget.total(costs: layers.map(\.pairParameters))
                case .energy: nil
                }
            guard let most, how != .exact, how == .randomized || side > largestExactSide else { return nil }
            return max(1, min(most, side))
        }
    }
}

/// The classification head of a tuned model, on both backbones; of language models the head is their own. Without one,
/// the same made-up head on both, to compare by.
struct ExtractedHead {
    let onTuned: SequenceHead
    let onBase: SequenceHead
    let isTuned: Bool
    let labels: [String]?
    let task: TaskKind
    let warnings: [String]

    static var stream: RandomStream { RandomStream(seed: 0, purpose: "head to compare by") }

    init(tuned: URL, old: LoadedModel, new: LoadedModel, labels given: [String]?) throws {
        // Heads on tokens and for multiple choice have weights of the same name.
        let classes = new.model.config.raw["architectures"]?.array?.compactMap(\.string) ?? []
        let ofImages = new.backbone.architecture.readsImages
        let classEnd = ofImages ? "ForImageClassification" : "ForSequenceClassification"
        let isClassifier = classes.contains { $0.hasSuffix(classEnd) }
        let isPair = old.backbone.pair != nil && new.backbone.pair != nil
        if isPair || !isClassifier && old.backbone.outputMatrix != nil && new.backbone.outputMatrix != nil {
            let form = isPair ? HeadForm.pair : .vocabulary
            (onTuned, onBase) = (try Self.ownHead(new, form), try Self.ownHead(old, form))
            (isTuned, labels, warnings) = (true, [], [])
            task = TaskKind.all(peftTask: form.peftTask, ofPairs: isPair)[0]
            return
        }
        let store = try new.model.openWeights()
        let own = new.backbone.architecture.ownPooling
        let classifier = new.backbone.architecture.outputName(.sequence(own)) + ".weight"
        let other = isClassifier ? nil : classes.first
        let outputs =
            other == nil
            ? try PEFTFolder.outputs(
                of: store, classifier: classifier,
                inputs: new.backbone.architecture.headWidth(
                    .sequence(own), hidden: new.backbone.sizes.hidden)) : nil
        // A BERT saved without its pooler has first rows.
        let pooling = outputs == nil && own == .pooler ? .first : own
        func head(_ backbone: any Backbone) throws -> SequenceHead {
            let head = try SequenceHead(
                backbone: backbone, outputs: outputs ?? 4, pooling: pooling, dropout: 0, stream: Self.stream)
            if outputs != nil { try WholeModelFolder.loadHead(head, from: tuned) }
            return head
        }
        (onTuned, onBase) = (try head(new.backbone), try head(old.backbone))
        isTuned = outputs != nil
        guard let outputs else {
            (labels, task) = (nil, TaskKind.all(peftTask: onTuned.form.peftTask, ofImages: ofImages)[0])
            warnings = [
                (other.map { "\(tuned.path) is a \(oneLine($0, limit: 80)), no sequence classifier" }
                    ?? "\(tuned.path) has no classification head (\(classifier))")
                    + ", so the adapter has no head: only train \(SettingName.fromAdapter) with \(SettingName.headStart) fresh can use it"
            ]
            return
        }
        let problem = try new.model.config.string(
            "problem_type",
            oneOf: TaskKind.allCases.compactMap { $0.type.problemType }, default: "")
        let claimed = TaskKind.allCases.first { $0.type.problemType == problem }
        if let needed = claimed?.type.fixedOutputs, needed != outputs {
            throw TrainingError(
                "\(tuned.path): problem_type \(problem) with \(outputs) scores a row is not supported, only with "
                    + (needed == 1 ? "one" : "\(needed)"))
        }
        let candidates = TaskKind.all(peftTask: onTuned.form.peftTask, ofImages: ofImages)
        task = candidates.first { $0.type.answers(problemType: problem, outputs: outputs) } ?? candidates[0]
        guard task.type.fixedOutputs == nil else {
            (labels, warnings) = ([], [])
            return
        }
        let (names, warning) = try OpenedAdapter.labels(given, outputs: outputs, base: tuned)
        labels = names
        warnings = warning.map { [$0] } ?? []
    }

    private static func ownHead(_ loaded: LoadedModel, _ form: HeadForm) throws -> SequenceHead {
        try SequenceHead(backbone: loaded.backbone, outputs: 0, form: form, dropout: 0, stream: stream)
    }

    func model(_ backbone: any Backbone, _ head: SequenceHead, _ workers: Workers) -> SequenceModel {
        SequenceModel(backbone: backbone, head: head, workers: workers)
    }

    /// What was written, on the base again, with its head or the one to compare by.
    func opened(_ folder: URL, base: URL, _ workers: Workers) throws -> SequenceModel {
        let again = try LoadedModel(base, maxLength: 1)
        let head = try SequenceHead(
            backbone: again.backbone, outputs: onBase.outputs, form: onBase.form, dropout: 0,
            stream: Self.stream)
        _ = try PEFTFolder.load(
            folder, onto: again.backbone, head: head, takesHead: isTuned)
        return model(again.backbone, head, workers)
    }

    /// nil without a head: there is nothing to evaluate.
    func description(base: URL, loaded: LoadedModel) -> AdapterDescription? {
        labels.map { labels in
            AdapterDescription(
                baseModel: base.standardizedFileURL.path,
                task: TaskRecord(task, labels: labels, pooling: onBase.form.pooling ?? .pooler),
                maxLength: loaded.usualMaxLength,
                modelFingerprint: loaded.fingerprint, step: 0,
                isWholeModel: false)
        }
    }
}

/// Weights of one kind that differ between two checkpoints, and that an adapter has no place for.
package struct OutsideDifference: Sendable {
    /// For example "layer norms"
    package let kind: String
    /// How many tensors of this kind differ, and how many there are
    package let differing: Int
    package let tensors: Int
    /// ‖difference‖_F / ‖base‖_F over all tensors of the kind
    package let relative: Double

    /// Kinds with a difference, in the order of the model.
    static func list(_ base: any Backbone, _ tuned: any Backbone, except sites: Set<LinearSite>)
        -> [OutsideDifference]
    {
        let adapted = Set(base.linearLayers.filter { sites.contains($0.site) }.map(\.weight.name))
        let prefix = base.architecture.prefix
        func bare(_ name: String) -> String {
            name.hasPrefix(prefix) ? String(name.dropFirst(prefix.count)) : name
        }
        let others = Dictionary(uniqueKeysWithValues: tuned.weights.map { (bare($0.name), $0) })
        var kinds: [String] = []
        var sums: [String: (differing: Int, tensors: Int, difference: Double, base: Double)] = [:]
        for weight in base.weights where !adapted.contains(weight.name) {
            let kind = kind(of: weight.name)
            if sums[kind] == nil { kinds.append(kind) }
            var sum = sums[kind] ?? (0, 0, 0, 0)
            var (difference, norm) = (0.0, 0.0)
            // A pooler that only one of them has is a difference as a whole.
            let other =
                others[bare(weight.name)]?.dense() ?? Matrix(rows: weight.rows, columns: weight.columns)
            weight.forEachTile { first, values in
                let rows = other.row(first)
                for place in values.indices {
                    let (value, change) = (Double(values[place]), Double(rows[place]) - Double(values[place]))
                    difference += change * change
                    norm += value * value
                }
            }
            sum.tensors += 1
            sum.differing += difference > 0 ? 1 : 0
            sum.difference += difference
            sum.base += norm
            sums[kind] = sum
        }
        return kinds.compactMap { kind in
            guard let sum = sums[kind], sum.differing > 0 else { return nil }
            return OutsideDifference(
                kind: kind, differing: sum.differing, tensors: sum.tensors,
                relative: (sum.difference / max(sum.base, .leastNormalMagnitude)).squareRoot())
        }
    }

    private static func kind(of name: String) -> String {
        let name = name.lowercased()
        if name.contains("norm") { return "layer norms" }
        if name.contains("embed") { return "embeddings" }
        if name.contains("pooler") { return "pooler" }
        return name.hasSuffix(".bias") ? "biases" : "matrices that are not adapted"
    }
}
