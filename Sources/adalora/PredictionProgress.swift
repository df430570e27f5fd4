import Foundation
import Messages
import ModelFiles
import Runs
import Synchronization

/// How far a prediction is, on standard error where that is a terminal that shows no answers: one line that renews itself.
final class PredictionProgress: Sendable {
    private struct State {
        /// Before the rows at work
        var rows = 0
        var bytes = 0
        var batch = 0
        var batchEnd = 0
        var shown: ContinuousClock.Instant?
        var isOpen = false
    }

    private let state = Mutex(State())
    private let clock = ContinuousClock()
    private let begun: ContinuousClock.Instant
    private let isShown: Bool
    private nonisolated(unsafe) let input: ByteStream

    init(_ input: ByteStream) {
        self.input = input
        begun = clock.now
        isShown = Terminal.isTerminal(STDERR_FILENO) && !Terminal.isTerminal(STDOUT_FILENO)
    }

    /// The next rows, of the thread that reads them.
    func begin(_ rows: Int) {
        let position = input.position
        state.withLock { state in
            state.rows += state.batch
            state.bytes = state.batchEnd
            state.batch = rows
            state.batchEnd = position
        }
    }

    /// The part of them that is done, from any thread.
    func share(_ share: Double) {
        guard isShown else { return }
        state.withLock { state in
            let now = clock.now
            if let shown = state.shown, now - shown < .milliseconds(100), share < 1 { return }
            state.shown = now
            let seconds = (now - begun).seconds
            let rows = state.rows + Int(Double(state.batch) * share)
            var text = Figures.counted(rows, "row")
            let rate = seconds > 0 ? Double(rows) / seconds : 0
            text += "  \(rate < 10 ? Figures.fixed(rate, 1) : Figures.grouped(Int(rate))) rows/s"
            let bytes = Double(state.bytes) + Double(state.batchEnd - state.bytes) * share
            if let size = input.size, bytes > 0 {
                let left = seconds * max(0, Double(size) - bytes) / bytes
                text += "  \(Figures.percent(min(1, bytes / Double(size))))  ETA \(Figures.clockTime(left))"
            }
            Terminal.write("\r\u{1B}[K" + text, to: .standardError)
            state.isOpen = true
        }
    }

    /// A line of its own.
    func error(_ text: String) {
        end()
        Terminal.error(text)
    }

    /// Leaves the line as it is and begins a new one.
    func end() {
        state.withLock { state in
            if state.isOpen { Terminal.write("\n", to: .standardError) }
            state.isOpen = false
        }
    }
}
