import Dispatch
import Synchronization

/// What another thread computes in the meantime.
final class Pending<Value: Sendable>: Sendable {
    private let group = DispatchGroup()
    private let found = Mutex<Value?>(nil)

    init(_ compute: @escaping @Sendable () -> Value) {
        DispatchQueue.global().async(group: group) { [self] in
            let value = compute()
            found.withLock { $0 = value }
        }
    }

    /// - Returns: when it is there.
    func wait() -> Value {
        group.wait()
        guard let value = found.withLock({ $0 }) else { preconditionFailure("nothing was computed") }
        return value
    }
}
