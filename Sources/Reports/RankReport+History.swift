import Messages
import RunRecords

extension RankReport {
    /// A small picture: a row for each matrix, a column for each of at most 60 steps spread evenly over the run,
    /// in a cell the rank after that step as one character.
    ///
    /// With more than 60 matrices the rows are the means of layers, then those of roles. For a run without ranks
    /// it is the one line that says why.
    package static func history(_ run: RunRecord, style: Style) -> String {
        do {
            try run.checkHasRanks()
        } catch {
            return "\(error)\n"
        }
        return HistoryPicture(run, style).lines.map { $0.trimmingEnd() }.joined(separator: "\n") + "\n"
    }
}

/// The parts of the picture. Labels, columns and the last value stand side by side.
private struct HistoryPicture {
    private struct Row {
        /// Of its first row, in a model of two towers
        var tower: String?
        let layer: String
        let label: String
        /// Positions in `Start.sites` whose mean rank the row shows.
        let sites: [Int]
        let startsGroup: Bool
    }

    private static let mostColumns = 60
    private static let mostRows = 60
    private static let labelWidth = 16

    private let run: RunRecord
    private let style: Style
    /// The step of each column, and the table that holds after it.
    private let columns: [(step: Int, table: Int)]
    private let grids: [RankGrid]
    private let showsMeans: Bool
    /// Room for the values after the last step.
    private let tailWidth: Int

    init(_ run: RunRecord, _ style: Style) {
        self.run = run
        self.style = style
        grids = RankGrid.towers(run.start.sites)
        showsMeans = run.start.sites.count > Self.mostRows
        let last = run.rankTables[run.rankTables.count - 1]
        let widest = "\(last.ranks.max() ?? 0)".count + (showsMeans ? 2 : 0)
        tailWidth = max(3, widest, Figures.grouped(last.total).count) + 1
        let first = run.rankTables[0].step
        let span = max(run.lastStep - first, 0)
        let room = max(style.width - Self.labelWidth - tailWidth, 8)
        let count = min(Self.mostColumns, room, span + 1)
        var table = 0
        var columns: [(step: Int, table: Int)] = []
        for column in 0..<count {
            let step = first + (count > 1 ? (column * span + (count - 1) / 2) / (count - 1) : 0)
            while table + 1 < run.rankTables.count, run.rankTables[table + 1].step <= step { table += 1 }
            columns.append((step, table))
        }
        self.columns = columns
    }

    var lines: [String] {
        let what = showsMeans ? "Mean ranks of layers and of roles" : "Rank of each matrix"
        let last = Figures.grouped(run.lastStep)
        var lines = [
            style.bold("\(what), up to step \(last)"),
            "\(style.name(run.start.method)), \(run.state)", "",
        ]
        if let phases { lines.append(line("", "phase", phases, "")) }
        lines.append(
            line("", "kept", kept, Figures.grouped(run.rankTables[run.rankTables.count - 1].total)))
        lines.append("")
        for row in rows {
            if row.startsGroup, lines.last != "" { lines.append("") }
            if let tower = row.tower {
                if lines.last != "" { lines.append("") }
                lines += [style.bold("\(style.name(tower)) tower"), ""]
            }
            lines.append(line(row.layer, row.label, cells(row), tail(row)))
        }
        lines += axis
        lines += ["", legend]
        return lines + run.notes.map { "note: " + style.name($0) }
    }

    private func line(_ layer: String, _ label: String, _ cells: String, _ tail: String) -> String {
        let name = TerminalText.shortened(label, to: 8, unicode: style.unicode)
        return style.faint(TerminalText.right(layer, 5) + "  " + TerminalText.left(name, 9)) + cells
            + TerminalText.right(tail, tailWidth)
    }

    private var rows: [Row] {
        grids.flatMap { grid in
            var rows = rows(grid)
            if !rows.isEmpty { rows[0].tower = grid.tower }
            return rows
        }
    }

    private func rows(_ grid: RankGrid) -> [Row] {
        if showsMeans {
            let layers = grid.layers.indices.map { at in
                Row(
                    layer: "\(grid.layers[at])", label: "", sites: grid.row(at).compactMap { $0 },
                    startsGroup: false)
            }
            let roles = grid.roles.indices.map { at in
                Row(
                    layer: "", label: style.name(RankGrid.shortName(grid.roles[at])),
                    sites: grid.column(at).compactMap { $0 }, startsGroup: at == 0)
            }
            return layers + roles
        }
        return grid.layers.indices.flatMap { at in
            let sites = zip(grid.roles, grid.row(at)).compactMap { role, site in site.map { (role, $0) } }
            return sites.enumerated().map { position, site in
                Row(
                    layer: position == 0 ? "\(grid.layers[at])" : "",
                    label: style.name(RankGrid.shortName(site.0)), sites: [site.1], startsGroup: position == 0
                )
            }
        }
    }

