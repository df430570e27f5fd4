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
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw ModelFileError.system("open", path, errno: errno, writing: false)
        }
        defer { close(descriptor) }
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
        guard size > 0 else {  // mmap refuses a length of 0
            bytes = UnsafeRawBufferPointer(start: nil, count: 0)
            return
        }
        guard let start = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0), start != MAP_FAILED else {
            throw ModelFileError.system("map", path, errno: errno, writing: false)
        }
        bytes = UnsafeRawBufferPointer(start: start, count: size)
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
