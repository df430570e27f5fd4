import Messages
import RunRecords

extension SpectrumReport {
    /// For each named site its singular values after `step` (nil for the last recorded snapshot) with their
    /// energy, how they got there, and the importance of its triplets.
    ///
    /// Throws `RecordError` for an unknown name, with names near it, and when `step` is outside the run.
    package static func sites(
        _ history: TripletHistory, names: [String], step: Int?, style: Style
    ) throws -> String {
        let snapshot = try history.snapshot(at: step)
        let positions = try names.map { try history.position(of: $0) }
        let parts = positions.map { at in
            let site = history.run.start.sites[at]
            let name = TerminalText.shortened(style.name(site.name), to: style.width, unicode: style.unicode)
            let title = heading(
                "\(name): spectrum of \(style.delta)", history, snapshot, asked: step, style)
            let detail = SpectrumDetail(history, snapshot, at, style)
            return ([title, ""] + detail.lines).joined(separator: "\n")
        }
        let notes = (history.run.notes + history.notes).map { style.fact("note", style.name($0)) }
        return (parts + (notes.isEmpty ? [] : [notes.joined(separator: "\n")])).joined(separator: "\n\n")
            + "\n"
    }
}

/// The parts of one site's detail.
private struct SpectrumDetail {
    /// Longer lists are cut, and the cut is counted.
    private static let mostValues = 32
    private static let mostCurves = 16
    private static let mostScores = 16
    private static let mostSteps = 10
    private static let longestBar = 32

    private let history: TripletHistory
    private let snapshot: TripletHistory.Snapshot
    private let at: Int
    private let style: Style
    private let site: TripletHistory.Site

    init(_ history: TripletHistory, _ snapshot: TripletHistory.Snapshot, _ at: Int, _ style: Style) {
        self.history = history
        self.snapshot = snapshot
        self.at = at
        self.style = style
        site = snapshot.sites[at]
    }

    var lines: [String] { facts + values + trajectory + scores }

    private var facts: [String] {
        let described = history.run.start.sites[at]
        let spectrum = site.spectrum
        func fixed(_ value: Double?) -> String { value.map { Figures.fixed($0, 2) } ?? style.dash }
        var facts = [
            (
                "matrix",
                "\(described.outputs) x \(described.inputs), \(site.rank) of "
                    + "\(Figures.counted(site.kept.count, "triplet")) kept"
            )
        ]
        if site.rank > 0 {
            let energy = spectrum.energy.map { Figures.measured($0, largest: $0) } ?? style.dash
            let share = SpectrumReport.energyShares(snapshot)[at]
            facts.append(
                ("energy", energy + (share.map { ", \(Figures.percent($0)) of all sites" } ?? "")))
            let count = spectrum.count(holding: SpectrumReport.energyShare)
            let held = count.map {
                "; 90% of the energy in \($0) of \(Figures.counted(spectrum.rank, "value"))"
            }
            let ranks = "effective \(fixed(spectrum.effectiveRank)), stable \(fixed(spectrum.stableRank))"
            facts.append(("ranks", ranks + (held ?? "")))
        }
        if let kept = site.keptEnergy {
            facts.append(("mask", "the last one left \(Figures.percent(kept)) of the energy"))
        }
        if let error = site.orthogonalityError {
            facts.append(("error", "P and Q are \(Figures.scientific(error)) from orthonormal"))
        }
        if !spectrum.isFinite { facts.append(("values", "not finite: the run diverged")) }
        return facts.map(style.fact)
    }

    private var values: [String] {
        let spectrum = site.spectrum
        guard spectrum.rank > 0 else { return [] }
        let numbers = 4 + 10 + 9 + 12
        let room = min(style.width - numbers - 2, Self.longestBar)
        let head =
            TerminalText.right("#", 4) + TerminalText.right(style.sigma, 10) + TerminalText.right("energy", 9)
            + TerminalText.right("cumulative", 12)
        var lines = ["", style.bold(head)]
        let largest = spectrum.largest ?? 0
        for (index, value) in spectrum.values.prefix(Self.mostValues).enumerated() {
            let text = value.isFinite ? Figures.measured(value, largest: largest) : style.dash
            let shares =
                spectrum.shares.isEmpty
                ? [style.dash, style.dash]
                : [
                    Figures.percent(spectrum.shares[index]),
                    Figures.percent(spectrum.cumulative[index]),
                ]
            let bar = largest > 0 && room > 0 ? "  " + style.bar(bar(value / largest, room)) : ""
            lines.append(
                TerminalText.right("\(index + 1)", 4) + TerminalText.right(text, 10)
                    + TerminalText.right(shares[0], 9) + TerminalText.right(shares[1], 12) + bar)
        }
        if spectrum.rank > Self.mostValues {
            lines.append(style.faint("     and \(spectrum.rank - Self.mostValues) smaller ones"))
        }
        return lines
    }

