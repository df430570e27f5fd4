import CZlib

/// Text that gzip packed, unpacked in memory by zlib, which checks its length and checksum.
enum Gunzip {
    static let magic: [UInt8] = [0x1F, 0x8B]

    /// A small file could ask for a thousand times its size; texts of any use stay below this.
    private static func limit(packed: Int) -> Int { (64 << 20) + 64 * packed }

    /// The text, or what there is of it up to a NUL byte or a line that is too long: whoever reads it refuses that.
    ///
    /// - Throws: `DataError` for damaged or incomplete data, and for more text than such a file could have.
    static func text(of packed: [UInt8], name: String, longestLine: Int) throws -> [UInt8] {
        func failure(_ problem: String, _ advice: String = "make or download it again") -> DataError {
            DataError(file: name, problem: problem, advice: advice)
        }
        var stream = z_stream()
        // 16 beside the largest window: with gzip's header and checksum.
        let size = Int32(MemoryLayout<z_stream>.size)
        guard inflateInit2_(&stream, 15 + 16, ZLIB_VERSION, size) == Z_OK else {
            throw failure("the gzip data cannot be unpacked", "unpack the file with gzip -d")
        }
        defer { inflateEnd(&stream) }
        var unpacked = Unpacked(limit: limit(packed: packed.count), longestLine: longestLine)
        try packed.withUnsafeBufferPointer { input in
            var fed = 0
            while true {
                if stream.avail_in == 0, fed < input.count {
                    let count = min(input.count - fed, 1 << 20)
                    // zlib does not write there.
                    stream.next_in = UnsafeMutablePointer(mutating: input.baseAddress.map { $0 + fed })
                    stream.avail_in = UInt32(count)
                    fed += count
                }
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

    private struct Unpacked {
        let limit: Int
        let longestLine: Int
        private(set) var bytes: [UInt8] = []
        private(set) var isFaulty = false
        private var lineLength = 0
        private var piece = [UInt8](repeating: 0, count: 1 << 16)

        var isTooLarge: Bool { bytes.count > limit }

        init(limit: Int, longestLine: Int) {
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
