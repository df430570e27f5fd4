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
    static let rankOffset = 1e-5
    static let prefix = "base_model.model."
    public static let configurationFile = "adapter_config.json"
    public static let weightsFile = "adapter_model.safetensors"

    /// Writes the masked adapters, the head, if there is one, and the weights in `changed` into `folder`, which exists.
    /// Not atomic by itself.
    public static func write(
        _ set: AdapterSet, method: AdapterPlan.Method, head: SequenceHead?, changed: ChangedParts = .none,
        baseModel: String, into folder: URL
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
        tensors += (head?.parameters ?? []).map { parameter in
            TensorToWrite(
                name: prefix + parameter.name, shape: parameter.savedShape, values: parameter.values.values)
        }
        let adapted = set.adapters.filter { method == .adalora || $0.rank > 0 }.map(\.layer.modulePath)
        tensors += changed.tensors(adapted: Set(adapted))
        try SafetensorsWriter.write(
            tensors, metadata: ["format": "pt"],
            to: folder.appendingPathComponent(weightsFile))
        let config = configuration(set, method: method, head: head, changed: changed, baseModel: baseModel)
        try AtomicFile.write(
            Data(config.bytes(pretty: true)), to: folder.appendingPathComponent(configurationFile))
    }

    private static func configuration(
        _ set: AdapterSet, method: AdapterPlan.Method, head: SequenceHead?, changed: ChangedParts,
        baseModel: String
    ) -> JSONValue {
        // A rank that grew past its start still needs as many places in the pattern.
        let rank = max(1, set.adapters.map { max($0.initialRank, $0.rank) }.max() ?? 1)
        let scale = Double(set.adapters.first?.factors.factor ?? 1)
        var config: JSONObject = [
            "peft_type": .string(method == .adalora ? "ADALORA" : "LORA"),
            "task_type": .string((head?.form ?? .sequence(.pooler)).peftTask),
            "base_model_name_or_path": .string(baseModel),
            "target_modules": .array(
                set.adapters.filter { method == .adalora || $0.rank > 0 }.map { .string($0.layer.modulePath) }
            ),
            "modules_to_save": .array(((head?.modules ?? []) + changed.modules).map { .string($0) }),
            "bias": .string(changed.biases.isEmpty ? "none" : "all"),
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
}
