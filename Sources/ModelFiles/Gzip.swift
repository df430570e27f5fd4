import CZlib

/// Why bytes are not what gzip packed, and what to try where that is not plain.
package struct GzipError: Error, Sendable, Equatable {
    package let problem: String
    package let advice: String?
}

/// Bytes that gzip packs, in memory by zlib, which checks their length and checksum.
package enum Gzip {
    package static let magic: [UInt8] = [0x1F, 0x8B]
    /// 16 beside the largest window: with gzip's header and checksum.
    static let window: Int32 = 15 + 16

    /// The same bytes always become the same.
    package static func packed(_ bytes: [UInt8]) -> [UInt8] {
        var stream = z_stream()
        let size = Int32(MemoryLayout<z_stream>.size)
        // 8 is zlib's own choice of memory. Only memory that runs out can fail here.
        let status = deflateInit2_(
            &stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, size)
        precondition(status == Z_OK, "zlib does not start: \(status)")
        defer { deflateEnd(&stream) }
        var out: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 1 << 16)
        bytes.withUnsafeBufferPointer { input in
            var fed = 0
            var status = Z_OK
            while status != Z_STREAM_END {
                if stream.avail_in == 0, fed < input.count { fed += feed(&stream, input, from: fed) }
                let isLast = fed == input.count
                status = piece.withUnsafeMutableBufferPointer { room in
                    stream.next_out = room.baseAddress
                    stream.avail_out = UInt32(room.count)
                    return deflate(&stream, isLast ? Z_FINISH : Z_NO_FLUSH)
                }
                precondition(
                    status == Z_OK || status == Z_STREAM_END,
                    "zlib does not pack \(bytes.count) bytes: \(status)")
                out += piece[..<(piece.count - Int(stream.avail_out))]
            }
        }
        return out
    }

    /// What was packed, or what there is of it up to a NUL byte or a line that is longer than `longestLine`, where one is
    /// given: whoever reads it refuses that.
    ///
    /// - Parameter limit: a small file could ask for a thousand times its size; more than this many bytes are refused.
    /// - Throws: `GzipError` for damaged or incomplete data, and for too many.
    package static func unpacked(_ packed: [UInt8], limit: Int, longestLine: Int? = nil) throws -> [UInt8] {
        func failure(_ problem: String, _ advice: String? = nil) -> GzipError {
            GzipError(problem: problem, advice: advice)
        }
        var stream = z_stream()
        let size = Int32(MemoryLayout<z_stream>.size)
        guard inflateInit2_(&stream, window, ZLIB_VERSION, size) == Z_OK else {
            throw failure("the gzip data cannot be unpacked", "unpack the file with gzip -d")
        }
        defer { inflateEnd(&stream) }
        var unpacked = Unpacked(limit: limit, longestLine: longestLine)
        try packed.withUnsafeBufferPointer { input in
            var fed = 0
            while true {
                if stream.avail_in == 0, fed < input.count { fed += feed(&stream, input, from: fed) }
                let status = unpacked.take(from: &stream)
                if unpacked.isFaulty { return }
                if unpacked.isTooLarge {
                    throw failure(
                        "the gzip data unpack to far more than a text of their size",
                        "unpack the file with gzip -d if that is right")
                }
                let left = input[(fed - Int(stream.avail_in))...]
                switch status {
                case Z_STREAM_END:
                    // Packed files may follow each other, and tapes end with zeros.
                    if left.allSatisfy({ $0 == 0 }) { return }
                    guard left.starts(with: magic), inflateReset(&stream) == Z_OK else {
                        throw failure("there is something else behind the gzip data")
                    }
                case Z_OK: continue
                case Z_BUF_ERROR where !left.isEmpty: continue
                case Z_BUF_ERROR: throw failure("the gzip data end too early")
                default: throw failure("the gzip data are damaged")
                }
            }
        }
        return unpacked.bytes
    }

    /// - Returns: how many bytes the stream got.
    private static func feed(
        _ stream: inout z_stream, _ input: UnsafeBufferPointer<UInt8>, from start: Int
    ) -> Int {
        let count = min(input.count - start, 1 << 20)
        // zlib does not write there.
        stream.next_in = UnsafeMutablePointer(mutating: input.baseAddress.map { $0 + start })
        stream.avail_in = UInt32(count)
        return count
    }

    private struct Unpacked {
        let limit: Int
        let longestLine: Int?
        private(set) var bytes: [UInt8] = []
        private(set) var isFaulty = false
        private var lineLength = 0
        private var piece = [UInt8](repeating: 0, count: 1 << 16)

        var isTooLarge: Bool { bytes.count > limit }

        init(limit: Int, longestLine: Int?) {
            self.limit = limit
            self.longestLine = longestLine
        }

        /// - Returns: zlib's status.
        mutating func take(from stream: inout z_stream) -> Int32 {
            let status = piece.withUnsafeMutableBufferPointer { room in
                stream.next_out = room.baseAddress
                stream.avail_out = UInt32(room.count)
                return inflate(&stream, Z_NO_FLUSH)
            }
            let made = piece[..<(piece.count - Int(stream.avail_out))]
            bytes += made
            guard let longestLine else { return status }
            if let end = made.lastIndex(of: 0x0A) {
                lineLength = made.count - 1 - end
            } else {
                lineLength += made.count
            }
            isFaulty = made.contains(0) || lineLength > longestLine
            return status
        }
    }
}
