import Autodiff
import Foundation
import Matrices
import ModelFiles
import Transformers

extension PEFTFolder {
    /// Loads the adapters of a folder onto `layers` and the head's weights into `head`; for inference. Written here or by
    /// PEFT. The tensors must match the model and the configuration exactly: none missing, none left over.
    ///
    /// - Parameters:
    ///   - base: where the head's weights are if the adapter has none (PEFT saves only `modules_to_save`).
    ///   - takesHead: false leaves `head` as it is, and the adapter's own aside.
    public static func load(
        _ folder: URL, onto layers: [LinearLayer], head: SequenceHead, base: TensorStore? = nil,
        takesHead: Bool = true
    ) throws -> AdapterSet {
        let config = try AdapterConfiguration(folder.appendingPathComponent(configurationFile))
        let store = try openWeights(folder)
        let reader = Reader(store: store)
        var adapters: [LowRankAdapter] = []
        var adapted: [LinearLayer] = []
        for layer in layers {
            guard let adapter = try adapter(for: layer, config, reader) else { continue }
            adapters.append(adapter)
            adapted.append(layer)
            layer.adapter = adapter.rank == 0 ? nil : adapter
        }
        if takesHead { try load(head, reader, base: base) }
        let headModules = takesHead ? [] : head.modules.map { "\(prefix)\($0)." }
        let extra = store.tensors.first { tensor in
            !reader.taken.contains(tensor.name) && !headModules.contains { tensor.name.hasPrefix($0) }
        }
        if let extra {
            throw ModelFileError(
                file: store.path, place: extra.name, problem: "this model has no place for the tensor",
                advice: "was the adapter trained on another base model, or for another kind of task?")
        }
        return AdapterSet(adapters: adapters, layers: adapted)
    }

    /// nil where the folder has none for this layer, and says none.
    private static func adapter(
        for layer: LinearLayer, _ config: AdapterConfiguration, _ reader: Reader
    ) throws -> LowRankAdapter? {
        let path = prefix + layer.modulePath
        let suffix = config.method == .lora ? ".weight" : ""
        let name = "\(path).lora_A\(suffix)"
        guard let info = reader.store.info(name) else {
            guard config.adapts(layer.modulePath) else { return nil }
            throw Reader.missing(name, in: reader.store, "target_modules names its module")
        }
        let kept = info.shape.first ?? 0
        if let said = config.rank(of: layer.modulePath), said != kept {
            throw ModelFileError(
                file: reader.store.path, place: name,
                problem: "the tensor has rank \(kept), \(configurationFile) says \(said)",
                advice: "use both files as they were saved together")
        }
        guard kept <= min(layer.outputs, layer.inputs) else {
            throw ModelFileError(
                file: reader.store.path, place: name,
                problem: "rank \(kept) is more than a matrix [\(layer.outputs), \(layer.inputs)] can have",
                advice: "merge the adapter with PEFT instead")
        }
        let q = try reader.matrix(name, [kept, layer.inputs])
        let p = try reader.matrix("\(path).lora_B\(suffix)", [layer.outputs, kept])
        let factor = try config.factor(of: layer.modulePath, rank: kept)
        let factors =
            config.method == .lora
            ? LowRankFactors(site: layer.site, b: p, a: q, factor: factor)
            : LowRankFactors(
                site: layer.site, p: p,
                lambda: try reader.matrix("\(path).lora_E", [kept, 1], rows: 1, columns: kept), q: q,
                factor: factor)
        return LowRankAdapter(
            layer: AdaptedLayer(layer), factors: factors, dropout: 0, initialRank: config.rank)
    }

    private static func load(_ head: SequenceHead, _ reader: Reader, base: TensorStore?) throws {
        for parameter in head.parameters {
            let values = parameter.values
            let own = prefix + parameter.name
            if reader.store.info(own) == nil, let base, base.info(parameter.name) == nil {
                // PEFT saves the classifier unasked, but not the new dense layer before it (DeBERTa's pooler).
                throw ModelFileError(
                    kind: .missing, file: reader.store.path, place: parameter.name,
                    problem: "neither the adapter nor the base model has this part of the head",
                    advice:
                        "save it with the adapter (PEFT: modules_to_save \(head.modules.joined(separator: ", ")))"
                )
            }
            let source =
                reader.store.info(own) == nil ? base.map { (Reader(store: $0), parameter.name) } : nil
            let (weights, name) = source ?? (reader, own)
            values.copyValues(
                from: try weights.matrix(
                    name, parameter.savedShape, rows: values.rows, columns: values.columns))
        }
    }

    /// The base model that an adapter names as its own; nil where it names none.
    public static func baseModel(of folder: URL) throws -> String? {
        try AdapterConfiguration(folder.appendingPathComponent(configurationFile)).baseModel
    }

    /// What PEFT calls the task of an adapter (`SEQ_CLS`); nil when it does not say.
    public static func taskType(of folder: URL) throws -> String? {
        try JSONValue.read(folder.appendingPathComponent("adapter_config.json"))["task_type"]?.string
    }

    /// The outputs of the classifier in an adapter folder; nil when it has none.
    ///
    /// - Parameter name: of the classifier's weight in transformers.
    public static func outputs(of folder: URL, classifier name: String) throws -> Int? {
        let store = try openWeights(folder)
        return store.info(prefix + name)?.shape.first
    }

    private static func openWeights(_ folder: URL) throws -> TensorStore {
        try PickledWeights.refuse(in: folder, insteadOf: weightsFile)
        return try TensorStore(file: folder.appendingPathComponent(weightsFile))
    }

    private final class Reader {
        let store: TensorStore
        private(set) var taken: Set<String> = []

        init(store: TensorStore) { self.store = store }

        static func missing(_ name: String, in store: TensorStore, _ why: String?) -> ModelFileError {
            ModelFileError(
                kind: .missing, file: store.path, place: name,
                problem: "the tensor is missing" + (why.map { ", though \($0)" } ?? ""),
                advice: "use the folder as it was saved")
        }

        func matrix(_ name: String, _ shape: [Int], rows: Int? = nil, columns: Int? = nil) throws -> Matrix {
            guard let info = store.info(name) else { throw Self.missing(name, in: store, nil) }
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
