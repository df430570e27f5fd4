import Messages
import RunRecords

/// The singular values of what a run learned: tables for the terminal, CSV and JSON for programs.
package enum SpectrumReport {
    /// The share of the energy whose values are counted.
    static let energyShare = 0.9

    /// A row for each site, after `step` (nil for the last recorded snapshot), and one for all sites together,
    /// taken as the blocks of one matrix. Columns that `style.width` has no room for are named below.
    ///
    /// Throws `RecordError` when `step` is outside the run.
    package static func table(_ history: TripletHistory, step: Int?, style: Style) throws -> String {
        let snapshot = try history.snapshot(at: step)
        let table = SpectrumTable(history, snapshot, style)
        let heading = heading("Singular values of \(style.delta)", history, snapshot, asked: step, style)
        let lines = [heading, ""] + table.lines + [""] + facts(history, snapshot, asked: step, table, style)
        return lines.joined(separator: "\n") + "\n"
    }

    /// `WHAT (scale included), last adapter, after step 939`
    static func heading(
        _ what: String, _ history: TripletHistory, _ snapshot: TripletHistory.Snapshot, asked: Int?,
        _ style: Style
    ) -> String {
        let after = "after step \(Figures.grouped(snapshot.step))"
        let isLast = snapshot.step == history.snapshots.last?.step
        var text = what + " (scale included), "
        if isLast, let end = history.run.end, end.step == snapshot.step {
            text += "last adapter, " + after
        } else {
            text += after + (isLast ? ", the last recorded" : "")
        }
        if let asked, asked != snapshot.step, !isLast {
            text += ", the last recorded at or before step \(Figures.grouped(asked))"
        }
        return TerminalText.wrapped(text, width: style.width, indent: 0).split(separator: "\n")
            .map { style.bold(String($0)) }.joined(separator: "\n")
    }

    private static func facts(
        _ history: TripletHistory, _ snapshot: TripletHistory.Snapshot, asked: Int?, _ table: SpectrumTable,
        _ style: Style
    ) -> [String] {
        let run = history.run
        var facts = [("method", "\(style.name(run.start.method)), \(run.state)")]
        if let energy = snapshot.joined.energy {
            facts.append(("energy", "\(Figures.measured(energy, largest: energy)) in all sites"))
            let shares = energyShares(snapshot)
            let most = shares.indices.filter { shares[$0] ?? 0 > 0 }
                .sorted { (-(shares[$0] ?? 0), $0) < (-(shares[$1] ?? 0), $1) }.prefix(3)
            if !most.isEmpty {
                let names = most.map { at in
                    "\(style.name(run.start.sites[at].name)) \(Figures.percent(shares[at] ?? 0))"
                }
                facts[1].1 += ", most in \(names.joined(separator: ", "))"
            }
        } else {
            facts.append(("energy", "not finite: the run diverged"))
        }
        facts.append(("rank 0", RankReport.zeros(run, snapshot.ranks, style)))
        if asked == nil, let best = run.end?.bestStep, best != snapshot.step {
            facts.append(("best", "the best adapter is that of step \(Figures.grouped(best))"))
        }
        if !table.leftOut.isEmpty {
            facts.append(("left out", "\(table.leftOut.joined(separator: ", ")): the terminal is too narrow"))
        }
        facts += (run.notes + history.notes).map { ("note", style.name($0)) }
        return facts.map(style.fact) + ["", legend(style)]
    }

    private static func legend(_ style: Style) -> String {
        let text =
            style.unicode
            ? "Energy is Σσ² = ‖ΔW‖². eff. rank: exp of the entropy of σᵢ/Σσ. stable rank: Σσ²/σ₁². "
                + "90%: how many values hold 90% of the energy. share: of the energy of all sites. "
                + "mask: energy that the last mask left. error: max(‖PᵀP−I‖, ‖QQᵀ−I‖). "
                + "total: all sites as the blocks of one matrix, and the largest error."
            : "Energy is the sum of s^2. eff. rank: exp of the entropy of s/sum(s). stable rank: energy/s1^2. "
                + "90%: how many values hold 90% of the energy. share: of the energy of all sites. "
                + "mask: energy that the last mask left. error: max(|P'P-I|, |QQ'-I|). "
                + "total: all sites as the blocks of one matrix, and the largest error."
        return TerminalText.wrapped(text, width: style.width, indent: 0).split(separator: "\n")
            .map { style.faint(String($0)) }.joined(separator: "\n")
    }

    /// Each site's share of the energy of all; nil where it is not defined.
    package static func energyShares(_ snapshot: TripletHistory.Snapshot) -> [Double?] {
        // Relative to the largest value, so that squares neither overflow nor vanish.
        let largest = snapshot.joined.largest ?? 0
        guard largest > 0 else { return snapshot.sites.map { _ in nil } }
        let energies = snapshot.sites.map { site in
            site.spectrum.values.reduce(0) { $0 + ($1 / largest) * ($1 / largest) }
        }
        let sum = energies.reduce(0, +)
        return energies.map { $0 / sum }
    }

    /// The energy that the last mask left in all sites, over that before it.
    ///
    /// A site that lost all of its energy does not say how much that was; then the ratio is an upper bound. nil
    /// where no site had energy before, or values are not finite.
    static func keptEnergy(_ snapshot: TripletHistory.Snapshot) -> (ratio: Double, isBound: Bool)? {
        var after = 0.0
        var before = 0.0
        var isBound = false
        for site in snapshot.sites {
            guard let kept = site.keptEnergy else { continue }
            guard let energy = site.spectrum.energy else { return nil }
            if kept > 0 {
                after += energy
                before += energy / kept
            } else {
                isBound = true
            }
        }
        guard before > 0, before.isFinite else { return nil }
        return (after / before, isBound)
    }
}
