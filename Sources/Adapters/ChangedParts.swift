import Autodiff
import Foundation
import Matrices
import Messages
import ModelFiles
import Transformers

/// Weights of a model that an adapter changes outside its triplets: those of modules saved as a whole
/// (`modules_to_save`), biases, and modules with LoRA that are none of the matrices of a layer, such as the pooler, with
/// the update added.
///
/// They are written as PEFT reads them again: whole modules in `modules_to_save`, biases of adapted matrices by `bias`.
package struct ChangedParts: Sendable {
    /// Names that transformers' whole model has
    typealias Named = (name: String, weight: Weight)

    /// All weights of the modules with a change, in the model's order
    private(set) var saved: [Named] = []
    /// Biases of matrices that may have an adapter
    private(set) var biases: [Named] = []

    package static let none = ChangedParts()

    /// A matrix that an adapter without any effect may stand on, by which PEFT takes biases alone
    private(set) var carrier: AdaptedLayer?
    /// Whether it is transformers' `Conv1D`
    private(set) var carrierIsConv1D = false

    private init() {}

    /// Weights that a method trains.
    init(training weights: [Weight], of backbone: any Backbone) throws {
        let ids = Set(weights.map(ObjectIdentifier.init))
        let own = Self.named(backbone)
        let changed = Set(own.filter { ids.contains(ObjectIdentifier($0.weight)) }.map(\.name))
        for layer in backbone.linearLayers where layer.rowOrder != nil {
            guard changed.contains(layer.modulePath + ".bias") else { continue }
            throw AdapterError(
                description:
                    "the bias of \(layer.site) cannot train, as the rows of this model stand in llama.cpp's order; take the "
                    + "model's Hugging Face folder as \(SettingName.model)")
        }
        sort(own, changed, whole: Set(changed.filter { !$0.hasSuffix(".bias") }.map(Self.module)), backbone)
    }

    private mutating func sort(
        _ own: [Named], _ changed: Set<String>, whole: Set<String>, _ backbone: any Backbone
    ) {
        saved = own.filter { whole.contains(Self.module(of: $0.name)) }
        biases = own.filter { changed.contains($0.name) && !whole.contains(Self.module(of: $0.name)) }
        carrier = backbone.linearLayers.first.map(AdaptedLayer.init)
        carrierIsConv1D = backbone.linearLayers.first?.isConv1D ?? false
        isNorms = biases.isEmpty && !saved.isEmpty && Set(modules).isSubset(of: Self.norms(own))
    }

    /// Whether it is layer norms and nothing else
    private(set) var isNorms = false

    /// Whether it is biases and nothing else
    package var isBiases: Bool { saved.isEmpty && !biases.isEmpty }

    /// Modules with one vector for a weight.
    static func norms(_ weights: [Named]) -> Set<String> {
        Set(
            weights.filter { $0.name.hasSuffix(".weight") && $0.weight.savedShape.count == 1 }.map {
                module(of: $0.name)
            })
    }

    /// What it is where there is nothing else, for messages.
    package var kind: String {
        isNorms ? "layer norms" : saved.isEmpty ? "biases" : "weights of the model"
    }

    /// One of them
    package var noun: String { isNorms ? "layer norm" : saved.isEmpty ? "bias" : "weight of the model" }

    package var isEmpty: Bool { saved.isEmpty && biases.isEmpty }
    /// Numbers in them
    package var parameterCount: Int { (saved + biases).reduce(0) { $0 + $1.weight.count } }

    /// All of them, each once.
    package var weights: [Weight] { (saved + biases).map(\.weight) }

    /// The paths of the modules that are saved as a whole, each once.
    var modules: [String] {
        var modules: [String] = []
        for (name, _) in saved where modules.last != Self.module(of: name) {
            modules.append(Self.module(of: name))
        }
        return modules
    }

    /// For messages: `bert.pooler.dense, 12 biases`
    package var summary: String {
        let (modules, shown) = (self.modules, 4)
        if isNorms { return "\(modules.count) layer norm\(modules.count == 1 ? "" : "s")" }
        var parts = Array(modules.prefix(shown))
        if modules.count > shown { parts.append("\(modules.count - shown) more") }
        if !biases.isEmpty {
            let ofMatrices = saved.isEmpty ? "" : " of matrices"
            parts.append("\(biases.count) bias\(biases.count == 1 ? "" : "es")\(ofMatrices)")
        }
        return parts.joined(separator: ", ")
    }

    /// Takes what the file of `reader` has beside the adapters of matrices and the head, and puts it into the weights of
    /// `backbone` and `head`. Throws where a tensor is left over.
    init(
        backbone: any Backbone, head: SequenceHead?, _ config: AdapterConfiguration,
        _ reader: PEFTReader
    ) throws {
        let own = Self.named(backbone)
        var targets: [String: any Operand] = Dictionary(
            own.map { ($0.name, $0.weight) }, uniquingKeysWith: { first, _ in first })
        for parameter in head?.parameters ?? [] { targets[parameter.name] = parameter }
        let change = PartsReader(targets: targets, config: config, reader: reader)
        try change.takeSaved(head: head)
        try change.takeUpdates()
        try change.refuseRest()
        for (name, weight) in own where change.changed.contains(name) && weight === backbone.outputMatrix {
            // PEFT changes the side that the adapter names and leaves the other as it was.
            guard name == backbone.architecture.outputName(.vocabulary) + ".weight" else {
                throw reader.fault(
                    "the adapter changes the embeddings, which are the model's output matrix too",
                    "merge the adapter with PEFT (merge_and_unload)", at: name)
            }
        }
        for layer in backbone.linearLayers where layer.rowOrder != nil {
            guard let name = change.changed.first(where: { Self.module(of: $0) == layer.modulePath }) else {
                continue
            }
            throw reader.fault(
                "the adapter changes a matrix or its bias as a whole, whose rows this model holds in llama.cpp's order",
                "take the model's Hugging Face folder", at: name)
        }
        let matrices = Set(backbone.linearLayers.map(\.modulePath))
        let whole = Set(
            own.map(\.name).filter { name in
                change.changed.contains(name)
                    && !(matrices.contains(Self.module(of: name)) && name.hasSuffix(".bias"))
            }.map(Self.module))
        // Biases alone are written as they were read.
        let isBiases = change.changed.allSatisfy { $0.hasSuffix(".bias") }
        sort(own, change.changed, whole: isBiases ? [] : whole, backbone)
    }

    static func module(of name: String) -> String {
        String(name[..<(name.lastIndex(of: ".") ?? name.endIndex)])
    }

    /// The backbone's weights by the names of today's transformers.
    static func named(_ backbone: any Backbone) -> [Named] {
        return backbone.weights.map { weight in
            var name = backbone.architecture.wholeName(weight.name)
            for (old, new) in [(".gamma", ".weight"), (".beta", ".bias")] where name.hasSuffix(old) {
                name = name.dropLast(old.count) + new
            }
            return (name, weight)
        }
    }

    /// Before `.weight` and `.bias` of a norm in PEFT's files
    static let normsPart = ".ln_tuning_layers"

    /// What PEFT's files hold of them.
    ///
    /// - Parameter adapted: the paths of the modules with an adapter
    func tensors(adapted: Set<String>) -> [TensorToWrite] {
        if isNorms && adapted.isEmpty {
            return saved.map { name, weight in
                let module = Self.module(of: name)
                return TensorToWrite(
                    name: PEFTForm.prefix + module + Self.normsPart + name.dropFirst(module.count),
                    shape: weight.savedShape, values: weight.savedFloats)
            }
        }
        let biases = biases.map { name, weight in
            let module = Self.module(of: name)
            return (adapted.contains(module) ? module + ".base_layer.bias" : name, weight)
        }
        return (saved + biases).map { name, weight in
            TensorToWrite(name: PEFTForm.prefix + name, shape: weight.savedShape, values: weight.savedFloats)
        }
    }
}

