import Foundation
import Glibc

/// Keeps two processes from writing into one folder, until it is released or the process ends, however it ends.
///
/// An advisory lock on the folder itself (`flock`), so it leaves no file behind.
package final class FolderLock: Sendable {
    private let descriptor: Int32

    /// - Parameter seconds: how long to wait for another process to let go.
    /// - Throws: `ModelFileError` if the folder cannot be opened, or is still in use.
    package init(_ folder: URL, waiting seconds: Double = 0) throws {
        descriptor = open(folder.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw ModelFileError(
                kind: .unwritable, file: folder.path, problem: String(cString: strerror(errno)),
                advice: "check the path and its permissions")
        }
        let deadline = ContinuousClock.now + .seconds(seconds)
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            // Some network file systems have no locks: no reason to refuse to work there.
            guard errno == EWOULDBLOCK || errno == EINTR else { return }
            guard ContinuousClock.now < deadline else {
                throw ModelFileError(
                    kind: .inUse, file: folder.path, problem: "in use by another adalora process",
                    advice: "wait until it ends, or give another folder")
            }
            usleep(100_000)
        }
    }

    /// Also of a lock that could not be taken. Closed twice, the number might by then be that of a file of another thread.
    deinit { if descriptor >= 0 { close(descriptor) } }
}
