import Experiments
import Foundation
import Messages

/// Shows on standard error the runs that a command makes one after the other: on a terminal one line that renews itself,
/// and stays when its run ends; elsewhere a line a run, and for long ones a line now and then.
final class RunsDisplay {
    private let isTerminal = Terminal.isTerminal(STDERR_FILENO)
    /// `[3/28] `
    private var place = ""
    /// As people read it.
    private var name = ""
    /// As the folder is called.
    private var id = ""
    private var lineIsOpen = false
    private let clock = ContinuousClock()
    private var shown: ContinuousClock.Instant

    init() { shown = clock.now }

    /// Between two pictures of one run.
    var every: Duration { isTerminal ? .milliseconds(250) : .seconds(30) }

    func begin(_ number: Int, of total: Int, name: String, id: String) {
        place = "[\(number)/\(total)] "
        self.name = oneLine(name)
        self.id = id
        shown = clock.now
        if isTerminal {
            renew([title])
        } else {
            Terminal.write("\(place)\(id) … ", to: .standardError)
            lineIsOpen = true
        }
    }

    /// - Parameter secondsLeft: until all runs have ended; nil where nothing tells yet.
    func show(_ progress: RunProgress, secondsLeft: Double?) {
        let fields = Self.fields(progress, secondsLeft: secondsLeft)
        guard !isTerminal else { return renew([title] + fields) }
        // The last stage comes when it comes.
        guard clock.now - shown >= every else { return }
        shown = clock.now
        Terminal.error((lineIsOpen ? "\n" : "") + "  " + FittedLine.text(fields, width: nil))
        lineIsOpen = false
    }

    /// The run at work is over. What came of it stays, in as many lines as it takes.
    func end(_ text: String) {
        if isTerminal {
            Terminal.error("\r\u{1B}[K\(place)\(name): \(text)")
        } else {
            Terminal.error((lineIsOpen ? "" : "\(place)\(id) … ") + text)
        }
        lineIsOpen = false
    }

    /// Leaves the line as it is.
    func close() {
        if lineIsOpen { Terminal.error("") }
        lineIsOpen = false
    }

    /// The name gives way first, to its first ten columns.
    private var title: FittedLine.Field { .init(place + name, worth: 6, shortest: place.count + 10) }

    private static func fields(_ progress: RunProgress, secondsLeft: Double?) -> [FittedLine.Field] {
        var fields: [FittedLine.Field] = [.init("step \(progress.step)/\(progress.totalSteps)", worth: 5)]
        if let loss = progress.loss { fields.append(.init("loss \(Figures.fixed(loss, 4))", worth: 3)) }
        if progress.stage != .training {
            fields.append(.init(progress.stage.rawValue, worth: 2))
        } else if let left = progress.secondsLeft {
            fields.append(.init("ETA \(Figures.clockTime(left))", worth: 2))
        }
        if let secondsLeft {
            fields.append(.init("all runs \(Figures.clockTime(secondsLeft))", worth: 4))
        }
        return fields
    }

    private func renew(_ fields: [FittedLine.Field]) {
        // The last column stays free: some terminals wrap when it is written.
        let text = FittedLine.text(fields, width: Terminal.width(of: STDERR_FILENO) - 1)
        Terminal.write("\r\u{1B}[K" + text, to: .standardError)
        lineIsOpen = true
    }
}