/// Puts tensors of an adapter's file into weights that carry no adapter here.
final class PartsReader {
    private let targets: [String: any Operand]
    private let config: AdapterConfiguration
    private let reader: PEFTReader
    /// Names of the weights with other values than before
    private(set) var changed: Set<String> = []

    init(targets: [String: any Operand], config: AdapterConfiguration, reader: PEFTReader) {
        (self.targets, self.config, self.reader) = (targets, config, reader)
    }

    private var rest: [StoredTensor] {
        reader.store.names.filter { !reader.taken.contains($0) }.compactMap(reader.store.tensor)
    }

    /// Weights that are saved as they are.
    func takeSaved(head: SequenceHead?) throws {
        var biases = 0
        for tensor in rest {
            guard var name = reader.wholePath(tensor.name) else { continue }
            // With bias all PEFT writes a saved module's bias three times: the base's, and twice the trained one.
            for copy in ["original_module.", "modules_to_save.default.", "modules_to_save."]
            where name.contains("." + copy) {
                let single = tensor.name.replacingOccurrences(of: copy, with: "")
                if reader.store.tensor(single) != nil { reader.take(tensor.name) }
            }
            if reader.taken.contains(tensor.name) { continue }
            name = name.replacingOccurrences(of: ".base_layer.", with: ".")
            if config.kind == .norms {
                name = name.replacingOccurrences(of: ChangedParts.normsPart + ".", with: ".")
            }
            guard let target = targets[name] else { continue }
            let (rows, columns) = (target.rows, target.columns)
            let isVector = rows == 1 && tensor.shape.count == 1
            let stored = target.isStoredTransposed ? (columns, rows) : (rows, columns)
            target.replace(
                withSaved: try reader.matrix(
                    tensor.name, isVector ? [columns] : [stored.0, stored.1], rows: stored.0,
                    columns: stored.1))
            changed.insert(name)
            biases += name.hasSuffix(".bias") ? 1 : 0
        }
        if config.trainsBiases && biases == 0 {
            throw reader.fault(
                "adapter_config.json says that biases of the base were trained, and the file has none of them",
                "save the adapter again with a PEFT that writes them")
        }
        try checkSaved(head: head)
    }

