import Datasets
import Foundation
import Matrices
import Messages
import ModelFiles
import Tasks
import Training
import Transformers

/// What the GGUF of an encoder gives for a text: the numbers of its classifier, where llama.cpp has a place for that, or the
/// rows of the tokens as one.
struct WrittenRows {
    /// nil where nobody says how rows become one
    let pooling: GGUFPooling?
    /// Of the classifier; empty without
    let tensors: [GGUFModelTensor]
    /// Of the classifier's numbers
    let labels: [String]
    let warnings: [String]
    /// Gives what the file is to give.
    let head: SequenceHead

    var isClassifier: Bool { pooling == .classifier }

    /// Of an adapter or a model that was trained whole.
    init(_ opened: OpenedAdapter, _ source: URL) throws {
        let modules = opened.head.modules.joined(separator: ", ")
        guard case .sequence(let read) = opened.head.form else {
            throw TrainingError(
                .usage,
                "\(source.path): llama.cpp has no place for a head on tokens (\(modules)); write a Hugging Face folder "
                    + "(adalora export \(SettingName.to) merged), which transformers runs"
            )
        }
        try self.init(
            opened.loaded, head: opened.head, labels: opened.task.record.labels,
            else: (read == .mean ? .mean : .first, "as the adapter's head read them"), modules: modules)
    }

    /// Of a model's folder, with its own classifier if that is what it was saved as.
    init(_ loaded: LoadedModel) throws {
        let stated = try StatedPooling(loaded.url)
        let pooling: GGUFPooling? =
            switch stated?.pooling {
            case .mean where stated?.warning == nil: .mean
            case .first where stated?.warning == nil: .first
            default: nil
            }
        guard let (head, labels) = try Self.classifier(of: loaded) else {
            let warnings = try Self.warnings(loaded) + Self.warnings(stated, pooling, loaded.url)
            try self.init(loaded, pooling, warnings)
            return
        }
        try self.init(
            loaded, head: head, labels: labels,
            else: (pooling ?? .first, stated.map { "as \($0.source) says" } ?? "by the first token"),
            modules: head.modules.joined(separator: ", "))
    }

    /// With the classifier where llama.cpp computes what it does.
    ///
    /// - Parameter other: without it, and who says so.
    private init(
        _ loaded: LoadedModel, head: SequenceHead, labels: [String], else other: (GGUFPooling, String),
        modules: String
    ) throws {
        let notes = try Self.warnings(loaded)
        guard let tensors = head.storedTensors else {
            try self.init(
                loaded, other.0,
                notes + [
                    "the classifier (\(modules)) stays out of the file: llama.cpp classifies by the first token's row, at once or "
                        + "through a dense layer and tanh. The file gives embeddings, pooled \(other.1); "
                        + "\(SettingName.to) merged writes all of the model"
                ])
            return
        }
        let names = labels.count == head.outputs ? labels : (0..<head.outputs).map { "LABEL_\($0)" }
        self.init(
            pooling: .classifier, tensors: tensors, labels: head.outputs > 1 ? names : [], warnings: notes,
            head: head)
    }

    /// Without a classifier.
    private init(_ loaded: LoadedModel, _ pooling: GGUFPooling?, _ warnings: [String]) throws {
        self.init(
            pooling: pooling, tensors: [], labels: [], warnings: warnings,
            head: try Self.pooledRows(loaded.backbone, pooling))
    }

    private init(
        pooling: GGUFPooling?, tensors: [GGUFModelTensor], labels: [String], warnings: [String],
        head: SequenceHead
    ) {
        (self.pooling, self.tensors, self.labels) = (pooling, tensors, labels)
        (self.warnings, self.head) = (warnings, head)
    }

    /// A head whose numbers are the pooled row itself: its matrix is the identity.
    static func pooledRows(_ backbone: any Backbone, _ pooling: GGUFPooling?) throws -> SequenceHead {
        let width = backbone.sizes.hidden
        let head = try SequenceHead(
            backbone: backbone, outputs: width, form: .sequence(pooling == .first ? .first : .mean),
            dropout: 0,
            stream: RandomStream(seed: 0, purpose: "overwritten"))
        for row in 0..<width {
            for column in 0..<width { head.weight.values.row(row)[column] = row == column ? 1 : 0 }
        }
        return head
    }

    /// The same head on the model of a file that was written, with that file's values.
    func head(in model: PretrainedModel, _ backbone: any Backbone) throws -> SequenceHead {
        guard isClassifier else { return try Self.pooledRows(backbone, pooling) }
        let isDeep = tensors.count > 2
        let written = try SequenceHead(
            backbone: backbone, outputs: head.outputs, form: .sequence(isDeep ? .pooler : .first), dropout: 0,
            stream: RandomStream(seed: 0, purpose: "overwritten"))
        let weights = try model.openWeights()
        for parameter in written.parameters {
            try weights.copyFloat32(
                parameter.name,
                into: UnsafeMutableBufferPointer(
                    start: parameter.values.pointer, count: parameter.values.count))
        }
        return written
    }

    // MARK: Of a folder

    /// The classifier of rows that a folder was saved with, and the names of its numbers; nil without.
    private static func classifier(of loaded: LoadedModel) throws -> (SequenceHead, [String])? {
        let classes = loaded.model.config.raw["architectures"]?.array?.compactMap(\.string) ?? []
        let form = HeadForm.sequence(.pooler)
        let name = loaded.backbone.architecture.outputName(form) + ".weight"
        guard loaded.model.gguf == nil, classes.contains(where: { $0.hasSuffix(form.classEnd) }),
            let shape = try loaded.model.openWeights().tensor(name)?.shape, shape.count == 2,
            (1...65_536).contains(shape[0])
        else { return nil }
        let head = try OpenedAdapter.headToFill(loaded, outputs: shape[0], form: form, dropout: 0)
        try WholeModelFolder.loadHead(head, from: loaded.url)
        let names = loaded.model.config.raw["id2label"]
        return (head, (0..<shape[0]).compactMap { names?["\($0)"]?.string })
    }

    // MARK: Warnings

    private static func warnings(_ loaded: LoadedModel) throws -> [String] {
        var lines = try modulesBehindPooling(loaded.url).map {
            "modules.json has \(quoted($0)) behind the pooling, which llama.cpp has not: what the file gives is without it"
        }
        if loaded.backbone.sizes.types > 1 {
            lines.append(
                "llama.cpp gives every token type 0: the second text of a pair is read otherwise than here")
        }
        return lines
    }

    private static func warnings(_ stated: StatedPooling?, _ pooling: GGUFPooling?, _ folder: URL) -> [String]
    {
        guard pooling == nil else { return [] }
        let asked = stated?.warning != nil ? "asks for another pooling than the mean or the first token" : nil
        return [
            "\(folder.path) \(asked ?? "does not say how rows become one"), and neither does the file: tell llama.cpp "
                + "which pooling to use, mean or cls"
        ]
    }

    /// What sentence-transformers put behind pooling, but for the length that llama.cpp gives embeddings itself.
    private static func modulesBehindPooling(_ folder: URL) throws -> [String] {
        let file = folder.appendingPathComponent("modules.json")
        guard FileManager.default.fileExists(atPath: file.path) else { return [] }
        let types = (try JSONValue.read(file).array ?? []).compactMap { $0["type"]?.string }
        return types.map { String($0.split(separator: ".").last ?? "") }.filter {
            !["Transformer", "Pooling", "Normalize"].contains($0)
        }
    }
}
