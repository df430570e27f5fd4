import Synchronization

/// Which keys of a file somebody asked for. Shared by the copies of what reads it, so that reads through any of them count.
package final class KeysRead: Sendable {
    private let keys = Mutex<Set<String>>([])

    package init() {}

    package func insert(_ key: String) { keys.withLock { _ = $0.insert(key) } }

    package var all: Set<String> { keys.withLock { $0 } }
}
