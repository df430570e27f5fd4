import Foundation

/// Bytes of a file, a pipe or a terminal as they come, once. What gzip packed is unpacked on the way.
package final class ByteStream {
    /// For messages
    package let name: String
    /// Of a regular file, packed as it may be; nil where nobody knows before the end.
    package let size: Int?
    /// Bytes read so far, packed as they may be.
    package private(set) var position = 0
    private let descriptor: Int32
    private let isOwned: Bool
    private var isAtStart = true
    private var gunzip: GunzipStream?
    /// So little of a packed file makes no more than some megabytes of text.
    private static let pieceSize = 1 << 14

    package static let standardInputName = "standard input"

    /// Standard input, which stays open.
    package convenience init() {
        self.init(descriptor: STDIN_FILENO, name: Self.standardInputName, isOwned: false)
    }

    /// - Throws: `ModelFileError` where there is nothing to read.
    package convenience init(_ url: URL) throws {
        // A pipe waits here for its other end.
        let descriptor = open(url.path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw ModelFileError.system("open", url.relativePath, errno: errno, writing: false)
        }
        self.init(descriptor: descriptor, name: url.relativePath, isOwned: true)
    }

    private init(descriptor: Int32, name: String, isOwned: Bool) {
        (self.descriptor, self.name, self.isOwned) = (descriptor, name, isOwned)
        var status = stat()
        let isRegular = fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
        size = isRegular ? Int(status.st_size) : nil
    }

    deinit { if isOwned { close(descriptor) } }

    /// Whether `read` gives something, or the end, without waiting.
    package var isReady: Bool { wait(milliseconds: 0) }

    private func wait(milliseconds: Int32) -> Bool {
        var request = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&request, 1, milliseconds) > 0
    }

    /// The next bytes, at least one of them; none at the end. Waits for them.
    ///
    /// - Throws: `ModelFileError` for what cannot be read, `GzipError` for damaged gzip data.
    package func read() throws -> [UInt8] {
        while true {
            var bytes = try readPiece()
            if isAtStart {
                // Two bytes tell, and a pipe may give one.
                while bytes.count == 1, bytes.starts(with: Gzip.magic.prefix(1)) {
                    let more = try readPiece()
                    if more.isEmpty { break }
                    bytes += more
                }
                if bytes.starts(with: Gzip.magic) { gunzip = try GunzipStream() }
                isAtStart = false
            }
            guard let gunzip else { return bytes }
            if bytes.isEmpty {
                try gunzip.end()
                return []
            }
            let text = try gunzip.unpack(bytes)
            if !text.isEmpty { return text }
        }
    }

    private func readPiece() throws -> [UInt8] {
        var failure: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: Self.pieceSize) { buffer, count in
            while true {
                let got = Glibc.read(descriptor, buffer.baseAddress, Self.pieceSize)
                if got < 0 && errno == EINTR { continue }
                // Whoever gave this descriptor made it one that does not wait.
                if got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) {
                    _ = wait(milliseconds: -1)
                    continue
                }
                failure = got < 0 ? errno : 0
                count = max(0, got)
                return
            }
        }
        guard failure == 0 else { throw ModelFileError.system("read", name, errno: failure, writing: false) }
        position += bytes.count
        return bytes
    }
}
