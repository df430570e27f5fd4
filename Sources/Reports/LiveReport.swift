import Foundation
import Messages
import RunRecords

/// A run that goes on, as text: a picture that is renewed in place, or lines as things happen.
package enum LiveReport {
    /// Progress, the loss as a curve, the last evaluation, and the ranks; at most `height` lines, none wider than the
    /// style's width.
    package static func picture(_ run: RunRecord, style: Style, height: Int) -> [String] {
        var lines = [style.bold(heading(run, style)), progress(run, style), ""]
        let losses = run.steps.map(\.loss)
        let evaluation = run.evaluations.last.map { [evaluated($0, style)] } ?? []
        let grid = run.rankTables.last.map { RankTable(run, $0, style).lines } ?? []
        // The ranks matter most; the curve takes what is left, and is dropped where that is too little.
        let left = height - lines.count - evaluation.count - grid.count - 2
        let rows = min(8, left - 1)
        if rows >= 2, !losses.isEmpty { lines += curve(losses, rows: rows, style) + [""] }
        lines += evaluation
        if lines.count + grid.count + 1 <= height, !grid.isEmpty {
            lines += [""] + grid
        } else if !grid.isEmpty {
            lines.append(style.faint("the window is too low for the ranks: see adalora ranks"))
        }
        return Array(lines.prefix(max(height, 1)))
    }

    private static func heading(_ run: RunRecord, _ style: Style) -> String {
        let name = style.name(run.folder.lastPathComponent)
        return TerminalText.shortened(
            "\(name): \(style.name(run.start.method)), \(run.start.sites.count) matrices, \(state(run))",
            to: style.width, unicode: style.unicode)
    }

    private static func state(_ run: RunRecord) -> String {
        guard let end = run.end else {
            return run.resumedAfter.last.map { "resumed after step \(Figures.grouped($0))" } ?? "running"
        }
        return end.reason.rawValue.replacing("-", with: " ")
    }

    private static func progress(_ run: RunRecord, _ style: Style) -> String {
        let text = status(run)
        let room = min(style.width - TerminalText.columns(text) - 3, 30)
        guard room >= 6 else {
            return TerminalText.shortened(text, to: style.width, unicode: style.unicode)
        }
        let filled = min(room, room * run.lastStep / max(run.start.totalSteps, 1))
        let (full, free) = style.unicode ? ("█", "░") : ("#", ".")
        return style.bar(String(repeating: full, count: filled))
            + style.faint(String(repeating: free, count: room - filled)) + "  " + text
    }

    /// `step 120 of 282  loss 1.2345  budgeting  budget 144  2,345 tokens/s  1 min left`
    static func status(_ run: RunRecord) -> String {
        let (step, total) = (Figures.grouped(run.lastStep), Figures.grouped(run.start.totalSteps))
        var parts = ["step \(step) of \(total)"]
        let recent = run.steps.suffix(50)
        if let loss = average(run.steps.suffix(200).map(\.loss)) {
            parts.append("loss \(Figures.fixed(loss, 4))")
        }
        if let last = recent.last, last.phase != "fixed" {
            parts += [last.phase, "budget \(Figures.grouped(last.budget))"]
        }
        let seconds = recent.reduce(0) { $0 + ($1.seconds.isFinite ? $1.seconds : 0) }
        if seconds > 0 {
            let tokens = recent.reduce(0) { $0 + $1.tokens }
            parts.append("\(Figures.grouped(Int(Double(tokens) / seconds))) tokens/s")
            if run.end == nil {
                let left = Double(run.start.totalSteps - run.lastStep) * seconds / Double(recent.count)
                parts.append("\(time(left)) left")
            }
        }
        return parts.joined(separator: "  ")
    }

    /// Exponential, of the values that are finite.
    private static func average(_ values: [Double]) -> Double? {
        let finite = values.filter(\.isFinite)
        guard let first = finite.first else { return nil }
        return finite.dropFirst().reduce(first) { 0.95 * $0 + 0.05 * $1 }
    }

    /// `1:05`, `1:02:03`
    private static func time(_ seconds: Double) -> String {
        guard seconds.isFinite, seconds < 1e9 else { return "–" }
        let whole = max(0, Int(seconds.rounded()))
        let (minutes, rest) = (whole / 60 % 60, whole % 60)
        let padded = { (number: Int) in number < 10 ? "0\(number)" : "\(number)" }
        return whole < 3600
            ? "\(minutes):\(padded(rest))" : "\(whole / 3600):\(padded(minutes)):\(padded(rest))"
    }

    /// The means of equal stretches of the run as bars from 0, with the greatest and least beside them.
    static func curve(_ losses: [Double], rows: Int, _ style: Style) -> [String] {
        let label = 10
        let width = max(8, min(style.width - label, 100))
        let count = min(width, losses.count)
        let means = (0..<count).map { at -> Double? in
            let part = losses[(losses.count * at / count)..<(losses.count * (at + 1) / count)].filter(
                \.isFinite)
            return part.isEmpty ? nil : part.reduce(0, +) / Double(part.count)
        }
        guard let most = means.compactMap({ $0 }).max(), let least = means.compactMap({ $0 }).min() else {
            return [style.faint("loss: not finite, the run diverged")]
        }
        // Not from 0: what matters is the change. The least still shows.
        let span = max(most - least, most.magnitude * 1e-3, 1e-12)
        let steps = style.unicode ? Array("▁▂▃▄▅▆▇█") : Array("#")
        return (0..<rows).map { row in
            let below = Double(rows - 1 - row)
            let cells = means.map { mean -> Character in
                guard let mean else { return row == rows - 1 ? "?" : " " }
                let height = (0.15 + 0.85 * (mean - least) / span) * Double(rows) - below
                guard height > 0 else { return " " }
                return steps[min(steps.count, max(1, Int((height * Double(steps.count)).rounded(.up)))) - 1]
            }
            let name =
                row == 0
                ? Figures.fixed(most, 4)
                : row == rows - 1 ? Figures.fixed(least, 4) : row == 1 ? "loss" : ""
            return style.faint(TerminalText.right(name, label - 2) + "  ") + style.bar(String(cells))
        }
    }

    static func evaluated(_ one: RunRecord.Evaluation, _ style: Style) -> String {
        let metrics = one.metrics.map { metric in
            "\(style.name(metric.name)) \(metric.value.map { Figures.fixed($0, 4) } ?? "undefined")"
        }
        let text =
            "step \(Figures.grouped(one.step)): validation loss \(Figures.fixed(one.loss, 4)), "
            + metrics.joined(separator: ", ") + (one.isBest ? "  (best so far)" : "")
        return TerminalText.shortened(text, to: max(style.width, 40), unicode: style.unicode)
    }
}

