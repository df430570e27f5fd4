import Foundation
import Matrices
import ModelFiles
import Transformers

/// An adapter folder whose configuration names parts of a model (`ModelPart`) in place of updates of matrices.
struct PartFolder {
    let form: PartForm
    private let json: JSONValue
    private let folder: URL

    /// nil for a folder of another kind.
    init?(_ folder: URL) throws {
        let json = try JSONValue.read(folder.appendingPathComponent(AdapterConfiguration.fileName))
        let type = json["peft_type"]?.string
        guard let form = FineTuningMethod.all.compactMap(\.parts).first(where: { $0.type == type }) else {
            return nil
        }
        (self.form, self.json, self.folder) = (form, json, folder)
    }

    var baseModel: String? { json["base_model_name_or_path"]?.string }
    var taskType: String? { json["task_type"]?.string }

    /// Hangs the folder's parts on `backbone`, and puts its head's weights into `head`. Every tensor must have a place.
    func load(
        _ store: any TensorSource, onto backbone: any Backbone, head: SequenceHead, base: (any TensorSource)?,
        takesHead: Bool
    ) throws -> PEFTFolder.Loaded {
        let file = folder.appendingPathComponent(AdapterConfiguration.fileName).path
        let reader = PEFTReader(store: store, architecture: backbone.architecture)
        let parts = try form.read(
            PartReader(json: json, tensors: reader) { key, problem, advice in
                ModelFileError(file: file, place: key, problem: problem, advice: advice)
            }, backbone)
        let modules = (head.modules + ["qa_outputs"]).map { "\(form.headPrefix)\($0)." }
        if takesHead {
            try PEFTFolder.load(head, reader, prefix: form.headPrefix, base: base)
        } else {
            for name in store.names where modules.contains(where: name.hasPrefix) { reader.take(name) }
        }
        if let rest = store.names.first(where: { !reader.taken.contains($0) }) {
            throw reader.fault(
                "the tensor is of no \(parts.first?.kind ?? "part") of this model, and of no head",
                "was the adapter trained on another base model, or for another kind of task?", at: rest)
        }
        for part in parts { part.hang(on: backbone) }
        return PEFTFolder.Loaded(set: AdapterSet(parts: parts), changed: .none, warnings: [])
    }

    /// Writes parts, which are at least one, and the head. Not atomic by itself.
    static func write(
        _ parts: [any ModelPart], head: SequenceHead?, baseModel: String, into folder: URL
    ) throws {
        let form = form(of: parts)
        let tensors =
            form.tensors(parts)
            + (head?.parameters ?? []).map { parameter in
                TensorToWrite(
                    name: form.headPrefix + parameter.name, shape: parameter.savedShape,
                    values: parameter.values.values)
            }
        try SafetensorsWriter.write(
            tensors, metadata: ["format": "pt"], to: folder.appendingPathComponent(PEFTFolder.weightsFile))
        var config: JSONObject = [
            "peft_type": .string(form.type),
            "task_type": .string((head?.form ?? .sequence(.pooler)).peftTask),
            "base_model_name_or_path": .string(baseModel),
            "modules_to_save": .array((head?.modules ?? []).map { .string($0) }),
            "inference_mode": .bool(true),
        ]
        form.configure(&config, parts)
        try AtomicFile.write(
            Data(JSONValue.object(config).bytes(pretty: true)),
            to: folder.appendingPathComponent(AdapterConfiguration.fileName))
    }

    fileprivate static func form(of parts: [any ModelPart]) -> PartForm {
        let forms = FineTuningMethod.all.compactMap(\.parts)
        guard let first = parts.first, let form = forms.first(where: { $0.fits(first) }),
            parts.allSatisfy(form.fits)
        else { preconditionFailure("no method says how these \(parts.count) parts stand in files") }
        return form
    }
}

extension AdapterSet {
    /// How its parts stand in files; nil for updates of matrices.
    package var partForm: PartForm? { parts.isEmpty ? nil : PartFolder.form(of: parts) }
}
