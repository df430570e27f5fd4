import Foundation

/// A folder for what readers take from files, in memory where the system has such a place.
package final class Scratch: Sendable {
    package let url: URL
    /// With a slash at its end: putting URLs together took a tenth of a fuzzer's time.
    private let path: String

    package init() throws {
        let memory = URL(fileURLWithPath: "/dev/shm")
        let isThere = FileManager.default.isWritableFile(atPath: memory.path)
        url = (isThere ? memory : FileManager.default.temporaryDirectory)
            .appendingPathComponent("adalora-fuzz-\(UUID().uuidString)")
        path = url.path + "/"
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    /// Between the files of an input; JSON cannot hold it.
    static let separator: UInt8 = 0x1E

    /// Writes the parts of an input as files; one that the input does not reach is empty.
    func write(_ bytes: [UInt8], as names: [String]) throws {
        let parts = bytes.split(
            separator: Self.separator, maxSplits: names.count - 1, omittingEmptySubsequences: false)
        for (index, name) in names.enumerated() {
            try write(index < parts.count ? parts[index] : [], to: path + name)
        }
    }

    func remove(_ names: [String]) {
        for name in names { unlink(path + name) }
    }

    private func write(_ bytes: ArraySlice<UInt8>, to path: String) throws {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        defer { close(descriptor) }
        let written = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        try require(written == bytes.count, "\(path) cannot be written")
    }
}
