import ArgumentParser
import Foundation
import ModelFiles
import Reports
import RunRecords

struct WatchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch", abstract: "Follow a run from another terminal, until it ends.",
        discussion: """
            Reads the run folder and touches nothing. On a terminal the picture is renewed in place; elsewhere there is a \
            line for each thing that happens. Ends with the run: status 0, or 1 where the run was killed.
            """)

    /// Longer than most steps and evaluations take.
    private static let quietLimit = 60.0

    @Argument(help: ArgumentHelp("Run folder.", valueName: "run")) var folder: String
    @Option(help: "Seconds between two looks.") var every = 0.5
    @Flag(help: "Wait for a run that has not begun, and for one that stopped to be resumed.") var wait = false

    func validate() throws {
        guard every >= 0.05, every <= 3600 else {
            throw ValidationError("--every is from 0.05 to 3600 seconds")
        }
    }

    func run() throws {
        try Failure.run {
            var follower = RunFollower(folder: URL(fileURLWithPath: folder))
            var display = WatchDisplay()
            var sawWriter = false
            while true {
                if let change = try poll(&follower), let record = follower.record {
                    sawWriter = follower.isWritten == true || sawWriter
                    if change != .nothing { display.show(record, change) }
                    if try hasEnded(&follower, sawWriter: sawWriter, &display) { return }
                }
                Thread.sleep(forTimeInterval: every)
            }
        }
    }

    /// nil while there is no run to look at.
    private func poll(_ follower: inout RunFollower) throws -> RunFollower.Change? {
        do {
            return try follower.poll()
        } catch let error as RecordError where error.kind == .missing && wait {
            return nil
        }
    }

    private func hasEnded(
        _ follower: inout RunFollower, sawWriter: Bool, _ display: inout WatchDisplay
    ) throws -> Bool {
        if let end = follower.record?.end {
            let goesOn = end.reason == .interrupted
            display.note(
                goesOn
                    ? "interrupted after step \(end.step); go on with: adalora train --resume \(shellQuoted(folder))"
                    : "\(end.reason.rawValue.replacing("-", with: " ")) at step \(end.step)")
            return !(goesOn && wait)
        }
        // Who never held a lock here may run on another machine, and be quiet for a long step.
        guard follower.isWritten == false, sawWriter || follower.quietSeconds ?? 0 > Self.quietLimit else {
            return false
        }
        // The end may have been written between the look at the log and that at the lock.
        if let change = try poll(&follower), change != .nothing, let record = follower.record {
            display.show(record, change)
            return try hasEnded(&follower, sawWriter: sawWriter, &display)
        }
        let step = follower.record?.lastStep ?? 0
        let text = "no process writes the run, and it has no end: it was killed after step \(step)"
        let advice = "go on with: adalora train --resume \(shellQuoted(folder))"
        guard wait else {
            display.close()
            Terminal.error("error: \(text); \(advice)")
            throw ExitCode(1)
        }
        display.note("\(text); \(advice)")
        return false
    }
}

/// One picture renewed in place on a terminal; lines elsewhere.
struct WatchDisplay {
    private let isTerminal = Terminal.isTerminal(STDOUT_FILENO)
    private var lines = LiveLines(style: Terminal.style)
    /// Lines of the picture on the screen.
    private var height = 0
    private var lastNote = ""

    mutating func show(_ run: RunRecord, _ change: RunFollower.Change) {
        guard isTerminal else {
            for line in lines.news(run, change) { Terminal.output(line) }
            return
        }
        // The window may have changed since the last picture.
        draw(LiveReport.picture(run, style: Terminal.style, height: max(Terminal.height - 2, 4)))
    }

    private mutating func draw(_ picture: [String]) {
        // Up to the first line of the old picture; each line is cleared to its end, and what is left below too.
        let up = height > 0 ? "\u{1B}[\(height)A" : ""
        let text = picture.map { "\r\($0)\u{1B}[K\n" }.joined() + "\u{1B}[J"
        Terminal.write(up + text, to: .standardOutput)
        height = picture.count
    }

    /// A sentence below the picture, once.
    mutating func note(_ text: String) {
        guard text != lastNote else { return }
        lastNote = text
        close()
        Terminal.output(text)
    }

    /// Leaves the picture where it is.
    mutating func close() { height = 0 }
}
