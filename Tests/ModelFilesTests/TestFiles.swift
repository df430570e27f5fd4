import Foundation
import ModelFiles
import Testing

/// A folder of its own for one test, removed with the last reference.
final class TemporaryFolder {
    let url: URL

    /// - Parameter inMemory: where the system has such a place, for thousands of files: a disk may take 10 ms for each.
    init(inMemory: Bool = false) throws {
        let memory = URL(fileURLWithPath: "/dev/shm")
        let isThere = inMemory && FileManager.default.isWritableFile(atPath: memory.path)
        url = (isThere ? memory : FileManager.default.temporaryDirectory)
            .appendingPathComponent("modelfiles-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    func path(_ name: String) -> URL { url.appendingPathComponent(name) }

    @discardableResult
    func write(_ name: String, _ bytes: [UInt8]) throws -> URL {
        try Data(bytes).write(to: path(name))
        return path(name)
    }

    @discardableResult
    func write(_ name: String, _ text: String) throws -> URL { try write(name, Array(text.utf8)) }

    /// The names in the folder, hidden ones too.
    func names() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: url.path).sorted() }

    func text(_ name: String) throws -> String { try String(contentsOf: path(name), encoding: .utf8) }
}

/// The message of the `ModelFileError` or `JSONError` that `body` throws, with `folder` replaced by `DIR`.
func message(_ folder: TemporaryFolder? = nil, _ body: () throws -> Void) -> String {
    do {
        try body()
        return "no error"
    } catch {
        let text = "\(error)"
        return folder.map { text.replacingOccurrences(of: $0.url.path, with: "DIR") } ?? text
    }
}

func golden(_ name: String) -> URL {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Goldens/safetensors/\(name)")
}

/// A safetensors file of this header, padded by nothing, and `dataCount` bytes of data.
func safetensors(_ header: String, dataCount: Int = 0) -> [UInt8] {
    littleEndian(UInt64(header.utf8.count)) + Array(header.utf8) + [UInt8](repeating: 0, count: dataCount)
}

func littleEndian(_ value: UInt64) -> [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }

func floats(_ store: TensorStore, _ name: String) throws -> [Float] {
    let info = try #require(store.info(name))
    var values = [Float](repeating: -1, count: info.elementCount)
    try values.withUnsafeMutableBufferPointer { try store.copyFloat32(name, into: $0) }
    return values
}
