import Foundation
import Synchronization

/// A log that only grows at its end. Safe to use from several threads.
package final class AppendFile: Sendable {
    private struct State: ~Copyable {
        let file: OutputFile
        var byteOffset: Int
        var isClosed = false
    }

    package let url: URL
    private let state: Mutex<State>

    /// Opens or creates the file. With `truncatingTo`, first cuts it to that many bytes, as a resumed run
    /// does with the events after its checkpoint. Throws when the file is shorter than that.
    package init(_ url: URL, truncatingTo offset: Int? = nil) throws {
        precondition(offset ?? 0 >= 0, "cannot truncate to \(offset ?? 0) bytes")
        let file = try OutputFile(url.path, flags: O_CREAT | O_APPEND)
        // A checkpoint that survives a power failure needs the logs that it counts on.
        try OutputFile.sync(path: url.deletingLastPathComponent().path)
        var size = try file.size()
        if let offset {
            guard offset <= size else {
                throw ModelFileError(
                    file: url.path, problem: "the file has \(size) bytes, \(offset) were expected",
                    advice: "the log was cut or replaced since: restore it or start a new run")
            }
            try file.truncate(to: offset)
            size = offset
        }
        self.url = url
        state = Mutex(State(file: file, byteOffset: size))
    }

    /// Bytes in the file: where the next append goes.
    package var byteOffset: Int { state.withLock { $0.byteOffset } }

    /// Appends all of the bytes. When that fails, what was written of them is cut off again. Appending to a
    /// closed file is a programmer error.
    package func append(_ data: Data) throws {
        try state.withLock { state in
            precondition(!state.isClosed, "\(url.path) is closed, cannot append \(data.count) bytes")
            do {
                try data.withUnsafeBytes { try state.file.write($0) }
            } catch {
                try? state.file.truncate(to: state.byteOffset)  // no half line; a device has nothing to cut
                throw error
            }
            state.byteOffset += data.count
        }
    }

    /// Appends the UTF-8 bytes of a text.
    package func append(_ text: String) throws { try append(Data(text.utf8)) }

    /// Waits until the disk has everything appended so far.
    package func sync() throws {
        try state.withLock { if !$0.isClosed { try $0.file.sync() } }
    }

    /// Closes the file; later calls do nothing.
    package func close() throws {
        try state.withLock {
            $0.isClosed = true
            try $0.file.close()
        }
    }
}