    /// The row's mean rank; 0 only when all of its ranks are.
    private func rank(_ row: Row, _ table: Int) -> Int {
        let sum = row.sites.reduce(0) { $0 + run.rankTables[table].ranks[$1] }
        return sum == 0 ? 0 : max(1, (2 * sum + row.sites.count) / (2 * row.sites.count))
    }

    private func cells(_ row: Row) -> String {
        let largest = run.largestRank
        var text = ""
        var at = 0
        while at < columns.count {
            // Equal neighbors share one pair of escapes.
            let rank = rank(row, columns[at].table)
            let end = columns[at...].firstIndex { self.rank(row, $0.table) != rank } ?? columns.count
            let cell = String(repeating: character(rank), count: end - at)
            text += style.shaded(cell, RunRecord.shade(rank, of: largest))
            at = end
        }
        return text
    }

    private func character(_ rank: Int) -> String {
        if rank == 0 { return style.unicode ? "·" : "." }
        return rank < 36 ? String(rank, radix: 36) : "+"
    }

    private func tail(_ row: Row) -> String {
        let ranks = run.rankTables[run.rankTables.count - 1].ranks
        let sum = row.sites.reduce(0) { $0 + ranks[$1] }
        guard showsMeans else { return "\(sum)" }
        return Figures.fixed(Double(sum) / Double(max(row.sites.count, 1)), 1)
    }

    private var mostKept: Int { max(1, run.rankTables.map(\.total).max() ?? 1) }

    /// The triplets alive: bars, or in ASCII digits from 0 to 9, where only none at all is 0.
    private var kept: String {
        let bars = style.unicode ? Array("▁▂▃▄▅▆▇█") : Array("123456789")
        let text = columns.map { column in
            let total = run.rankTables[column.table].total
            guard total > 0 else { return style.unicode ? " " : "0" }
            let height = (Double(total) / Double(mostKept) * Double(bars.count)).rounded(.up)
            return String(bars[min(max(Int(height), 1), bars.count) - 1])
        }
        return style.bar(text.joined())
    }

    /// nil for methods of fixed rank.
    private var phases: String? {
        guard !run.allocations.isEmpty || run.start.initialBudget != run.start.finalBudget else { return nil }
        let names = columns.map { column in
            column.step <= run.start.warmupSteps
                ? "warmup" : column.step <= run.finalStart ? "budgeting" : "final"
        }
        var text = ""
        var at = 0
        while at < names.count {
            let end = names[at...].firstIndex { $0 != names[at] } ?? names.count
            let room = end - at - 1
            let name = Self.phaseNames(names[at]).first { $0.count <= room } ?? ""
            let fill = String(repeating: style.rule, count: room - name.count)
            text += (style.unicode ? "├" : "|") + name + fill
            at = end
        }
        return style.faint(text)
    }

    /// From the longest to the shortest.
    private static func phaseNames(_ phase: String) -> [String] {
        switch phase {
        case "warmup": ["warmup", "warm", "w"]
        case "budgeting": ["budgeting", "budget", "b"]
        default: ["final", "f"]
        }
    }

    /// Marks at every tenth column or so with their steps below.
    private var axis: [String] {
        let digits = "\(columns[columns.count - 1].step)".count
        let spacing = max(10, digits + 2)
        var marks = [String](repeating: style.rule, count: columns.count)
        var labels = ""
        for column in stride(from: 0, to: columns.count, by: spacing) {
            marks[column] = style.unicode ? "┴" : "+"
            labels = TerminalText.left(labels, column) + "\(columns[column].step)"
        }
        let last = "\(columns[columns.count - 1].step)"
        let free = columns.count - last.count
        if free >= labels.count + 2 {
            marks[columns.count - 1] = style.unicode ? "┴" : "+"
            labels = TerminalText.left(labels, free) + last
        }
        return [line("", "", style.faint(marks.joined()), ""), line("", "step", style.faint(labels), "")]
    }

    private var legend: String {
        let zero = style.unicode ? "·" : "."
        var parts = ["\(zero) is rank 0"]
        if run.largestRank >= 10 { parts.append("a is 10") }
        if run.largestRank >= 35 { parts.append("z is 35") }
        if run.largestRank >= 36 { parts.append("+ is more") }
        let full = style.unicode ? "a full bar" : "9"
        let kept = "kept: \(full) is \(Figures.counted(mostKept, "triplet"))"
        return style.faint(parts.joined(separator: ", ") + "; " + kept)
    }
}
