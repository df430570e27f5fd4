import Autodiff
import Foundation
import Matrices
import ModelFiles
import Transformers

/// Adapter folders in the layout of Hugging Face PEFT: `adapter_model.safetensors` and `adapter_config.json`.
///
/// Tensors and configuration of each kind of adapter are in its method's file, a `PEFTForm`.
package enum PEFTFolder {
    package static let configurationFile = AdapterConfiguration.fileName
    package static let weightsFile = "adapter_model.safetensors"

    /// Writes the masked adapters, the head, if there is one, and the weights in `changed` into `folder`, which exists.
    /// Not atomic by itself.
    package static func write(
        _ set: AdapterSet, as form: PEFTForm, head: SequenceHead?, changed: ChangedParts = .none,
        baseModel: String, into folder: URL
    ) throws {
        if !set.parts.isEmpty {
            precondition(
                set.adapters.isEmpty && changed.isEmpty, "a folder holds parts alone, and their head")
            return try PartFolder.write(set.parts, head: head, baseModel: baseModel, into: folder)
        }
        var tensors = set.adapters.filter(form.holds).flatMap { adapter in
            PEFTRows.written(
                form.tensors(adapter, PEFTForm.prefix + adapter.layer.modulePath), of: adapter.layer)
        }
        tensors += (head?.parameters ?? []).map { parameter in
            TensorToWrite(
                name: PEFTForm.prefix + parameter.name, shape: parameter.savedShape,
                values: parameter.values.values)
        }
        let adapted = set.adapters.filter(form.holds).map(\.layer.modulePath)
        let own = adapted.isEmpty ? changed.ownForm : nil
        tensors += own?.carried ?? []
        tensors += changed.tensors(adapted: Set(adapted + (own?.targets ?? [])))
        try SafetensorsWriter.write(
            tensors, metadata: ["format": "pt"],
            to: folder.appendingPathComponent(weightsFile))
        var config = configuration(set, form, head: head, changed: changed, baseModel: baseModel)
        own?.configure(&config)
        try AtomicFile.write(
            Data(JSONValue.object(config).bytes(pretty: true)),
            to: folder.appendingPathComponent(configurationFile))
    }

    /// What PEFT calls the task; of a folder without a head that of most.
    static func taskType(_ head: SequenceHead?) -> JSONValue {
        guard let head else { return .string(HeadForm.sequence(.pooler).peftTask) }
        return head.peftTask.map { .string($0) } ?? .null
    }

    private static func configuration(
        _ set: AdapterSet, _ form: PEFTForm, head: SequenceHead?, changed: ChangedParts, baseModel: String
    ) -> JSONObject {
        // A rank that grew past its start still needs as many places in the pattern.
        let rank = max(1, set.adapters.map { max($0.initialRank, $0.rank) }.max() ?? 1)
        let scale = Double(set.adapters.first?.factors.factor ?? 1)
        var config: JSONObject = [
            "peft_type": .string(form.type),
            "task_type": taskType(head),
            "base_model_name_or_path": .string(baseModel),
            "target_modules": .array(
                set.adapters.filter(form.holds).map { .string($0.layer.modulePath) }
            ),
            "modules_to_save": .array(((head?.modules ?? []) + changed.modules).map { .string($0) }),
            AdapterConfiguration.conv1DKey: .bool(set.layers.contains(where: \.isConv1D)),
            "bias": .string(changed.biases.isEmpty ? "none" : "all"),
            "lora_dropout": .number(Double(set.adapters.first?.dropout ?? 0)), "inference_mode": .bool(true),
            "r": JSONValue(rank),
        ]
        form.configure(&config, set, rank, scale)
        return config
    }
}

extension AdapterSet {
    /// How these adapters stand in PEFT's files: as those of the first with a rule, if any has one.
    package var peft: PEFTForm {
        guard let adapter = adapters.first(where: { $0.rule != nil }) ?? adapters.first else { return .lora }
        guard let form = FineTuningMethod.all.map(\.peft).first(where: { $0.fits(adapter) }) else {
            preconditionFailure("no method says how PEFT holds \(kind)")
        }
        return form
    }
}

extension ChangedParts {
    /// How PEFT's files hold weights of the model where there are no adapters.
    struct OwnForm {
        /// Tensors that stand for adapters
        let carried: [TensorToWrite]
        /// Modules that have them
        let targets: [String]
        let configure: (inout JSONObject) -> Void
    }

    /// Norms as `LN_TUNING`; biases beside a LoRA of rank 1 that is 0, since PEFT has no other place for them.
    var ownForm: OwnForm? {
        if isEmpty { return nil }
        if isNorms {
            let paths = modules
            return OwnForm(carried: [], targets: []) { config in
                for key in [
                    "r", "lora_dropout", "lora_alpha", "bias", "init_r", "total_step", "rank_pattern",
                    "alpha_pattern",
                    AdapterConfiguration.conv1DKey,
                ] {
                    config[key] = nil
                }
                config["peft_type"] = .string(AdapterConfiguration.Kind.norms.rawValue)
                config["target_modules"] = .array(paths.map { .string($0) })
                let others = (config["modules_to_save"]?.array ?? []).filter { path in
                    !paths.contains { path.string == $0 }
                }
                config["modules_to_save"] = .array(others)
            }
        }
        guard let carrier else { return nil }
        let (path, isConv1D) = (PEFTForm.prefix + carrier.modulePath, carrierIsConv1D)
        return OwnForm(
            carried: [
                TensorToWrite(
                    name: path + ".lora_A.weight", shape: [1, carrier.inputs],
                    values: [Float](repeating: 0, count: carrier.inputs)),
                TensorToWrite(
                    name: path + ".lora_B.weight", shape: [carrier.outputs, 1],
                    values: [Float](repeating: 0, count: carrier.outputs)),
            ], targets: [carrier.modulePath]
        ) { config in
            for key in ["init_r", "total_step"] { config[key] = nil }
            config["peft_type"] = .string(AdapterConfiguration.Kind.lora.rawValue)
            config["target_modules"] = .array([.string(carrier.modulePath)])
            config[AdapterConfiguration.conv1DKey] = .bool(isConv1D)
            config["r"] = JSONValue(1)
            config["lora_alpha"] = .number(1)
            for key in ["rank_pattern", "alpha_pattern"] { config[key] = .object([:]) }
        }
    }
}
