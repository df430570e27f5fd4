import Messages
import RunRecords

/// The grid of sites and measures; what has no room is left out.
struct SpectrumTable {
    private enum Measure: CaseIterable {
        case rank, largest, smallest, effective, stable, count, share, mask, error

        /// What goes first when there is no room.
        static let byNeed: [Self] = [
            .rank, .largest, .effective, .share, .count, .smallest, .stable, .error, .mask,
        ]

        var width: Int {
            switch self {
            case .rank, .count: 5
            case .effective, .stable, .share: 7
            case .largest, .smallest, .mask, .error: 8
            }
        }

        /// Two lines of the head.
        func title(_ style: Style) -> (String, String) {
            switch self {
            case .rank: ("", "rank")
            case .largest: ("largest", style.sigma)
            case .smallest: ("least", style.sigma)
            case .effective: ("eff.", "rank")
            case .stable: ("stable", "rank")
            case .count: ("", "90%")
            case .share: ("", "share")
            case .mask: ("", "mask")
            case .error: ("", "error")
            }
        }

        func name(_ style: Style) -> String {
            let (above, below) = title(style)
            return above.isEmpty ? below : above + " " + below
        }
    }

    private static let labelWidth = 15

    private let history: TripletHistory
    private let snapshot: TripletHistory.Snapshot
    private let style: Style
    private let measures: [Measure]
    private let shares: [Double?]
    private let largest: Double
    private let largestError: Double
    private let largestRank: Int

    init(_ history: TripletHistory, _ snapshot: TripletHistory.Snapshot, _ style: Style) {
        self.history = history
        self.snapshot = snapshot
        self.style = style
        var free = style.width - Self.labelWidth
        var kept: [Measure] = []
        for measure in Measure.byNeed {
            guard measure.width <= free else { continue }
            free -= measure.width
            kept.append(measure)
        }
        measures = Measure.allCases.filter(kept.contains)
        shares = SpectrumReport.energyShares(snapshot)
        largest = snapshot.sites.compactMap(\.spectrum.largest).max() ?? 0
        largestError = snapshot.sites.compactMap(\.orthogonalityError).max() ?? 0
        largestRank = max(1, history.snapshots.compactMap { $0.ranks.max() }.max() ?? 1)
    }

    /// Names of the columns without room.
    var leftOut: [String] {
        Measure.allCases.filter { !measures.contains($0) }.map { $0.name(style) }
    }

    var lines: [String] {
        let grids = RankGrid.towers(history.run.start.sites)
        let rule = style.faint(
            String(repeating: style.rule, count: Self.labelWidth + measures.reduce(0) { $0 + $1.width }))
        var lines = head + [rule]
        for grid in grids {
            if let tower = grid.tower { lines.append(style.bold("\(style.name(tower)) tower")) }
            for (row, layer) in grid.layers.enumerated() {
                var label = "\(layer)"
                for (role, at) in zip(grid.roles, grid.row(row)) {
                    guard let at else { continue }
                    lines.append(self.row(label, role, at))
                    label = ""
                }
            }
            if grid.tower != nil { lines += [rule, total(of: grid), rule] }
        }
        return lines + (grids.count > 1 ? [] : [rule]) + [total("total", snapshot)]
    }

    /// The sums of one tower, beside those of all.
    private func total(of grid: RankGrid) -> String {
        let own = grid.layers.indices.flatMap { grid.row($0) }.compactMap { $0 }
        let share = own.reduce(0) { $0 + (shares[$1] ?? 0) }
        return total(
            style.name(grid.tower ?? ""),
            TripletHistory.Snapshot(step: snapshot.step, sites: own.map { snapshot.sites[$0] }), share: share)
    }

    private var head: [String] {
        let titles = measures.map { $0.title(style) }
        func line(_ label: String, _ texts: [String]) -> String {
            let cells = zip(measures, texts).map { TerminalText.right($1, $0.width) }
            return style.bold((TerminalText.left(label, Self.labelWidth) + cells.joined()).trimmingEnd())
        }
        return [line("", titles.map(\.0)), line("layer  role", titles.map(\.1))]
    }

    private func row(_ layer: String, _ role: String, _ at: Int) -> String {
        let site = snapshot.sites[at]
        let name = TerminalText.shortened(
            style.name(RankGrid.shortName(role)), to: Self.labelWidth - 7, unicode: style.unicode)
        let label = TerminalText.right(layer, 5) + "  " + TerminalText.left(name, Self.labelWidth - 7)
        let cells = measures.map { measure in
            let text = TerminalText.right(text(measure, site, share: shares[at]), measure.width - 1)
            // The space stays outside, so that neighboring shades do not touch.
            return " " + shaded(measure, text, site)
        }
        return label + cells.joined()
    }

    private func shaded(_ measure: Measure, _ text: String, _ site: TripletHistory.Site) -> String {
        guard site.rank > 0 else { return style.faint(text) }
        switch measure {
        case .rank: return style.shaded(text, RunRecord.shade(site.rank, of: largestRank))
        case .largest:
            guard let value = site.spectrum.largest, value > 0, largest > 0 else { return text }
            return style.shaded(text, value / largest)
        default: return text
        }
    }

    private func text(_ measure: Measure, _ site: TripletHistory.Site, share: Double?) -> String {
        let spectrum = site.spectrum
        if measure == .rank { return "\(site.rank)" }
        let text: String? =
            switch measure {
            case .mask: site.keptEnergy.map(Self.left)
            case .error: site.orthogonalityError.map { Figures.measured($0, largest: largestError) }
            case .share: site.rank > 0 ? share.map(Figures.percent) : nil
            default: self.text(measure, spectrum)
            }
        return text ?? style.dash
    }

    /// Of the measures that follow from the singular values alone.
    private func text(_ measure: Measure, _ spectrum: Spectrum) -> String? {
        switch measure {
        case .largest: spectrum.largest.map { Figures.measured($0, largest: largest) }
        case .smallest: spectrum.smallest.map { Figures.measured($0, largest: largest) }
        case .effective: spectrum.effectiveRank.map(Self.ratio)
        case .stable: spectrum.stableRank.map(Self.ratio)
        case .count: spectrum.count(holding: SpectrumReport.energyShare).map { "\($0)" }
        default: nil
        }
    }

    private static func ratio(_ value: Double) -> String {
        Figures.fixed(value, value < 100 ? 2 : value < 1000 ? 1 : 0)
    }

    /// Triplets that cancel others can be masked, so more energy may be left than there was.
    private static func left(_ share: Double) -> String {
        share < 10 ? Figures.percent(share) : ">999%"
    }

    /// - Parameter share: of the energy of all sites
    private func total(_ name: String, _ snapshot: TripletHistory.Snapshot, share: Double = 1) -> String {
        let joined = snapshot.joined
        let cells = measures.map { measure in
            let text: String? =
                switch measure {
                case .rank: Figures.grouped(joined.rank)
                case .share: joined.shares.isEmpty ? nil : Figures.percent(share)
                case .mask:
                    SpectrumReport.keptEnergy(snapshot).map { ($0.isBound ? "<" : "") + Self.left($0.ratio) }
                case .error:
                    snapshot.sites.compactMap(\.orthogonalityError).max().map {
                        Figures.measured($0, largest: largestError)
                    }
                default: self.text(measure, joined)
                }
            return TerminalText.right(text ?? style.dash, measure.width)
        }
        let label = TerminalText.shortened(name, to: Self.labelWidth - 1, unicode: style.unicode)
        return TerminalText.left(label, Self.labelWidth) + cells.joined()
    }
}
