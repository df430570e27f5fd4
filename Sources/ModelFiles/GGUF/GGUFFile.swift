import Foundation
import Messages

/// The keys and tensors of a GGUF file, or of all the files that a model was split into.
///
/// Files are mapped, not read. Everything a header says is checked on opening; see `ModelFileError`. A tensor's format has
/// ggml's name (`Q4_K`).
///
/// ```swift
/// let file = try GGUFFile(URL(fileURLWithPath: "SmolLM2-135M-Instruct-Q4_K_M.gguf"))
/// let layers = try file.metadata.int("llama.block_count")     // 30
/// ```
package final class GGUFFile: TensorSource {
    private struct Location: Sendable {
        let info: GGUFTensorInfo
        let file: FileMapping
        let range: Range<Int>
    }

    /// The file that was opened
    package let path: String
    /// Of several files the first one's; the others have none that matter.
    package let metadata: GGUFMetadata
    /// In the order of the files
    package let tensors: [GGUFTensorInfo]
    package let names: [String]
    private let locations: [ExactName: Location]

    /// Opens a GGUF file, and the others where it is one of several of a model.
    package init(_ url: URL) throws {
        let opened = try GGUFHeader(FileMapping(url))
        let parts = try Self.parts(url, opened)
        var locations: [ExactName: Location] = [:]
        for part in parts {
            for entry in part.entries {
                let place = Location(info: entry.info, file: part.file, range: entry.range)
                let other = locations.updateValue(place, forKey: ExactName(entry.info.name))
                guard let other else { continue }
                throw ModelFileError(
                    file: part.file.path, place: "tensor \(quoted(entry.info.name))",
                    problem: "\(other.info.fileName) holds a tensor of this name too",
                    advice: "keep the files of one model only")
            }
        }
        path = url.path
        metadata = (parts.first ?? opened).metadata
        tensors = parts.flatMap { $0.entries.map(\.info) }
        names = locations.keys.sorted().map(\.text)
        self.locations = locations
    }

    /// The file, or all those of a model that was split, in their order.
    package static func files(of url: URL) throws -> [URL] {
        try GGUFSplit(GGUFHeader(FileMapping(url)).metadata)?.files(url) ?? [url]
    }

    private static func parts(_ url: URL, _ opened: GGUFHeader) throws -> [GGUFHeader] {
        guard let split = try GGUFSplit(opened.metadata) else { return [opened] }
        let files = try split.files(url)
        var parts: [GGUFHeader] = []
        for (number, file) in files.enumerated() {
            guard number != split.number else {
                parts.append(opened)
                continue
            }
            guard FileManager.default.fileExists(atPath: file.path) else {
                throw ModelFileError(
                    kind: .missing, file: file.path,
                    problem: "part \(number + 1) of \(split.count) of the model is missing",
                    advice: "put all parts into one folder")
            }
            let part = try GGUFHeader(FileMapping(file))
            let own = try GGUFSplit(part.metadata)
            guard let own, own.number == number, own.count == split.count, own.tensors == split.tensors
            else {
                let says =
                    own.map { "part \($0.number + 1) of \($0.count), \($0.tensors) tensors in all" }
                    ?? "not part of anything"
                throw ModelFileError(
                    file: file.path,
                    problem:
                        "by its keys this is \(says), needed is part \(number + 1) of \(split.count), "
                        + "\(split.tensors) tensors in all",
                    advice: "the files are of different models: download all of them again")
            }
            parts.append(part)
        }
        let found = parts.reduce(0) { $0 + $1.entries.count }
        guard found == split.tensors else {
            throw ModelFileError(
                file: url.path,
                problem: "the \(split.count) parts hold \(found) tensors, not \(split.tensors)",
                advice: "download all of them again")
        }
        return parts
    }

    /// What the header says about a tensor; nil when there is none of this name.
    package func info(_ name: String) -> GGUFTensorInfo? { locations[ExactName(name)]?.info }

    package func tensor(_ name: String) -> StoredTensor? {
        locations[ExactName(name)].map { location in
            StoredTensor(
                name: name, format: location.info.type.name, shape: location.info.shape, file: location.file,
                range: location.range)
        }
    }

    /// Copies a tensor of F32, F16, BF16 or F64 as Float32; F64 is rounded.
    ///
    /// Quantised ones are an error here: `WeightFormat` of Matrices reads them.
    package func copyFloat32(_ name: String, into destination: UnsafeMutableBufferPointer<Float>) throws {
        let place = "tensor \(quoted(name))"
        guard let location = locations[ExactName(name)] else {
            throw ModelFileError(
                file: path, place: place, problem: "not among the \(tensors.count) tensors of the model",
                advice: "check that the weights belong to this architecture")
        }
        let info = location.info
        precondition(
            destination.count == info.elementCount,
            "tensor \(name) has \(info.elementCount) elements, the destination has \(destination.count)")
        let bytes = UnsafeRawBufferPointer(rebasing: location.file.bytes[location.range])
        switch info.type.name {
        case "F32": UnsafeMutableRawBufferPointer(destination).copyMemory(from: bytes)
        case "F16": FloatConversion.fromFloat16(bytes, into: destination)
        case "BF16": FloatConversion.fromBFloat16(bytes, into: destination)
        case "F64":
            guard let at = FloatConversion.fromFloat64(bytes, into: destination) else { return }
            throw ModelFileError(
                file: location.file.path, place: place,
                problem: "element \(at) is a finite F64 beyond the range of F32",
                advice: "convert the model to F32 and look for overflows")
        default:
            throw ModelFileError(
                file: location.file.path, place: place,
                problem: "the elements are \(info.type.name), which cannot be read as numbers here",
                advice: "take the model in another format, such as BF16, Q8_0 or Q4_K_M")
        }
    }
}
