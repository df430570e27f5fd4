import Foundation

/// A file descriptor open for writing, closed when the last reference goes.
final class OutputFile {
    let path: String
    private var descriptor: Int32

    /// `flags` are those of open(2), besides O_WRONLY and O_CLOEXEC. New files get mode 0666 less the umask.
    init(_ path: String, flags: Int32) throws {
        self.path = path
        descriptor = open(path, O_WRONLY | O_CLOEXEC | flags, 0o666)
        guard descriptor >= 0 else {
            throw ModelFileError.system("open", path, errno: errno, writing: true)
        }
    }

    deinit {
        if descriptor >= 0 { Glibc.close(descriptor) }
    }

    /// Writes every byte, through short writes and interrupts.
    func write(_ bytes: UnsafeRawBufferPointer) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let written = Glibc.write(
                descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
            if written < 0 {
                if errno == EINTR { continue }
                throw ModelFileError.system("write", path, errno: errno, writing: true)
            }
            rest = rest.dropFirst(written)
        }
    }

    /// The current size in bytes; 0 for a device.
    func size() throws -> Int {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            throw ModelFileError.system("read the size of", path, errno: errno, writing: true)
        }
        return Int(status.st_size)
    }

    func truncate(to size: Int) throws {
        guard ftruncate(descriptor, off_t(size)) == 0 else {
            throw ModelFileError.system("truncate", path, errno: errno, writing: true)
        }
    }

    /// Waits until the disk has the content.
    func sync() throws { try OutputFile.sync(descriptor, path) }

    /// Closes and reports errors that the system kept until now. Later calls do nothing.
    func close() throws {
        guard descriptor >= 0 else { return }
        let closing = descriptor
        descriptor = -1
        // After EINTR Linux has closed the descriptor all the same.
        guard Glibc.close(closing) == 0 || errno == EINTR else {
            throw ModelFileError.system("close", path, errno: errno, writing: true)
        }
    }

    /// Syncs a file or folder that is not open.
    static func sync(path: String) throws {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw ModelFileError.system("sync", path, errno: errno, writing: true)
        }
        defer { Glibc.close(descriptor) }
        try sync(descriptor, path)
    }

    private static func sync(_ descriptor: Int32, _ path: String) throws {
        while fsync(descriptor) != 0 {
            if errno == EINTR { continue }
            // Devices, pipes and the folders of some network file systems cannot be synced; nothing is lost
            // there.
            if errno == EINVAL || errno == EROFS { return }
            throw ModelFileError.system("sync", path, errno: errno, writing: true)
        }
    }
}
