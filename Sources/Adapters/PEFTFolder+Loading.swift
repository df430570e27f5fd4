import Autodiff
import Foundation
import Matrices
import ModelFiles
import Transformers

extension PEFTFolder {
    /// Loads the adapters of a folder onto `layers` and the head's weights into `head`; for inference. Written here or by
    /// PEFT. The tensors must match the model exactly: none missing, none left over.
    ///
    /// - Parameter base: where the head's weights are if the adapter has none (PEFT saves only `modules_to_save`).
    public static func load(
        _ folder: URL, onto layers: [LinearLayer], head: SequenceHead, base: TensorStore? = nil
    ) throws -> AdapterSet {
        let config = try AdapterConfiguration(folder.appendingPathComponent("adapter_config.json"))
        let store = try TensorStore(file: folder.appendingPathComponent("adapter_model.safetensors"))
        let reader = Reader(store: store)
        var adapters: [LowRankAdapter] = []
        var adapted: [LinearLayer] = []
        let suffix = config.method == .lora ? ".weight" : ""
        for layer in layers {
            let path = prefix + layer.modulePath
            guard let info = store.info("\(path).lora_A\(suffix)") else { continue }
            let kept = info.shape.first ?? 0
            let lambda =
                config.method == .adalora
                ? Parameter(
                    name: "\(layer.site).Λ",
                    values: try reader.matrix("\(path).lora_E", [kept, 1], rows: 1, columns: kept))
                : nil
            let factors = LowRankFactors(
                p: Parameter(
                    name: "\(layer.site).P",
                    values: try reader.matrix("\(path).lora_B\(suffix)", [layer.outputs, kept])),
                lambda: lambda,
                q: Parameter(
                    name: "\(layer.site).Q",
                    values: try reader.matrix("\(path).lora_A\(suffix)", [kept, layer.inputs])),
                factor: try config.factor(of: layer.modulePath, rank: kept))
            let adapter = LowRankAdapter(
                layer: AdaptedLayer(layer), factors: factors, dropout: 0, initialRank: config.rank)
            adapters.append(adapter)
            adapted.append(layer)
            layer.adapter = kept == 0 ? nil : adapter
        }
        for parameter in head.parameters {
            let values = parameter.values
            let own = prefix + parameter.name
            if store.info(own) == nil, let base, base.info(parameter.name) == nil {
                // PEFT saves the classifier unasked, but not the new dense layer before it (DeBERTa's pooler).
                throw ModelFileError(
                    kind: .missing, file: store.path, place: parameter.name,
                    problem: "neither the adapter nor the base model has this part of the head",
                    advice:
                        "save it with the adapter (PEFT: modules_to_save \(head.modules.joined(separator: ", ")))"
                )
            }
            let source = store.info(own) == nil ? base.map { (Reader(store: $0), parameter.name) } : nil
            let (weights, name) = source ?? (reader, own)
            values.copyValues(
                from: try weights.matrix(
                    name, parameter.savedShape, rows: values.rows, columns: values.columns))
        }
        if let extra = store.tensors.first(where: { !reader.taken.contains($0.name) }) {
            throw ModelFileError(
                file: store.path, place: extra.name, problem: "this model has no place for the tensor",
                advice: "was the adapter trained on another base model, or for another kind of task?")
        }
        return AdapterSet(adapters: adapters, layers: adapted)
    }

    /// The outputs of the classifier in an adapter folder; nil when it has none.
    ///
    /// - Parameter name: of the classifier's weight in transformers.
    public static func outputs(of folder: URL, classifier name: String) throws -> Int? {
        let store = try TensorStore(file: folder.appendingPathComponent("adapter_model.safetensors"))
        return store.info(prefix + name)?.shape.first
    }

    private final class Reader {
        private let store: TensorStore
        private(set) var taken: Set<String> = []

        init(store: TensorStore) { self.store = store }

        func matrix(_ name: String, _ shape: [Int], rows: Int? = nil, columns: Int? = nil) throws -> Matrix {
            guard let info = store.info(name) else {
                throw ModelFileError(
                    kind: .missing, file: store.path, place: name, problem: "the tensor is missing",
                    advice: "use the folder as it was saved")
            }
            guard info.shape == shape else {
                throw ModelFileError(
                    file: store.path, place: name, problem: "shape \(info.shape), this model needs \(shape)",
                    advice: "was the adapter trained on another base model?")
            }
            let matrix = Matrix(rows: rows ?? shape[0], columns: columns ?? shape[1])
            try store.copyFloat32(
                name, into: UnsafeMutableBufferPointer(start: matrix.pointer, count: matrix.count))
            guard Kernel.allFinite(matrix) else {
                throw ModelFileError(
                    file: store.path, place: name, problem: "the tensor holds NaN or infinite values",
                    advice: "the training that wrote it went wrong; take another adapter")
            }
            taken.insert(name)
            return matrix
        }
    }
}
