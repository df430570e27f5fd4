import Foundation
import Messages

/// The tensors of one safetensors file, or of several through `model.safetensors.index.json`.
///
/// Files are mapped, not read: opening costs the headers only, and weights shared by several processes are in
/// memory once. Everything a header says is checked on opening; see `ModelFileError`.
///
/// ```swift
/// let store = try TensorStore(modelFolder: URL(fileURLWithPath: "models/minilm"))
/// let info = store.info("embeddings.word_embeddings.weight")     // F32, [30522, 384]
/// ```
package final class TensorStore: TensorSource {
    private struct Location: Sendable {
        let info: TensorInfo
        let file: FileMapping
        let range: Range<Int>

        var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: file.bytes[range]) }
    }

    /// Sorted by the UTF-8 bytes of their names.
    package let tensors: [TensorInfo]
    /// The `__metadata__` entries; of several shards with the same key, the first shard's.
    package let metadata: [String: String]
    /// The file or folder that was opened.
    package let path: String
    private let locations: [ExactName: Location]

    /// Opens one safetensors file.
    package convenience init(file: URL) throws {
        try self.init(path: file.path, files: [FileMapping(file)])
    }

    /// Opens `model.safetensors`, or else the shards that `model.safetensors.index.json` lists. The index and
    /// the shards must name the same tensors. A folder with only pickle files is refused.
    package convenience init(modelFolder: URL) throws {
        let single = modelFolder.appendingPathComponent("model.safetensors")
        let indexFile = modelFolder.appendingPathComponent("model.safetensors.index.json")
        if FileManager.default.fileExists(atPath: single.path) {
            try self.init(path: modelFolder.path, files: [FileMapping(single)])
        } else if FileManager.default.fileExists(atPath: indexFile.path) {
            let index = try ShardIndex(indexFile)
            try self.init(path: modelFolder.path, files: index.openShards(in: modelFolder))
            try index.check(tensors)
        } else {
            throw try Self.noWeights(in: modelFolder)
        }
    }

    private init(path: String, files: [FileMapping]) throws {
        var locations: [ExactName: Location] = [:]
        var metadata: [String: String] = [:]
        for file in files {
            let header = try SafetensorsHeader(file)
            metadata.merge(header.metadata) { first, _ in first }
            for entry in header.entries {
                let place = Location(info: entry.info, file: file, range: entry.range)
                let other = locations.updateValue(place, forKey: ExactName(entry.info.name))
                guard let other else { continue }
                throw ModelFileError(
                    file: file.path, place: "tensor \(quoted(entry.info.name))",
                    problem: "\(other.info.fileName) holds a tensor of this name too",
                    advice: "keep the files of one model only")
            }
        }
        self.path = path
        self.metadata = metadata
        self.locations = locations
        tensors = locations.sorted { $0.key < $1.key }.map(\.value.info)
    }

    /// What the header says about a tensor; nil when there is none of this name.
    package func info(_ name: String) -> TensorInfo? { locations[ExactName(name)]?.info }

    package var names: [String] { tensors.map(\.name) }

    package func tensor(_ name: String) -> StoredTensor? {
        locations[ExactName(name)].map { location in
            StoredTensor(
                name: name, format: location.info.elementType.rawValue, shape: location.info.shape,
                file: location.file, range: location.range)
        }
    }

    /// Copies a tensor of F32, F16, BF16 or F64 as Float32; F64 is rounded.
    ///
    /// `destination` must have `elementCount` elements. Throws when there is no such tensor, for other
    /// element types, and for a finite F64 beyond the range of Float32.
    package func copyFloat32(_ name: String, into destination: UnsafeMutableBufferPointer<Float>) throws {
        let location = try find(name)
        let info = location.info
        precondition(
            destination.count == info.elementCount,
            "tensor \(name) has \(info.elementCount) elements, the destination has \(destination.count)")
        let place = "tensor \(quoted(name))"
        switch info.elementType {
        case .float32: UnsafeMutableRawBufferPointer(destination).copyMemory(from: location.bytes)
        case .float16: FloatConversion.fromFloat16(location.bytes, into: destination)
        case .bfloat16: FloatConversion.fromBFloat16(location.bytes, into: destination)
        case .float64:
            guard let at = FloatConversion.fromFloat64(location.bytes, into: destination) else { return }
            throw ModelFileError(
                file: location.file.path, place: place,
                problem: "element \(at) is a finite F64 beyond the range of F32",
                advice: "convert the model to F32 and look for overflows")
        default:
            throw ModelFileError(
                file: location.file.path, place: place,
                problem:
                    "the elements are \(info.elementType.rawValue), needed is one of F32, F16, BF16, F64",
                advice: "use a model saved in one of these")
        }
    }

    /// A tensor's bytes as they are in the file (little-endian, last dimension fastest).
    package func bytes(_ name: String) throws -> [UInt8] { Array(try find(name).bytes) }

    private func find(_ name: String) throws -> Location {
        guard let location = locations[ExactName(name)] else {
            throw ModelFileError(
                file: path, place: "tensor \(quoted(name))",
                problem: "not among the \(tensors.count) tensors of the model",
                advice: "check that the weights belong to this architecture")
        }
        return location
    }

    private static func noWeights(in folder: URL) throws -> ModelFileError {
        guard FileManager.default.fileExists(atPath: folder.path) else {
            return ModelFileError(
                kind: .missing, file: folder.path, problem: "no such folder", advice: "check the path")
        }
        try PickledWeights.refuse(in: folder, insteadOf: "model.safetensors")
        return ModelFileError(
            kind: .missing, file: folder.path,
            problem: "neither model.safetensors nor model.safetensors.index.json is in this folder",
            advice: "download the model's weights")
    }
}
