import Foundation

/// A file's bytes, mapped read-only and private; unmapped when the last reference goes.
///
/// Another process that truncates the file while it is mapped makes a later read fault. Our own writers never
/// do that: they replace files by renaming.
final class FileMapping: @unchecked Sendable {
    // Unchecked because of the raw pointer only: the memory is never written, and lives as long as `self`.

    let path: String
    let bytes: UnsafeRawBufferPointer

    /// Throws when the file is missing, not a regular file, unreadable, or larger than `byteLimit`.
    init(_ url: URL, byteLimit: Int = Int.max) throws {
        path = url.path
        let file = try RegularFile(path, byteLimit: byteLimit)
        defer { close(file.descriptor) }
        guard file.size > 0 else {  // mmap refuses a length of 0
            bytes = UnsafeRawBufferPointer(start: nil, count: 0)
            return
        }
        guard let start = mmap(nil, file.size, PROT_READ, MAP_PRIVATE, file.descriptor, 0),
            start != MAP_FAILED
        else { throw ModelFileError.system("map", path, errno: errno, writing: false) }
        bytes = UnsafeRawBufferPointer(start: start, count: file.size)
    }

    /// Whole pages of these bytes leave memory until they are read again. The mapping is never written, so that the
    /// file has all that they hold.
    func releasePages(of range: Range<Int>) {
        let page = Int(getpagesize())
        let first = (range.lowerBound + page - 1) / page * page
        let end = range.upperBound / page * page
        guard end > first, let start = bytes.baseAddress else { return }
        // Advice only: a system that does not take it keeps the pages.
        _ = madvise(UnsafeMutableRawPointer(mutating: start + first), end - first, MADV_DONTNEED)
    }

    deinit {
        if let start = bytes.baseAddress {
            munmap(UnsafeMutableRawPointer(mutating: start), bytes.count)
        }
    }
}

/// An open file that is one: no folder, device or pipe, which may have no end. Whoever opens it closes `descriptor`.
struct RegularFile {
    let descriptor: Int32
    let size: Int

    /// Throws when the file is missing, not a regular file, unreadable, or larger than `byteLimit`.
    init(_ path: String, byteLimit: Int) throws {
        // Opening a pipe would wait for its other end.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            throw ModelFileError.system("open", path, errno: errno, writing: false)
        }
        do {
            size = try Self.size(descriptor, path, byteLimit: byteLimit)
        } catch {
            close(descriptor)
            throw error
        }
        self.descriptor = descriptor
    }

    private static func size(_ descriptor: Int32, _ path: String, byteLimit: Int) throws -> Int {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            throw ModelFileError.system("read", path, errno: errno, writing: false)
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            let what = status.st_mode & S_IFMT == S_IFDIR ? "a folder" : "not a regular file"
            throw ModelFileError(file: path, problem: "this is \(what)", advice: "give the path of a file")
        }
        let size = Int(status.st_size)
        guard size <= byteLimit else {
            throw ModelFileError(
                file: path, problem: "the file has \(size) bytes, the limit is \(byteLimit)",
                advice: "check that this is the right file")
        }
        return size
    }
}

/// A whole file in memory, once: for texts that someone may edit while they are read, which a mapping does not bear.
package enum FileBytes {
    /// The first `count` bytes, or all where there are fewer. Throws `ModelFileError` as `read`.
    package static func start(_ url: URL, count: Int) throws -> [UInt8] {
        let file = try RegularFile(url.path, byteLimit: Int.max)
        defer { close(file.descriptor) }
        return try bytes(of: file, count: min(count, file.size), path: url.path)
    }

    /// Throws `ModelFileError` as `FileMapping` does.
    package static func read(_ url: URL, byteLimit: Int = Int.max) throws -> [UInt8] {
        let file = try RegularFile(url.path, byteLimit: byteLimit)
        defer { close(file.descriptor) }
        return try bytes(of: file, count: file.size, path: url.path)
    }

    private static func bytes(of file: RegularFile, count wanted: Int, path: String) throws -> [UInt8] {
        var failure: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: wanted) { buffer, count in
            while count < wanted, let start = buffer.baseAddress {
                let got = Glibc.read(file.descriptor, start + count, wanted - count)
                if got < 0 && errno == EINTR { continue }
                if got < 0 { failure = errno }
                if got <= 0 { return }
                count += got
            }
        }
        guard failure == 0 else {
            throw ModelFileError.system("read", path, errno: failure, writing: false)
        }
        return bytes
    }
}