    /// What `modules_to_save` names must be there. The head, and a pooler that a head on every token does without, are
    /// looked for elsewhere.
    private func checkSaved(head: SequenceHead?) throws {
        let elsewhere = Set((head?.modules ?? []) + ["classifier", "score", "pooler", "qa_outputs"])
        let names = config.saved.filter { !elsewhere.contains($0) }
        guard !names.isEmpty else { return }
        for name in targets.keys.sorted() where !changed.contains(name) {
            let module = ChangedParts.module(of: name)
            guard let saved = names.first(where: { AdapterConfiguration.saves($0, module) }),
                head?.parameters.contains(where: { $0.name == name }) != true
            else { continue }
            throw PEFTReader.missing(
                PEFTForm.prefix + reader.path(name), in: reader.store,
                "modules_to_save names \(quoted(saved))")
        }
    }

    /// Adds the updates of modules that have LoRA or AdaLoRA, and what `lora_bias` adds to the bias of any module.
    func takeUpdates() throws {
        for tensor in rest {
            guard let name = reader.wholePath(tensor.name) else { continue }
            let suffixes = config.hasSingularValues ? [".lora_A"] : [".lora_A.weight", ".lora_embedding_A"]
            for suffix in suffixes where name.hasSuffix(suffix) {
                let module = String(name.dropLast(suffix.count))
                guard let weight = targets[module + ".weight"] else { continue }
                try addUpdate(to: weight, module: module, isEmbedding: suffix == ".lora_embedding_A")
            }
        }
        guard config.hasOwnBiases else { return }
        for tensor in rest {
            let suffix = ".lora_B.bias"
            guard let name = reader.wholePath(tensor.name), name.hasSuffix(suffix) else { continue }
            let module = String(name.dropLast(suffix.count))
            let path = reader.path(module)
            guard let bias = targets[module + ".bias"],
                let rank = reader.store.tensor("\(PEFTForm.prefix)\(path).lora_A.weight")?.shape.first
            else { continue }
            let columns = bias.columns
            let added = try reader.matrix(tensor.name, [columns], rows: 1, columns: columns)
            let factor = try config.factor(of: path, rank: rank)
            let sum = bias.dense()
            for index in 0..<columns { sum.pointer[index] += factor * added.pointer[index] }
            bias.replace(with: sum)
            changed.insert(module + ".bias")
        }
    }

    /// weight[O, I] += s·B·Λ·A; of an embedding, weight[V, C] += s·(B·A)ᵀ
    private func addUpdate(to weight: any Operand, module: String, isEmbedding: Bool) throws {
        let path = reader.path(module)
        let start = PEFTForm.prefix + path
        let suffix = isEmbedding ? "" : config.weightSuffix
        let kind = isEmbedding ? "lora_embedding_" : "lora_"
        let (rows, columns) = (weight.rows, weight.columns)
        let first = "\(start).\(kind)A\(suffix)"
        guard let rank = reader.store.tensor(first)?.shape.first else {
            throw PEFTReader.missing(first, in: reader.store, nil)
        }
        try config.check(rank, of: path, tensor: first, in: reader.store)
        let a = try reader.matrix(first, [rank, isEmbedding ? rows : columns])
        let b = try reader.matrix("\(start).\(kind)B\(suffix)", [isEmbedding ? columns : rows, rank])
        if config.hasSingularValues {
            let scales = try reader.matrix("\(start).lora_E", [rank, 1])
            for index in 0..<rank {
                for column in 0..<a.columns { a.row(index)[column] *= scales.pointer[index] }
            }
        }
        let factor = try config.factor(of: path, rank: rank)
        let sum = weight.dense()
        if rank > 0 {
            let (left, right) = isEmbedding ? (a.transposed, b.transposed) : (b, a)
            Product.multiply(left, right, into: sum, alpha: factor, beta: 1)
        }
        weight.replace(with: sum)
        changed.insert(module + ".weight")
    }

    /// Throws for the first tensor that nobody has read. Where others were, the base is not to blame.
    func refuseRest() throws {
        let rest = rest
        guard let first = rest.first else { return }
        let more = rest.count > 1 ? " (and for \(rest.count - 1) more)" : ""
        let isOfThisModel =
            reader.wholePath(first.name).map { name in
                targets.keys.contains { name.hasPrefix(ChangedParts.module(of: $0) + ".") }
            } ?? false
        if isOfThisModel {
            throw reader.fault(
                "a tensor of a kind that is not read here\(more)",
                "merge the adapter with PEFT (merge_and_unload)",
                at: first.name)
        }
        let isPartlyRead = reader.taken.contains { $0.contains(".lora_") }
        throw reader.fault(
            "this model has no place for the tensor\(more)",
            isPartlyRead
                ? "its module is no part of the model and the head that the task has: was the adapter trained on "
                    + "another base model, or for another kind of task?"
                : "was the adapter trained on another base model, or for another kind of task?",
            at: first.name)
    }
}

extension Matrix {
    fileprivate var transposed: Matrix {
        let result = Matrix(rows: columns, columns: rows)
        result.copyTransposed(from: self)
        return result
    }
}
