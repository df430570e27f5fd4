import Dispatch
import Experiments
import Foundation
import Glibc
import Synchronization

/// SIGINT, SIGTERM or SIGUSR1 asks for an end at the next good place; a second one ends at once.
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

    private static let isContinued = Atomic(false)
    /// Whether the launcher of several processes may be about to end them: it first continues those that are stopped, and a while later
    /// tells them to end.
    var mayCome: Bool { isRequested || Self.isContinued.load(ordering: .relaxed) }

    static func watchLauncher() {
        Glibc.signal(SIGCONT) { _ in Interruption.isContinued.store(true, ordering: .relaxed) }
    }

    /// - Parameter notice: what a person reads after the first signal.
    init(notice: String) {
        parent = ProcessInfo.processInfo.environment[TrainProcess.parentVariable].flatMap { pid_t($0) }
        // The third is what schedulers of clusters send some time before they kill, and what mpirun hands on.
        for number in [SIGINT, SIGTERM, SIGUSR1] {
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
