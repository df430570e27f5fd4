import Autodiff
import Foundation
import Matrices
import ModelFiles
import Transformers

/// Adapter folders in the layout of Hugging Face PEFT: `adapter_model.safetensors` and `adapter_config.json`.
///
/// AdaLoRA: `lora_A` (r, I) is Q, `lora_E` (r, 1) is λ, `lora_B` (O, r) is P, without `.weight`; `rank_pattern`
/// holds init_r booleans per module, as many true as rows saved; ΔW = lora_alpha / (init_r + 1e-5) · B(A ⊙ E).
/// LoRA: `lora_A.weight`, `lora_B.weight`; ΔW = lora_alpha / r · B·A. Where ranks differ, `rank_pattern` and
/// `alpha_pattern` hold those of each module; modules at rank 0 are left out.
public enum PEFTFolder {
    /// PEFT divides lora_alpha by init_r plus this.
    private static let rankOffset = 1e-5
    private static let prefix = "base_model.model."

    /// Writes the masked adapters and the head into `folder`, which exists. Not atomic by itself.
    public static func write(
        _ set: AdapterSet, method: AdapterPlan.Method, head: SequenceHead, baseModel: String, into folder: URL
    ) throws {
        var tensors: [TensorToWrite] = []
        for adapter in set.adapters where method == .adalora || adapter.rank > 0 {
            let (p, lambda, q) = adapter.keptFactors
            let (rank, path) = (adapter.rank, prefix + adapter.layer.modulePath)
            let suffix = method == .lora ? ".weight" : ""
            tensors.append(
                TensorToWrite(
                    name: "\(path).lora_A\(suffix)", shape: [rank, adapter.layer.inputs], values: q))
            if let lambda {
                tensors.append(TensorToWrite(name: "\(path).lora_E", shape: [rank, 1], values: lambda))
            }
            tensors.append(
                TensorToWrite(
                    name: "\(path).lora_B\(suffix)", shape: [adapter.layer.outputs, rank], values: p))
        }
        tensors += head.parameters.map { parameter in
            TensorToWrite(
                name: prefix + parameter.name, shape: parameter.savedShape, values: parameter.values.values)
        }
        try SafetensorsWriter.write(
            tensors, metadata: ["format": "pt"],
            to: folder.appendingPathComponent("adapter_model.safetensors"))
        let config = configuration(set, method: method, head: head, baseModel: baseModel)
        try AtomicFile.write(
            Data(config.bytes(pretty: true)), to: folder.appendingPathComponent("adapter_config.json"))
    }

    private static func configuration(
        _ set: AdapterSet, method: AdapterPlan.Method, head: SequenceHead, baseModel: String
    ) -> JSONValue {
        // A rank that grew past its start still needs as many places in the pattern.
        let rank = max(1, set.adapters.map { max($0.initialRank, $0.rank) }.max() ?? 1)
        let scale = Double(set.adapters.first?.factors.factor ?? 1)
        var config: JSONObject = [
            "peft_type": .string(method == .adalora ? "ADALORA" : "LORA"), "task_type": .string("SEQ_CLS"),
            "base_model_name_or_path": .string(baseModel),
            "target_modules": .array(
                set.adapters.filter { method == .adalora || $0.rank > 0 }.map { .string($0.layer.modulePath) }
            ),
            "modules_to_save": .array(head.modules.map { .string($0) }), "bias": .string("none"),
            "lora_dropout": .number(Double(set.adapters.first?.dropout ?? 0)), "inference_mode": .bool(true),
            "r": JSONValue(rank),
        ]
        if method == .adalora {
            config["lora_alpha"] = .number(scale * (Double(rank) + rankOffset))
            config["init_r"] = JSONValue(rank)
            config["total_step"] = JSONValue(1)
            var pattern = JSONObject()
            for adapter in set.adapters {
                let numbers = adapter.mask.indices.filter { adapter.mask[$0] }.map {
                    adapter.originalIndices[$0]
                }
                // Triplets made later have numbers past the pattern; PEFT needs only how many there are.
                let places = numbers.allSatisfy { $0 < rank } ? Set(numbers) : Set(0..<numbers.count)
                pattern[adapter.layer.modulePath + ".lora_E"] = .array(
                    (0..<rank).map { .bool(places.contains($0)) })
            }
            config["rank_pattern"] = .object(pattern)
        } else {
            config["lora_alpha"] = .number(scale * Double(rank))
            var (ranks, alphas) = (JSONObject(), JSONObject())
            for adapter in set.adapters where adapter.rank > 0 && adapter.rank != rank {
                ranks[adapter.layer.modulePath] = JSONValue(adapter.rank)
                alphas[adapter.layer.modulePath] = .number(scale * Double(adapter.rank))
            }
            config["rank_pattern"] = .object(ranks)
            config["alpha_pattern"] = .object(alphas)
        }
        return .object(config)
    }

    /// Loads the adapters of a folder onto `layers` and the head's weights into `head`; for inference. The
    /// tensors must match the model exactly: none missing, none left over.
    public static func load(_ folder: URL, onto layers: [LinearLayer], head: SequenceHead) throws
        -> AdapterSet
    {
        let configFile = folder.appendingPathComponent("adapter_config.json")
        let config = try JSONValue.read(configFile)
        let store = try TensorStore(file: folder.appendingPathComponent("adapter_model.safetensors"))
        let method: AdapterPlan.Method
        switch config["peft_type"]?.string {
        case "ADALORA": method = .adalora
        case "LORA": method = .lora
        default:
            throw ModelFileError(
                file: configFile.path, place: "peft_type", problem: "neither ADALORA nor LORA",
                advice: "only these adapters can be loaded")
        }
        guard let alpha = config["lora_alpha"]?.double,
            let rank = (method == .adalora ? config["init_r"] : config["r"])?.int, rank > 0, alpha.isFinite
        else {
            throw ModelFileError(
                file: configFile.path, problem: "lora_alpha or the rank is missing",
                advice: "use the folder as it was saved")
        }
        let factor = Float(alpha / (Double(rank) + (method == .adalora ? rankOffset : 0)))
        let reader = Reader(store: store)
        var adapters: [LowRankAdapter] = []
        var adapted: [LinearLayer] = []
        let suffix = method == .lora ? ".weight" : ""
        for layer in layers {
            let path = prefix + layer.modulePath
            guard let info = store.info("\(path).lora_A\(suffix)") else { continue }
            let kept = info.shape.first ?? 0
            let lambda =
                method == .adalora
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
                factor: factor)
            let adapter = LowRankAdapter(
                layer: AdaptedLayer(layer), factors: factors, dropout: 0, initialRank: rank)
            adapters.append(adapter)
            adapted.append(layer)
            layer.adapter = kept == 0 ? nil : adapter
        }
        for parameter in head.parameters {
            let values = parameter.values
            values.copyValues(
                from: try reader.matrix(
                    prefix + parameter.name, parameter.savedShape, rows: values.rows, columns: values.columns)
            )
        }
        if let extra = store.tensors.first(where: { !reader.taken.contains($0.name) }) {
            throw ModelFileError(
                file: store.path, place: extra.name, problem: "this model has no place for the tensor",
                advice: "was the adapter trained on another base model?")
        }
        return AdapterSet(adapters: adapters, layers: adapted)
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
