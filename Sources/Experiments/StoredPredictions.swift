import Foundation
import ModelFiles

/// What the trials of a comparison predicted on the test rows, as it lies on the disk.
///
/// A trial leaves a file of its own, `predictions/ID.txt`. When a comparison ends, all are put into `predictions.gz`: for
/// each a line `ID COUNT`, then that many lines. A file of its own is newer than what is packed under the same id.
package struct StoredPredictions: Sendable {
    /// The lines of one trial.
    private struct Text: Sendable {
        let bytes: ArraySlice<UInt8>
        /// What messages call line 1 and those below it.
        let place: @Sendable (_ line: Int) -> String
    }

    /// More than this many bytes are not unpacked, nor packed.
    private static let limit = 1 << 30

    private let texts: [String: Text]

    init(_ store: ResultStore) throws {
        // Loose ones first: none is deleted before it is packed, so that each is found in one place or the other, also
        // while another process packs.
        var texts: [String: Text] = [:]
        for id in store.loosePredictions {
            let file = store.predictionsFile(id)
            guard let data = try? Data(contentsOf: file) else {
                if !FileManager.default.fileExists(atPath: file.path) { continue }
                throw ComparisonError("\(file.path): cannot be read; check its permissions")
            }
            texts[id] = Text(bytes: ArraySlice(Array(data))) { "\(file.path):\($0)" }
        }
        self.texts = texts.merging(try Self.packed(store.packedPredictions)) { loose, _ in loose }
    }

    /// nil when there are none.
    ///
    /// - Throws: `ComparisonError` naming the line that is neither a class index nor a score.
    package func of(_ id: String) throws -> Predictions? {
        try texts[id].map { try Predictions(lines: $0.bytes, place: $0.place) }
    }

    /// All texts as one, for `predictions.gz`, after a look at each; nil where they are too many to be unpacked again.
    func packed() throws -> [UInt8]? {
        var bytes: [UInt8] = []
        for (id, text) in texts.sorted(by: { $0.key < $1.key }) {
            _ = try of(id)
            let isWhole = text.bytes.isEmpty || text.bytes.last == UInt8(ascii: "\n")
            let count = text.bytes.count { $0 == UInt8(ascii: "\n") } + (isWhole ? 0 : 1)
            bytes += Array("\(id) \(count)\n".utf8) + text.bytes
            if !isWhole { bytes.append(UInt8(ascii: "\n")) }
        }
        return bytes.count <= Self.limit ? Gzip.packed(bytes) : nil
    }

    private static func packed(_ file: URL) throws -> [String: Text] {
        guard FileManager.default.fileExists(atPath: file.path) else { return [:] }
        let advice =
            "restore it, or delete it: intervals are then over seeds alone, until the runs are made again"
        let bytes: [UInt8]
        do {
            bytes = try Gzip.unpacked(Array(try Data(contentsOf: file)), limit: limit)
        } catch let error as GzipError {
            throw ComparisonError("\(file.path): \(error.problem); \(advice)")
        }
        var texts: [String: Text] = [:]
        var lines = LineCursor(bytes)
        while let head = lines.next() {
            let words = head.split(separator: UInt8(ascii: " ")).map { String(decoding: $0, as: UTF8.self) }
            guard words.count == 2, ResultStore.isID(words[0]), let count = Int(words[1]),
                let text = lines.next(count), texts[words[0]] == nil
            else {
                throw ComparisonError(
                    "\(file.path): \(quoted(String(decoding: head, as: UTF8.self))) does not "
                        + "begin the lines of a trial; \(advice)")
            }
            let id = words[0]
            texts[id] = Text(bytes: text) { "\(file.path), \(id), line \($0)" }
        }
        return texts
    }
}

/// Lines, or several of them, from bytes that end with a line break.
private struct LineCursor {
    private var left: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { left = bytes[...] }

    /// The next line without its break; nil at the end.
    mutating func next() -> ArraySlice<UInt8>? {
        guard !left.isEmpty else { return nil }
        let line = left.prefix { $0 != UInt8(ascii: "\n") }
        left = left.dropFirst(line.count + 1)
        return line
    }

    /// The next `count` lines with their breaks; nil where there are fewer.
    mutating func next(_ count: Int) -> ArraySlice<UInt8>? {
        guard count >= 0 else { return nil }
        var end = left.startIndex
        for _ in 0..<count {
            guard let at = left[end...].firstIndex(of: UInt8(ascii: "\n")) else { return nil }
            end = at + 1
        }
        defer { left = left[end...] }
        return left[..<end]
    }
}
