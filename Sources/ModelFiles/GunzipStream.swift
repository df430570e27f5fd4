import CZlib

/// Unpacks what gzip packed as it comes, one packed file after the other.
final class GunzipStream {
    // zlib knows a stream by its address.
    private let stream: UnsafeMutablePointer<z_stream>
    private var room = [UInt8](repeating: 0, count: 1 << 16)
    /// The last packed file ended, and none began since.
    private var isBetween = false

    /// - Throws: `GzipError` where zlib has no memory.
    init() throws {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        guard inflateInit2_(stream, Gzip.window, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
        else {
            stream.deallocate()
            throw GzipError(
                problem: "the gzip data cannot be unpacked", advice: "unpack the file with gzip -d")
        }
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    /// What these bytes hold, which may be nothing yet.
    ///
    /// - Throws: `GzipError` for damaged data.
    func unpack(_ packed: [UInt8]) throws -> [UInt8] {
        var text: [UInt8] = []
        try packed.withUnsafeBufferPointer { input in
            // zlib does not write there.
            stream.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
            stream.pointee.avail_in = UInt32(input.count)
            while true {
                if isBetween, try !beginsNext(input) { return }
                let status = room.withUnsafeMutableBufferPointer { room in
                    stream.pointee.next_out = room.baseAddress
                    stream.pointee.avail_out = UInt32(room.count)
                    return inflate(stream, Z_NO_FLUSH)
                }
                text += room[..<(room.count - Int(stream.pointee.avail_out))]
                switch status {
                case Z_STREAM_END: isBetween = true
                case Z_OK where stream.pointee.avail_in > 0 || stream.pointee.avail_out == 0: continue
                case Z_OK, Z_BUF_ERROR: return
                default: throw GzipError(problem: "the gzip data are damaged", advice: nil)
                }
            }
        }
        return text
    }

    /// Packed files may follow each other, and tapes end with zeros. False where the piece of input has no more.
    private func beginsNext(_ input: UnsafeBufferPointer<UInt8>) throws -> Bool {
        let left = input[(input.count - Int(stream.pointee.avail_in))...]
        guard let first = left.first(where: { $0 != 0 }) else { return false }
        guard left.first == first, first == Gzip.magic[0], inflateReset(stream) == Z_OK else {
            throw GzipError(problem: "there is something else behind the gzip data", advice: nil)
        }
        isBetween = false
        return true
    }

    /// - Throws: `GzipError` where there should be more.
    func end() throws {
        guard isBetween else { throw GzipError(problem: "the gzip data end too early", advice: nil) }
    }
}
