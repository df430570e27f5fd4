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
        var tensors = set.adapters.filter { form.keepsEmpty || $0.rank > 0 }.flatMap { adapter in
            PEFTRows.written(
                form.tensors(adapter, PEFTForm.prefix + adapter.layer.modulePath), of: adapter.layer)
        }
        tensors += (head?.parameters ?? []).map { parameter in
            TensorToWrite(
                name: PEFTForm.prefix + parameter.name, shape: parameter.savedShape,
                values: parameter.values.values)
        }
        let adapted = set.adapters.filter { form.keepsEmpty || $0.rank > 0 }.map(\.layer.modulePath)
        tensors += changed.tensors(adapted: Set(adapted))
        try SafetensorsWriter.write(
            tensors, metadata: ["format": "pt"],
            to: folder.appendingPathComponent(weightsFile))
        let config = configuration(set, form, head: head, changed: changed, baseModel: baseModel)
        try AtomicFile.write(
            Data(config.bytes(pretty: true)), to: folder.appendingPathComponent(configurationFile))
    }

    private static func configuration(
        _ set: AdapterSet, _ form: PEFTForm, head: SequenceHead?, changed: ChangedParts, baseModel: String
    ) -> JSONValue {
        // A rank that grew past its start still needs as many places in the pattern.
        let rank = max(1, set.adapters.map { max($0.initialRank, $0.rank) }.max() ?? 1)
        let scale = Double(set.adapters.first?.factors.factor ?? 1)
        var config: JSONObject = [
            "peft_type": .string(form.type),
            "task_type": .string((head?.form ?? .sequence(.pooler)).peftTask),
            "base_model_name_or_path": .string(baseModel),
            "target_modules": .array(
                set.adapters.filter { form.keepsEmpty || $0.rank > 0 }.map { .string($0.layer.modulePath) }
            ),
            "modules_to_save": .array(((head?.modules ?? []) + changed.modules).map { .string($0) }),
            AdapterConfiguration.conv1DKey: .bool(set.layers.contains(where: \.isConv1D)),
            "bias": .string(changed.biases.isEmpty ? "none" : "all"),
            "lora_dropout": .number(Double(set.adapters.first?.dropout ?? 0)), "inference_mode": .bool(true),
            "r": JSONValue(rank),
        ]
        form.configure(&config, set, rank, scale)
        return .object(config)
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
