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
        guard let backbone = try? Architecture.backbone(in: HFFolder(folder)),
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
