import Dispatch
import Foundation
import Glibc
import Synchronization

/// SIGINT or SIGTERM asks for an end at the next good place; a second one ends at once.
final class Interruption: Sendable {
    /// The signal that came, 0 for none.
    private let received = Mutex<Int32>(0)
    private nonisolated(unsafe) var sources: [any DispatchSourceSignal] = []

    var signal: Int32 { received.withLock { $0 } }
    var isRequested: Bool { signal != 0 }

    /// - Parameter notice: what a person reads after the first signal.
    init(notice: String) {
        for number in [SIGINT, SIGTERM] {
            Glibc.signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { [self] in
                let earlier = received.withLock { value in
                    defer { value = number }
                    return value
                }
                if earlier != 0 { exit(128 + number) }
                Terminal.error("\n\(notice); again to end at once")
            }
            source.resume()
            sources.append(source)
        }
    }
}