    /// In eighths of a character; in ASCII in whole ones. Never empty for what is not 0.
    private func bar(_ fraction: Double, _ room: Int) -> String {
        guard fraction > 0 else { return "" }
        guard style.unicode else {
            return String(repeating: "#", count: max(1, Int((fraction * Double(room)).rounded())))
        }
        let eighths = max(1, Int((fraction * Double(room) * 8).rounded()))
        let part = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths % 8]
        return String(repeating: "█", count: eighths / 8) + part
    }

    /// The values after steps spread evenly over the run up to the snapshot.
    private var trajectory: [String] {
        let past = history.snapshots.filter { $0.step <= snapshot.step }
        let cell = max(8, "\(snapshot.step)".count + 1)
        let label = 6
        let count = max(2, min(Self.mostSteps, (style.width - label) / cell))
        let shown = Self.spread(past, count)
        guard shown.count > 1 else { return [] }
        let spectra = shown.map { $0.sites[at].spectrum }
        let rows = spectra.map(\.rank).max() ?? 0
        let largest = spectra.compactMap(\.largest).max() ?? 0
        func line(_ name: String, _ cells: [String]) -> String {
            style.faint(TerminalText.left(name, label)) + cells.joined()
        }
        var lines = ["", line("step", shown.map { style.bold(TerminalText.right("\($0.step)", cell)) })]
        lines.append(line("rank", spectra.map { TerminalText.right("\($0.rank)", cell) }))
        for row in 0..<min(rows, Self.mostCurves) {
            let cells = spectra.map { spectrum in
                guard row < spectrum.rank else { return TerminalText.spaces(cell) }
                let value = spectrum.values[row]
                guard value.isFinite else { return TerminalText.right(style.dash, cell) }
                let text = TerminalText.right(Figures.measured(value, largest: largest), cell - 1)
                return " " + style.shaded(text, value > 0 ? value / largest : nil)
            }
            lines.append(line("\(style.sigma)\(row + 1)", cells).trimmingEnd())
        }
        if rows > Self.mostCurves {
            lines.append(style.faint("      and \(rows - Self.mostCurves) smaller ones"))
        }
        return lines
    }

    /// At most `count`, the first and the last among them, spread evenly over the steps.
    private static func spread(
        _ snapshots: [TripletHistory.Snapshot], _ count: Int
    ) -> [TripletHistory.Snapshot] {
        guard snapshots.count > count, let first = snapshots.first, let last = snapshots.last else {
            return snapshots
        }
        var shown = [first]
        var at = 0
        for column in 1..<count {
            let step =
                Double(first.step) + Double(last.step - first.step) * Double(column) / Double(count - 1)
            while at + 1 < snapshots.count, Double(snapshots[at + 1].step) <= step { at += 1 }
            let snapshot = column == count - 1 ? last : snapshots[at]
            if snapshot.step > shown[shown.count - 1].step { shown.append(snapshot) }
        }
        return shown
    }

    /// Triplets by importance: the kept ones, then the best of the others.
    private var scores: [String] {
        let importance = site.importance
        guard !importance.isEmpty else {
            let why = site.kept.isEmpty ? "no triplets are left" : "this method scores no triplets"
            return ["", style.fact("importance", why)]
        }
        let order = importance.indices.sorted {
            (-(importance[$0] ?? -.infinity), $0) < (-(importance[$1] ?? -.infinity), $1)
        }
        let kept = order.filter { site.kept[$0] }
        let masked = order.filter { !site.kept[$0] }
        var lines = ["", style.bold(TerminalText.right("triplet", 7) + TerminalText.right("importance", 12))]
        func row(_ triplet: Int, _ note: String) -> String {
            let score = importance[triplet].map(Figures.scientific) ?? style.dash
            return TerminalText.right("\(triplet + 1)", 7) + TerminalText.right(score, 12) + "  " + note
        }
        lines += kept.prefix(Self.mostScores).map { row($0, "kept") }
        if kept.count > Self.mostScores {
            lines.append(style.faint("        and \(kept.count - Self.mostScores) less important ones kept"))
        }
        if let best = masked.first {
            let others = masked.count > 1 ? ", best of \(masked.count)" : ""
            lines.append(style.faint(row(best, "masked" + others)))
        }
        return lines
    }
}
