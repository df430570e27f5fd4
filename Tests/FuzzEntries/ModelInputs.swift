import Adapters
import Foundation
import Matrices
import ModelFiles
import Runs
import Transformers

/// Inputs that are tensors, or say what tensors mean.
enum ModelInputs {
    static func readTensors(_ bytes: [UInt8], in scratch: Scratch) throws {
        try scratch.write(bytes, as: ["f.safetensors"])
        let store = try TensorStore(file: scratch.url.appendingPathComponent("f.safetensors"))
        for tensor in store.tensors {
            let own = try store.bytes(tensor.name)
            try require(own.count == tensor.byteCount, "\(tensor.name): \(own.count) bytes")
            var values = [Float](repeating: 0, count: tensor.elementCount)
            do {
                try values.withUnsafeMutableBufferPointer { try store.copyFloat32(tensor.name, into: $0) }
            } catch is ModelFileError {
                continue  // of a type that is not read as numbers
            }
            guard let stored = store.tensor(tensor.name), let format = WeightFormat.named(stored.format)
            else { continue }
            let matrix = format.open(
                rows: 1, columns: tensor.elementCount, WeightBytes(stored.bytes, of: stored.owner))
            let same = zip(matrix.dense().values, values).allSatisfy {
                $0.bitPattern == $1.bitPattern || ($0.isNaN && $1.isNaN)
            }
            try require(same, "\(tensor.name) differs from its own copy")
        }
        try PackedInputs.read(store)
    }

    static func readGGUF(_ bytes: [UInt8], in scratch: Scratch) throws {
        try scratch.write(bytes, as: ["f.gguf"])
        let url = scratch.url.appendingPathComponent("f.gguf")
        let file = try GGUFFile(url)
        var metadata: [(key: String, value: GGUFValue)] = []
        for key in file.metadata.keys {
            // Text that is not UTF-8 is refused when it is asked for.
            guard let value = try? file.metadata.value(key) else { continue }
            metadata.append((key, value))
        }
        var tensors: [GGUFTensorToWrite] = []
        for tensor in file.tensors {
            guard let stored = file.tensor(tensor.name) else {
                throw Violation("\(tensor.name) is not there")
            }
            try require(stored.bytes.count == tensor.byteCount, "\(tensor.name): \(stored.bytes.count) bytes")
            tensors.append(GGUFTensorToWrite(name: tensor.name, type: tensor.type, copying: stored))
            let columns = tensor.shape.last ?? 1
            guard columns > 0, tensor.elementCount > 0, let format = WeightFormat.named(tensor.type.name)
            else { continue }
            let matrix = format.open(
                rows: tensor.elementCount / columns, columns: columns,
                WeightBytes(stored.bytes, of: stored.owner))
            let isFinite = matrix.dense().values.allSatisfy(\.isFinite)
            try require(matrix.isFinite == isFinite, "\(tensor.name) is finite and is not")
        }
        try rewrite(file, metadata, tensors, in: scratch)
    }

    /// What was read is written, and reads the same.
    private static func rewrite(
        _ file: GGUFFile, _ metadata: [(key: String, value: GGUFValue)], _ tensors: [GGUFTensorToWrite],
        in scratch: Scratch
    ) throws {
        let copyURL = scratch.url.appendingPathComponent("copy.gguf")
        try GGUFWriter.write(metadata: metadata, tensors: tensors, to: copyURL)
        let copy = try GGUFFile(copyURL)
        try require(copy.metadata.keys == metadata.map(\.key), "the copy has other keys")
        for (key, value) in metadata {
            let own = try copy.metadata.value(key)
            // NaN is not equal to itself.
            try require("\(own as Any)" == "\(Optional(value) as Any)", "\(key) differs in the copy")
        }
        for name in file.names {
            guard let first = file.tensor(name), let second = copy.tensor(name) else {
                throw Violation("\(name) is not in the copy")
            }
            try require(
                first.shape == second.shape && first.bytes.elementsEqual(second.bytes),
                "\(name) differs in the copy")
        }
    }

    static func readConfiguration(_ bytes: [UInt8]) throws {
        let json: JSONValue
        do {
            json = try JSONValue.parse(bytes)
        } catch let error as JSONError {
            throw ModelFileError(file: "config.json", problem: error.problem, advice: "check it")
        }
        try require(try JSONValue.parse(json.bytes()) == json, "JSON reads differently once it is written")
        let config = try HFConfig(json: json, path: "config.json")
        let sizes = try Architecture.of(config).sizes(config)
        try require(sizes.positions > 0 && sizes.hidden > 0, "no positions or no width")
        _ = config.unreadKeys
    }

    private static let model: (backbone: any Backbone, head: SequenceHead)? = {
        let folder = TextInputs.repository.appendingPathComponent("Tests/Goldens/bert/model")
        guard let backbone = try? PretrainedModel.open(folder).openBackbone(),
            let head = try? SequenceHead(
                backbone: backbone, outputs: 2, pooling: .pooler, dropout: 0,
                stream: RandomStream(seed: 0, purpose: "fuzz"))
        else { return nil }
        return (backbone, head)
    }()

    static func readAdapter(_ bytes: [UInt8], in scratch: Scratch) throws {
        guard let model else { throw Violation("the golden model cannot be read") }
        try scratch.write(bytes, as: [PEFTFolder.configurationFile, PEFTFolder.weightsFile])
        let width = model.backbone.sizes.hidden
        let classes = try PEFTFolder.outputs(of: scratch.url, classifier: "classifier.weight", inputs: width)
        try require(classes ?? 0 <= bytes.count, "\(classes ?? 0) classes in \(bytes.count) bytes")
        let set = try PEFTFolder.load(scratch.url, onto: model.backbone, head: model.head).set
        for adapter in set.adapters {
            try require(adapter.factors.factor.isFinite, "a factor that is not finite")
            try require(adapter.initialRank <= 10_000, "an initial rank of \(adapter.initialRank)")
            for parameter in adapter.parameters {
                try require(
                    parameter.values.buffer.allSatisfy(\.isFinite), "\(parameter.name) is not finite")
            }
        }
    }

    /// Without a manifest in the input one of the other files, as they are, takes its place.
    static func readCheckpoint(_ bytes: [UInt8], in scratch: Scratch) throws {
        try scratch.write(bytes, as: [FolderManifest.file, "state.json", "state.safetensors"])
        if bytes.first == Scratch.separator {
            scratch.remove([FolderManifest.file])
            try FolderManifest.write(into: scratch.url)
        }
        _ = try Checkpoint.read(scratch.url)
    }
}