/// What a watcher without a terminal prints: a line for each thing that happened, once.
package struct LiveLines {
    private let style: Style
    private var opened = false
    private var warnings = 0
    private var evaluatedStep = -1
    private var compactedStep = -1
    private var shownStep = -1

    package init(style: Style) { self.style = style }

    /// Lines for what is new in `run`; about twenty for the steps of a whole run.
    package mutating func news(_ run: RunRecord, _ change: RunFollower.Change) -> [String] {
        var lines: [String] = []
        if !opened {
            opened = true
            lines.append(
                "\(style.name(run.start.method)): \(Figures.counted(run.start.totalSteps, "step")), "
                    + "\(run.start.sites.count) matrices, budget \(Figures.grouped(run.start.initialBudget)) "
                    + "to \(Figures.grouped(run.start.finalBudget)) \(run.start.budgetUnit.rawValue)")
        }
        if change == .again {
            lines.append("resumed after step \(Figures.grouped(run.resumedAfter.last ?? 0))")
            let last = run.lastStep
            (evaluatedStep, compactedStep) = (min(evaluatedStep, last), min(compactedStep, last))
            (shownStep, warnings) = (min(shownStep, last), min(warnings, run.warnings.count))
        }
        lines += run.warnings.dropFirst(warnings).map { "warning: \(style.name($0))" }
        warnings = run.warnings.count
        var happened: [(step: Int, text: String)] = []
        for one in run.compactions where one.step > compactedStep {
            let parameters = Figures.grouped(one.parametersAfter)
            happened.append(
                (
                    one.step,
                    "step \(Figures.grouped(one.step)): ranks are final, \(parameters) trainable parameters"
                ))
            compactedStep = one.step
        }
        for one in run.evaluations where one.step > evaluatedStep {
            happened.append((one.step, LiveReport.evaluated(one, Style(width: 200, unicode: style.unicode))))
            evaluatedStep = one.step
        }
        lines += happened.sorted { $0.step < $1.step }.map(\.text)
        let every = max(1, run.start.totalSteps / 20)
        if run.lastStep / every > shownStep / every || (shownStep < 0 && run.lastStep > 0) {
            lines.append(LiveReport.status(run))
            shownStep = run.lastStep
        }
        return lines
    }
}
