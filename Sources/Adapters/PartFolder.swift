import Foundation
import Matrices
import ModelFiles
import Transformers

/// An adapter folder whose configuration names parts of a model (`ModelPart`) in place of updates of matrices.
struct PartFolder {
    private let json: JSONValue
    private let folder: URL
    private let read: @Sendable (PartReader, any Backbone) throws -> [any ModelPart]
    private let weightsFile: String
    private let baseKey: String
    /// Where the head's tensors are, and what stands before the names that they have in transformers' whole model
    private let head: (file: String, prefix: String)

    /// nil for a folder of another kind.
    init?(_ folder: URL) throws {
        let json = try JSONValue.read(folder.appendingPathComponent(AdapterConfiguration.fileName))
        let forms = FineTuningMethod.all.compactMap(\.parts)
        (self.json, self.folder) = (json, folder)
        if let type = json["peft_type"]?.string {
            guard let form = forms.first(where: { $0.type == type }) else { return nil }
            (read, weightsFile, baseKey) = (form.read, PEFTFolder.weightsFile, "base_model_name_or_path")
            head = (PEFTFolder.weightsFile, form.headPrefix)
        } else {
            guard let other = forms.compactMap(\.other).first(where: { $0.isOf(json) }) else { return nil }
            (read, weightsFile, baseKey) = (other.read, other.weightsFile, other.baseKey)
            head = (other.headFile, "")
        }
    }

    var baseModel: String? { json[baseKey]?.string }
    var taskType: String? { json["task_type"]?.string }

    /// The outputs of its classifier; nil where it has none.
    func outputs(classifier name: String, inputs: Int) throws -> Int? {
        try PEFTFolder.outputs(
            of: try openHead() ?? openWeights(), classifier: head.prefix + name, inputs: inputs)
    }

    private func openWeights() throws -> TensorStore {
        try PickledWeights.refuse(in: folder, insteadOf: weightsFile)
        return try TensorStore(file: folder.appendingPathComponent(weightsFile))
    }

    /// nil where the head has no file of its own.
    private func openHead() throws -> TensorStore? {
        let file = folder.appendingPathComponent(head.file)
        guard head.file != weightsFile, FileManager.default.fileExists(atPath: file.path) else { return nil }
        return try TensorStore(file: file)
    }

    /// Hangs the folder's parts on `backbone`, and puts its head's weights into `head`. Every tensor must have a place.
    func load(
        onto backbone: any Backbone, head target: SequenceHead, base: (any TensorSource)?, takesHead: Bool
    ) throws -> PEFTFolder.Loaded {
        let file = folder.appendingPathComponent(AdapterConfiguration.fileName).path
        guard backbone.pair == nil else {
            throw ModelFileError(
                file: file,
                problem:
                    "the adapter is of layers by their numbers, and both towers of \(backbone.architecture.name) have the same ones",
                advice: "was the adapter trained on another base model?")
        }
        let reader = PEFTReader(store: try openWeights(), architecture: backbone.architecture)
        let parts = try form(reader, file, backbone)
        let own = try openHead().map { PEFTReader(store: $0, architecture: backbone.architecture) }
        if takesHead {
            try PEFTFolder.load(target, own ?? reader, prefix: head.prefix, base: base)
            if let own { try checkRest(own, parts) }
        } else {
            let modules = (target.modules + ["qa_outputs"]).map { "\(head.prefix)\($0)." }
            for name in reader.store.names where modules.contains(where: name.hasPrefix) { reader.take(name) }
        }
        try checkRest(reader, parts)
        for part in parts { part.hang(on: backbone) }
        return PEFTFolder.Loaded(set: AdapterSet(parts: parts), changed: .none, warnings: [])
    }

    private func form(_ reader: PEFTReader, _ file: String, _ backbone: any Backbone) throws
        -> [any ModelPart]
    {
        try read(
            PartReader(json: json, tensors: reader) { key, problem, advice in
                ModelFileError(file: file, place: key, problem: problem, advice: advice)
            }, backbone)
    }

    private func checkRest(_ reader: PEFTReader, _ parts: [any ModelPart]) throws {
        guard let rest = reader.store.names.first(where: { !reader.taken.contains($0) }) else { return }
        throw reader.fault(
            "the tensor is of no \(parts.first?.kind ?? "part") of this model, and of no head",
            "was the adapter trained on another base model, or for another kind of task?", at: rest)
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
            "task_type": PEFTFolder.taskType(head),
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
