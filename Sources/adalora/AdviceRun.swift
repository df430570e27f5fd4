import Advice
import Foundation
import Glibc
import Messages
import RankProbe
import RunConfiguration
import Runs

/// Asks for advice and shows on standard error how far it is.
enum AdviceRun {
    static func advised(_ request: AdviceRequest) throws -> Advised {
        let display = AdviceProgress()
        let advised = try AdviceSession(request) { display.show($0) }.run()
        display.close()
        return advised
    }
}

/// The probe on standard error: one line that renews itself on a terminal, a line a part elsewhere.
final class AdviceProgress {
    private let isTerminal = Terminal.isTerminal(STDERR_FILENO)
    private var part = ""
    private var isOpen = false
    private var shown: ContinuousClock.Instant?

    func show(_ event: AdviceSession.Event) {
        switch event {
        case .note(let text): line(text)
        case .warning(let text): line("warning: \(text)")
        case .probing(let plan):
            line(
                "probe: about \(Figures.clockTime(plan.seconds)) at an assumed "
                    + "\(Int(ProbePlan.assumedRate / 1e9)) GFLOP/s, up to rank \(plan.wideRank)")
            if !plan.leftOut.isEmpty {
                line(
                    "left out, as they do not fit: "
                        + plan.leftOut.map(\.rawValue).joined(separator: ", "))
            }
        case .progress(let part, let share, let left): progress(part, share, left)
        }
    }

    private func progress(_ part: String, _ share: Double, _ left: Double?) {
        guard isTerminal else {
            if part != self.part { line("probe: \(part), \(Int(100 * share)) % done") }
            self.part = part
            return
        }
        let now = ContinuousClock.now
        if let shown, now - shown < .milliseconds(100) { return }
        shown = now
        let fields: [FittedLine.Field] =
            [.init("probe \(Int(100 * share)) %", worth: 3), .init(part, worth: 1)]
            + (left.map { [.init("ETA \(Figures.clockTime($0))", worth: 2)] } ?? [])
        let text = FittedLine.text(fields, width: Terminal.width(of: STDERR_FILENO) - 1)
        Terminal.write("\r\u{1B}[K" + text, to: .standardError)
        isOpen = true
    }

    private func line(_ text: String) {
        close()
        Terminal.error(text)
    }

    func close() {
        if isOpen { Terminal.write("\r\u{1B}[K", to: .standardError) }
        isOpen = false
    }
}
