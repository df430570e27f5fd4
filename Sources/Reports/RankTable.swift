import Messages
import RunRecords

/// Ranks as layers × roles with sums: a table, or for a model of two towers one for each, beside each other where there is
/// room.
struct RankTable {
    private let run: RunRecord
    private let table: RunRecord.RankTable
    private let style: Style
    private let largest: Int

    init(_ run: RunRecord, _ table: RunRecord.RankTable, _ style: Style) {
        self.run = run
        self.table = table
        self.style = style
        largest = run.largestRank
    }

    private static let gap = 4

    var lines: [String] {
        let grids = RankGrid.towers(run.start.sites)
        guard grids.count > 1 else {
            return lines(grids[0], Widths(grids[0], total: table.total, style.width))
        }
        let part = (style.width - Self.gap * (grids.count - 1)) / grids.count
        let narrow = grids.map { Widths($0, total: $0.total(table.ranks), part) }
        let isBeside = zip(grids, narrow).allSatisfy { $1.all($0) <= part }
        let widths = isBeside ? narrow : grids.map { Widths($0, total: $0.total(table.ranks), style.width) }
        let blocks = zip(grids, widths).map { grid, widths in
            [title(grid, room: widths.all(grid))] + lines(grid, widths)
        }
        let tables =
            isBeside
            ? beside(blocks, widths: zip(grids, widths).map { $1.all($0) })
            : Array(blocks.joined(separator: [""]))
        return tables + [""] + all(grids)
    }

    /// `text tower: 24 triplets, 33.3% of all`
    private func title(_ grid: RankGrid, room: Int) -> String {
        let total = grid.total(table.ranks)
        let text =
            "\(style.name(grid.tower ?? "no")) tower: \(Figures.counted(total, "triplet")), "
            + "\(Self.share(total, of: table.total, style)) of all"
        return style.bold(TerminalText.shortened(text, to: room, unicode: style.unicode))
    }

    /// What all hold and each tower of it, in as many lines as it takes.
    private func all(_ grids: [RankGrid]) -> [String] {
        let parts = grids.map { grid in
            let total = grid.total(table.ranks)
            return "\(style.name(grid.tower ?? "no tower")) \(Figures.grouped(total)) "
                + "(\(Self.share(total, of: table.total, style)))"
        }
        return TerminalText.wrapped(
            "all: \(Figures.counted(table.total, "triplet")), \(parts.joined(separator: ", "))",
            width: style.width, indent: 5
        ).split(separator: "\n").map(String.init)
    }

    /// Lines of blocks side by side, each block as wide as it is anywhere.
    private func beside(_ blocks: [[String]], widths: [Int]) -> [String] {
        (0..<(blocks.map(\.count).max() ?? 0)).map { row in
            let parts = zip(blocks, widths).map { block, width in
                let text = row < block.count ? block[row] : ""
                return text + TerminalText.spaces(width - Self.visibleColumns(text))
            }
            return parts.joined(separator: TerminalText.spaces(Self.gap)).trimmingEnd()
        }
    }

    /// Columns that a line takes on a terminal: escapes take none.
    private static func visibleColumns(_ line: String) -> Int {
        var plain = ""
        var isEscape = false
        for scalar in line.unicodeScalars {
            if scalar == "\u{1B}" {
                isEscape = true
            } else if isEscape {
                isEscape = scalar != "m"
            } else {
                plain.unicodeScalars.append(scalar)
            }
        }
        return TerminalText.columns(plain)
    }

    /// Widths of the columns; cells shrink before anything else does.
    private struct Widths {
        let layer = 6
        let cell: Int
        let total: Int
        /// 0 where there is no room for it.
        let share: Int

        init(_ grid: RankGrid, total: Int, _ width: Int) {
            self.total = max(Figures.grouped(total).count + 2, 8)
            let roles = max(grid.roles.count, 1)
            share = layer + 5 * roles + self.total + 8 <= width ? 8 : 0
            cell = min(max((width - layer - self.total - share) / roles, 5), 9)
        }

        func all(_ grid: RankGrid) -> Int { layer + cell * grid.roles.count + total + share }
    }

    private func lines(_ grid: RankGrid, _ widths: Widths) -> [String] {
        let sum = grid.total(table.ranks)
        let names = grid.roles.map { role in
            let name = TerminalText.shortened(
                style.name(RankGrid.shortName(role)), to: widths.cell - 1, unicode: style.unicode)
            return TerminalText.right(name, widths.cell - 1) + " "
        }
        let rule = style.faint(String(repeating: style.rule, count: widths.all(grid)))
        var lines = [
            style.bold(
                TerminalText.left("layer", widths.layer) + names.joined()
                    + TerminalText.right("total", widths.total)
                    + (widths.share > 0 ? TerminalText.right("share", widths.share) : "")),
            rule,
        ]
        for (row, layer) in grid.layers.enumerated() {
            let cells = grid.row(row).map { at in
                guard let at else { return TerminalText.spaces(widths.cell) }
                let rank = table.ranks[at]
                let text = TerminalText.right("\(rank)", widths.cell - 1) + " "
                return style.shaded(text, RunRecord.shade(rank, of: largest))
            }
            let total = grid.row(row).reduce(0) { $0 + ($1.map { table.ranks[$0] } ?? 0) }
            lines.append(
                TerminalText.right("\(layer)", widths.layer - 1) + " " + cells.joined()
                    + sums(total, of: sum, widths))
        }
        let totals = grid.roles.indices.map { column in
            grid.column(column).reduce(0) { $0 + ($1.map { table.ranks[$0] } ?? 0) }
        }
        let width = widths.cell - 1
        let cells = totals.map { TerminalText.right(Figures.grouped($0), width) + " " }
        let shares = totals.map { total in
            // Decimals would touch their neighbors in narrow columns.
            let text =
                width < 6 ? wholeShare(total, of: sum) : Self.share(total, of: sum, style)
            return TerminalText.right(text, width) + " "
        }
        return lines + [
            rule,
            TerminalText.left("total", widths.layer) + cells.joined()
                + sums(sum, of: sum, widths),
            style.faint(TerminalText.left("share", widths.layer) + shares.joined().trimmingEnd()),
        ]
    }

    private func sums(_ total: Int, of all: Int, _ widths: Widths) -> String {
        TerminalText.right(Figures.grouped(total), widths.total)
            + (widths.share > 0 ? TerminalText.right(Self.share(total, of: all, style), widths.share) : "")
    }

    private func wholeShare(_ part: Int, of whole: Int) -> String {
        whole > 0 ? "\((200 * part + whole) / (2 * whole))%" : style.dash
    }

    static func share(_ part: Int, of whole: Int, _ style: Style) -> String {
        Figures.percent(part, of: whole).map { "\($0)%" } ?? style.dash
    }
}
