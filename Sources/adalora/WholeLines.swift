import Dispatch
import Foundation
import Synchronization

/// Standard output in whole lines, also where a signal ends the program: what was begun is written first.
final class WholeLines: Sendable {
    private let turn = Mutex(())
    private nonisolated(unsafe) var sources: [any DispatchSourceSignal] = []
    /// In tenths of a second: whoever reads the other end may have stopped.
    private static let patience = 5

    init(_ progress: PredictionProgress) {
        // A reader that went away ends the program without a word, whatever its parent ignores.
        signal(SIGPIPE, SIG_DFL)
        // Of its own, for the workers may have all threads of the shared ones.
        let queue = DispatchQueue(label: "signals")
        for number in [SIGINT, SIGTERM] {
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler { [self] in
                for _ in 0..<Self.patience {
                    let isDone: Void? = turn.withLockIfAvailable { _ in
                        progress.end()
                        Self.die(of: number)
                    }
                    if isDone != nil { return }
                    usleep(100_000)
                }
                Self.die(of: number)
            }
            source.resume()
            sources.append(source)
        }
    }

    /// As the shell is to see it.
    private static func die(of number: Int32) {
        signal(number, SIG_DFL)
        kill(getpid(), number)
        // The signal comes to another thread.
        sleep(1)
        exit(128 + number)
    }

    func write(_ lines: String) {
        if lines.isEmpty { return }
        turn.withLock { _ in Terminal.write(lines, to: .standardOutput) }
    }
}
