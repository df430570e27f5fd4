import Dispatch
import Experiments
import Foundation
import Glibc
import Synchronization

/// SIGINT or SIGTERM asks for an end at the next good place; a second one ends at once.
final class Interruption: Sendable {
    /// The signal that came, 0 for none.
    private let received = Mutex<Int32>(0)
    private nonisolated(unsafe) var sources: [any DispatchSourceSignal] = []
    private let parent: pid_t?

    /// The signal that came, or SIGTERM for a parent that is gone: 0 for neither.
    var signal: Int32 {
        let signal = received.withLock { $0 }
        return signal == 0 && parent.map { $0 != getppid() } ?? false ? SIGTERM : signal
    }
    var isRequested: Bool { signal != 0 }

    /// - Parameter notice: what a person reads after the first signal.
    init(notice: String) {
        parent = ProcessInfo.processInfo.environment[TrainProcess.parentVariable].flatMap { pid_t($0) }
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
