import Adapters
import Foundation
import Matrices
import Messages
import ModelFiles
import Training
import Transformers

/// A LoRA as llama.cpp reads it (`src/llama-adapter.cpp`, `convert_lora_to_gguf.py`): a GGUF with two tensors a matrix, whose
/// names are the base's with `.lora_a` [r, I] and `.lora_b` [O, r] behind. Each has a rank of its own. Without
/// `adapter.lora.alpha` ΔW = B·A; with it times α / r.
///
/// A matrix of rank 0 is left out: llama.cpp ends the process at the first word where one is there.
package enum LoRAFile {
    private static let ends = (a: ".lora_a", b: ".lora_b")

    /// - Parameter set: plain LoRA with factor 1, all on matrices of layers.
    package static func write(
        _ set: AdapterSet, of model: PretrainedModel, name: String, to url: URL
    ) throws {
        let layout = try GGUFLayout(model)
        var tensors: [GGUFTensorToWrite] = []
        for adapter in set.adapters where adapter.rank > 0 {
            let layer = adapter.layer
            guard let stored = layout.form.storedName(layer.modulePath + ".weight") else {
                throw TrainingError(
                    "llama.cpp has no name for \(oneLine(layer.modulePath)), and reads no adapter on it; write the whole model "
                        + "(adalora export \(SettingName.to) gguf)")
            }
            let (b, a) = (adapter.factors.p.values, adapter.factors.q.values)
            let order = layout.storedRows(of: layer.site.role, outputs: layer.outputs)
            let rows = (0..<b.rows).flatMap { row in
                UnsafeBufferPointer(start: b.row(order?[row] ?? row), count: b.columns)
            }
            tensors.append(
                GGUFTensorToWrite(name: stored + ends.a, shape: [a.rows, a.columns], values: a.values))
            tensors.append(
                GGUFTensorToWrite(name: stored + ends.b, shape: [b.rows, b.columns], values: rows))
        }
        try GGUFWriter.write(
            metadata: [
                ("general.type", .string("adapter")), ("general.architecture", .string(layout.form.name)),
                ("general.name", .string(name)), ("adapter.type", .string("lora")),
            ], tensors: tensors, to: url)
    }

    /// `general.architecture` of a model's files.
    static func architecture(of model: PretrainedModel) throws -> String { try GGUFLayout(model).form.name }

    /// Hangs the adapters of a file on a model.
    package static func load(_ url: URL, onto backbone: any Backbone, of model: PretrainedModel) throws -> (
        set: AdapterSet, warnings: [String]
    ) {
        let file = try GGUFFile(url)
        let layout = try GGUFLayout(model)
        let alpha = try checked(file, form: layout.form)
        let layers = Dictionary(
            backbone.linearLayers.map { ($0.modulePath, $0) }, uniquingKeysWith: { first, _ in first })
        var updates: [String: LoRAUpdate] = [:]
        var others: [String] = []
        for name in file.names {
            guard name.hasSuffix(ends.a) else {
                if !name.hasSuffix(ends.b) { others.append(name) }
                continue
            }
            let base = String(name.dropLast(ends.a.count))
            let module = layout.form.ownName(base).map { String($0.dropLast(".weight".count)) }
            guard let module, let layer = layers[module] else {
                throw fault(
                    file, name, "it changes \(quoted(base)), which is no matrix of a layer of this model",
                    "give the model that the adapter was made for; adapters on embeddings, norms and the output matrix are "
                        + "not supported")
            }
            updates[module] = try update(
                file, base, layer, alpha: alpha,
                rows: layout.storedRows(of: layer.site.role, outputs: layer.outputs))
        }
        for name in file.names where name.hasSuffix(ends.b) {
            guard file.tensor(name.dropLast(ends.b.count) + ends.a) == nil else { continue }
            throw fault(file, name, "its other half, \(ends.a), is missing", "use the file as it was made")
        }
        guard !updates.isEmpty else {
            throw fault(file, nil, "no matrix has an update", "is this the adapter?")
        }
        let set = AdapterSet(hanging: backbone.linearLayers.compactMap { updates[$0.modulePath] })
        return (
            set,
            others.isEmpty
                ? []
                : [
                    "\(url.path): \(others.count) tensors are no halves of an update and are not used, as in llama.cpp: "
                        + oneLine(others.prefix(4).joined(separator: ", ")) + (others.count > 4 ? ", …" : "")
                ]
        )
    }

    /// α, or 0 where the factor is 1. Throws for what is no LoRA on models of this architecture.
    private static func checked(_ file: GGUFFile, form: GGUFForm) throws -> Double {
        let keys = file.metadata
        for (key, wanted) in [("general.type", "adapter"), ("adapter.type", "lora")] {
            let found = try keys.string(key)
            guard found == wanted else {
                throw fault(
                    file, key, "\(found.map { quoted($0) } ?? "missing"), not \(quoted(wanted))",
                    "give a LoRA that llama.cpp's convert_lora_to_gguf.py or adalora wrote")
            }
        }
        let name = try keys.string("general.architecture") ?? ""
        guard name == form.name else {
            throw fault(
                file, "general.architecture",
                "the adapter is for \(quoted(name)), the base model is \(quoted(form.name)) to llama.cpp",
                "give the model that it was made for")
        }
        guard !keys.has("adapter.alora.invocation_tokens") else {
            throw fault(
                file, "adapter.alora.invocation_tokens",
                "an adapter that acts from certain tokens on is not supported", "use a plain LoRA")
        }
        let alpha = try keys.double("adapter.lora.alpha") ?? 0
        guard alpha.isFinite, alpha.magnitude < 1e30 else {
            throw fault(file, "adapter.lora.alpha", "\(alpha) is no factor", "use the file as it was made")
        }
        return alpha
    }

    private static func update(
        _ file: GGUFFile, _ base: String, _ layer: LinearLayer, alpha: Double, rows: [Int]?
    ) throws -> LoRAUpdate {
        let a = try matrix(file, base + ends.a, columns: layer.inputs)
        let stored = try matrix(file, base + ends.b, rows: layer.outputs, columns: a.rows)
        let b = Matrix(rows: stored.rows, columns: stored.columns)
        for row in 0..<stored.rows {
            b.row(rows?[row] ?? row).update(from: stored.row(row), count: stored.columns)
        }
        return LoRAUpdate(
            layer: layer, b: b, a: a, factor: alpha == 0 ? 1 : Float(alpha / Double(a.rows)))
    }

    /// - Parameter rows: nil for any number that is not 0 and not above the columns.
    private static func matrix(_ file: GGUFFile, _ name: String, rows: Int? = nil, columns: Int) throws
        -> Matrix
    {
        guard let tensor = file.tensor(name) else {
            throw fault(file, name, "the tensor is missing", "use the file as it was made")
        }
        let shape = tensor.shape
        guard shape.count == 2, shape[1] == columns,
            rows.map({ $0 == shape[0] }) ?? (1...columns).contains(shape[0])
        else {
            throw fault(
                file, name,
                "shape \(shape), this model needs [\(rows.map(String.init) ?? "rank"), \(columns)]",
                "give the model that the adapter was made for")
        }
        let matrix = Matrix(rows: shape[0], columns: columns)
        if let format = WeightFormat.named(tensor.format), tensor.format != "F32",
            format.byteCount(rows: shape[0], columns: columns) == tensor.bytes.count
        {
            format.open(rows: shape[0], columns: columns, WeightBytes(tensor.bytes, of: tensor.owner))
                .unpack(0..<shape[0], into: matrix.pointer)
        } else {
            try file.copyFloat32(
                name, into: UnsafeMutableBufferPointer(start: matrix.pointer, count: matrix.count))
        }
        guard Kernel.allFinite(matrix) else {
            throw fault(
                file, name, "the tensor holds NaN or infinite values",
                "the training that wrote it went wrong; take another adapter")
        }
        return matrix
    }

    private static func fault(_ file: GGUFFile, _ place: String?, _ problem: String, _ advice: String)
        -> ModelFileError
    {
        ModelFileError(file: file.path, place: place, problem: problem, advice: advice)
    }
}

/// Where llama.cpp has the rows of a model's matrices.
private struct GGUFLayout {
    let form: GGUFForm
    /// D, of one head
    private let width: Int
    /// The model's own rows are in llama.cpp's order already.
    private let isStored: Bool

    init(_ model: PretrainedModel) throws {
        guard let form = model.gguf?.form ?? GGUFForm.of(model.config) else {
            throw TrainingError(
                "llama.cpp's files have no form for \(oneLine(model.config.modelType ?? "this model")) that this version "
                    + "writes; export for PEFT instead (adalora export \(SettingName.to) lora)")
        }
        self.form = form
        width = try form.headWidth(model.config)
        isStored = model.gguf != nil
    }

    /// Which own row stands in each place; nil where all stay.
    func storedRows(of role: LinearSite.Role, outputs: Int) -> [Int]? {
        isStored ? nil : form.rowOrder.rows(role, rows: outputs, width: width)
    }
}
