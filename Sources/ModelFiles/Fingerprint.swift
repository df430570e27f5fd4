import Foundation

/// Tells unchanged weights, rows and files from changed ones: in checkpoints, beside adapters, in a run's first record.
package final class Fingerprint {
    package enum Form: Sendable {
        /// SHA-256, 64 digits; of a file what `sha256sum` prints
        case sha256
        /// FNV-1a over 64-bit words, at most 16 digits. Only to be compared with what versions before SHA-256 wrote, and
        /// for ids of trials, which are names of results on the disk.
        case earlier

        /// The form of a recorded text.
        package init(of recorded: String) { self = recorded.utf8.count > 16 ? .sha256 : .earlier }
    }

    private let sha256: SHA256Digest?
    private var hash: UInt64 = 0xCBF2_9CE4_8422_2325

    package init(_ form: Form = .sha256) { sha256 = form == .sha256 ? SHA256Digest() : nil }

    /// Bytes with their count, so that borders between parts count.
    package func add(_ bytes: UnsafeRawBufferPointer) {
        addPart(bytes)
        end(count: bytes.count)
    }

    /// Ends the fingerprint: nothing may be added after it.
    package func text() -> String { sha256?.hexadecimal() ?? String(hash, radix: 16) }

    package static func of(file: URL, _ form: Form = .sha256) throws -> String {
        if form == .sha256 { return try FileDigest(file).sha256 }
        let fingerprint = Fingerprint(.earlier)
        try Data(contentsOf: file, options: .mappedIfSafe).withUnsafeBytes { fingerprint.add($0) }
        return fingerprint.text()
    }

    /// A part of something larger; every part but the last holds whole words of 8 bytes.
    package func addPart(_ bytes: UnsafeRawBufferPointer) {
        if let sha256 { return sha256.update(bytes) }
        let words = bytes.count / 8
        for word in 0..<words { mix(bytes.loadUnaligned(fromByteOffset: word * 8, as: UInt64.self)) }
        for index in (words * 8)..<bytes.count { mix(UInt64(bytes[index])) }
    }

    /// - Parameter count: bytes of all parts together.
    package func end(count: Int) {
        guard let sha256 else { return mix(UInt64(count)) }
        withUnsafeBytes(of: UInt64(count).littleEndian) { sha256.update($0) }
    }

    private func mix(_ value: UInt64) {
        // The shift carries high bits down, which a multiplication alone never does.
        hash = (hash ^ value) &* 0x0000_0100_0000_01B3
        hash ^= hash >> 32
    }
}
