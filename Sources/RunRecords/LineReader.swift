import Foundation

/// Lines of a text file, with the torn end of a file that is being written told apart.
struct LineReader {
    /// A bound on memory, far above what a run writes.
    static let byteLimit = 1 << 30

    let file: URL
    private let data: Data

    /// Returns nil when the file does not exist.
    ///
    /// - Parameter offset: bytes to pass over, to the start of a line; lines are counted from there.
    init?(_ file: URL, from offset: Int = 0) throws {
        self.file = file
        guard FileManager.default.fileExists(atPath: file.path) else { return nil }
        do {
            let size = try FileManager.default.attributesOfItem(atPath: file.path)[.size] as? Int ?? 0
            guard size <= Self.byteLimit else {
                throw RecordError(
                    place: file.path, problem: "the file has \(size) bytes, the limit is \(Self.byteLimit)",
                    advice: "check that this is a run folder")
            }
            data = try Data(contentsOf: file).dropFirst(offset)
        } catch let error as RecordError {
            throw error
        } catch {
            throw RecordError(
                kind: .unreadable, place: file.path, problem: "the file cannot be read",
                advice: "check that it is a file, and its permissions")
        }
    }

    /// Passes each line with its number from 1 and without its end; `isTorn` for a last line without one.
    func read(_ body: (_ bytes: UnsafeRawBufferPointer, _ line: Int, _ isTorn: Bool) throws -> Void) throws {
        try data.withUnsafeBytes { (bytes: UnsafeRawBufferPointer) in
            var from = 0
            var line = 1
            while from < bytes.count, let base = bytes.baseAddress {
                let found = memchr(base + from, 0x0A, bytes.count - from)
                let end = found.map { base.distance(to: UnsafeRawPointer($0)) } ?? bytes.count
                try body(UnsafeRawBufferPointer(rebasing: bytes[from..<end]), line, found == nil)
                from = end + 1
                line += 1
            }
        }
    }
}
