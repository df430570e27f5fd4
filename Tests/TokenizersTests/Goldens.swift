import Foundation
import Testing
import Tokenizers

/// Files that `scripts/test.sh` provides; their absence fails a test.
enum Provided {
    static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    static func lines(_ path: String) throws -> [String] {
        let url = URL(fileURLWithPath: path, relativeTo: root)
        let data = try #require(try? Data(contentsOf: url), "\(url.path) is missing: run scripts/test.sh")
        return String(decoding: data, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: true)
            .map(String.init)
    }

    static func tokenizer() throws -> Tokenizer {
        let folder = root.appendingPathComponent("models/minilm")
        try #require(
            FileManager.default.fileExists(atPath: folder.appendingPathComponent("tokenizer.json").path),
            "\(folder.path) has no tokenizer.json: run scripts/test.sh")
        return try Tokenizer(folder: folder)
    }
}

/// FNV-1a-64 over little-endian 32-bit words.
struct FNV {
    private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

    mutating func add(_ word: UInt32) {
        for shift in stride(from: UInt32(0), to: 32, by: 8) {
            value = (value ^ UInt64((word >> shift) & 0xFF)) &* 0x0000_0100_0000_01B3
        }
    }

    var text: String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}

/// A folder that lives as long as this object.
final class TemporaryFolder {
    let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appendingPathComponent("tokenizers-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    func write(_ text: String, as name: String) throws {
        try Data(text.utf8).write(to: url.appendingPathComponent(name))
    }
}
