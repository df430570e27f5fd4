import Experiments
import Foundation
import Messages
import RunRecords

/// Shows a run on standard error: one line that renews itself on a terminal, plain lines elsewhere.
final class ProgressDisplay {
    private let isTerminal: Bool
    private let clock = ContinuousClock()
    private var start: RunRecord.Start?
    private var begun: ContinuousClock.Instant
    private var lastShown: ContinuousClock.Instant
    private var losses: [Double] = []
    private var recent: [(tokens: Int, seconds: Double)] = []
    /// Of all steps
    private var stepSeconds = 0.0
    private var lineIsOpen = false

    init(isTerminal: Bool) {
        self.isTerminal = isTerminal
        begun = clock.now
        lastShown = clock.now
    }

    func show(_ event: TrainingEvent) {
        switch event {
        case .started(let record, _):
            start = record
            begun = clock.now
            line(Self.opening(record))
        case .warning(let text): line("warning: \(text)")
        case .step(let record): step(record)
        case .compaction(let record):
            let empty = record.ranks.filter { $0 == 0 }.count
            line(
                "step \(record.step): ranks are final; pruned triplets cut out, trainable parameters "
                    + "\(Figures.grouped(record.parametersBefore)) → \(Figures.grouped(record.parametersAfter))"
                    + (empty > 0 ? ", \(empty) of \(record.ranks.count) matrices at rank 0" : ""))
        case .evaluation(let record):
            let metrics = record.metrics.map {
                "\($0.name) \($0.value.map { Figures.fixed($0, 4) } ?? "undefined")"
            }
            line(
                "step \(record.step): validation loss \(Figures.fixed(record.loss, 4)), "
                    + metrics.joined(separator: ", ") + (record.isBest ? "  (best so far)" : ""))
        case .checkpoint, .allocation, .triplets: break
        case .finished(let end): line(Self.closing(end))
        }
    }

    private static func opening(_ start: RunRecord.Start) -> String {
        var text =
            "\(start.method): \(Figures.grouped(start.trainExamples)) training rows, \(start.totalSteps) steps, "
        text +=
            "\(Figures.grouped(start.trainableParameters)) trainable of "
            + "\(Figures.grouped(start.trainableParameters + start.frozenParameters)) parameters, "
        text += "\(start.threads) threads, \(start.kernel) kernels"
        if let precision = start.precision, precision != "float32" { text += ", \(precision) products" }
        if start.allocator != nil {
            let final = start.totalSteps - start.finalSteps
            text +=
                "\nbudget \(Figures.grouped(start.initialBudget)) → \(Figures.grouped(start.finalBudget)) \(start.budgetUnit.rawValue) over "
                + "\(start.sites.count) matrices: "
            let change = start.allocator == "exchange" ? "exchanged" : "pruned"
            text += "all to step \(start.warmupSteps), \(change) to step \(final), fixed to the end"
        }
        if start.completedSteps > 0 { text += "\nresumed after step \(start.completedSteps)" }
        return text
    }

    private static func closing(_ end: RunRecord.End) -> String {
        let reason =
            switch end.reason {
            case .completed: "done"
            case .stoppedEarly: "stopped early: no improvement"
            case .interrupted: "interrupted; the state is saved"
            }
        let rate = end.seconds > 0 ? Int(Double(end.tokens) / end.seconds) : 0
        let memory = end.peakMemoryBytes > 0 ? "\(end.peakMemoryBytes / 1_000_000) MB" : "unknown"
        let rank = end.ranks.isEmpty ? "" : "rank \(end.ranks.reduce(0, +)), "
        return
            "\(reason) at step \(end.step) in \(Figures.clockTime(end.seconds)), \(Figures.grouped(rate)) tokens/s overall, "
            + "peak memory \(memory), \(rank)"
            + "\(Figures.grouped(end.trainableParameters)) trainable parameters"
    }

    private func step(_ record: RunRecord.Step) {
        guard let start else { return }
        losses.append(record.loss)
        if losses.count > RunProgress.lossWindow(start.totalSteps) { losses.removeFirst() }
        recent.append((record.tokens, record.seconds))
        stepSeconds += record.seconds
        if recent.count > 50 { recent.removeFirst() }
        let isLast = record.step == start.totalSteps
        if isTerminal {
            guard clock.now - lastShown > .milliseconds(100) || isLast else { return }
            lastShown = clock.now
            open(bar(record, start))
        } else {
            let every = max(1, start.totalSteps / 20)
            guard record.step % every == 0 || isLast || clock.now - lastShown > .seconds(30) else { return }
            lastShown = clock.now
            line(FittedLine.text(fields(record, start), width: nil))
        }
    }

    /// The most telling first; what does not fit goes from the least.
    private func fields(_ record: RunRecord.Step, _ start: RunRecord.Start) -> [FittedLine.Field] {
        let mean = losses.reduce(0, +) / Double(max(losses.count, 1))
        var fields: [FittedLine.Field] = [
            .init("step \(record.step)/\(start.totalSteps)", worth: 6),
            .init("loss \(Figures.fixed(mean, 4))", worth: 5),
        ]
        if losses.count > 1 { fields.append(.init("(mean of \(losses.count) steps)", worth: 1)) }
        if record.orthogonality > 0 {
            fields.append(.init("orth \(Figures.fixed(record.orthogonality, 4))", worth: 0))
        }
        if start.allocator != nil {
            fields.append(.init(record.phase, worth: 2))
            fields.append(.init("budget \(Figures.grouped(record.budget))", worth: 1))
            fields.append(.init("live \(record.rank)", worth: 3))
        }
        return fields + [.init(rate, worth: 2), .init("ETA \(eta(record, start))", worth: 4)]
    }

    private func bar(_ record: RunRecord.Step, _ start: RunRecord.Start) -> String {
        // The last column stays free: some terminals wrap when it is written.
        let width = Terminal.width(of: STDERR_FILENO) - 1
        let text = FittedLine.text(fields(record, start), width: width)
        let room = width - TerminalText.columns(text) - 3
        guard room >= 8 else { return text }
        let length = min(room, 24)
        let filled = record.step * length / max(start.totalSteps, 1)
        return "▕" + String(repeating: "█", count: filled) + String(repeating: "·", count: length - filled)
            + "▏ " + text
    }

    private var rate: String {
        let seconds = recent.reduce(0) { $0 + $1.seconds }
        let tokens = recent.reduce(0) { $0 + $1.tokens }
        return seconds > 0 ? "\(Figures.grouped(Int(Double(tokens) / seconds))) tokens/s" : "– tokens/s"
    }

    private func eta(_ record: RunRecord.Step, _ start: RunRecord.Start) -> String {
        let done = record.step - start.completedSteps
        let elapsed = clock.now - begun
        let seconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) * 1e-18
        // Epochs whose frozen layers need not run again are faster: the last steps tell what is to come, beside evaluations.
        let step = recent.reduce(0) { $0 + $1.seconds } / Double(max(recent.count, 1))
        let others = max(0, seconds - stepSeconds) / Double(max(done, 1))
        return Figures.clockTime((step + others) * Double(start.totalSteps - record.step))
    }

    private func open(_ text: String) {
        Terminal.write("\r\u{1B}[K" + text, to: .standardError)
        lineIsOpen = true
    }

    private func line(_ text: String) {
        Terminal.write((lineIsOpen ? "\r\u{1B}[K" : "") + text + "\n", to: .standardError)
        lineIsOpen = false
    }
}
