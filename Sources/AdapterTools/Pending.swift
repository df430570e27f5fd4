import Dispatch
import Synchronization

/// What another thread computes in the meantime, or nobody before it is asked for.
final class Pending<Value: Sendable>: Sendable {
    private let group = DispatchGroup()
    private let found = Mutex<Value?>(nil)
    private let compute: @Sendable () -> Value

    /// - Parameter now: whether another thread begins at once.
    init(now: Bool, _ compute: @escaping @Sendable () -> Value) {
        self.compute = compute
        guard now else { return }
        DispatchQueue.global().async(group: group) { [self] in
            let value = compute()
            found.withLock { $0 = value }
        }
    }

    /// - Returns: when it is there.
    func wait() -> Value {
        group.wait()
        return found.withLock { found in
            let value = found ?? compute()
            found = value
            return value
        }
    }
}
