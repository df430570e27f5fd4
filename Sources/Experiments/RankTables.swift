import Messages
import Reports

/// Which roles and which layers hold how much rank at the end: a row for each method, in sections for each budget.
package struct RankTables: Sendable {
    package struct Row: Sendable {
        let name: String
        let ranks: MeanRanks

        package init(name: String, ranks: MeanRanks) {
            self.name = name
            self.ranks = ranks
        }
    }

    private let sections: [(title: String, rows: [Row])]
    /// One for each tower
    private let grids: [RankGrid]
    /// Means of seeds that differ have a decimal, in all tables or in none.
    private let places: Int

    /// - Parameter sections: a title and its rows; those without rows are left out.
    /// - Returns: nil where no row is left.
    package init?(_ sections: [(title: String, rows: [Row])]) {
        let shown = sections.filter { !$0.rows.isEmpty }
        guard !shown.isEmpty else { return nil }
        self.sections = shown
        let ranks = shown.flatMap(\.rows).map(\.ranks)
        let sites = Set(ranks.flatMap(\.bySite.keys)).sorted()
        grids = RankGrid.towers(sites.compactMap(RankGrid.Place.init(site:)))
        let isWhole = ranks.allSatisfy { $0.bySite.values.allSatisfy { $0 == $0.rounded() } }
        places = isWhole ? 0 : 1
    }

    /// Tables by role, then by layer, one below the other; layers go together where a column for each would be too wide.
    package func terminal(width: Int) -> [String] {
        let names = sections.flatMap { [$0.title] + $0.rows.map(\.name) }.map(TerminalText.columns)
        let longest = names.max() ?? 0
        func isTooWide(_ columns: [Column]) -> Bool {
            let widest = lines(columns, width: .max).map(TerminalText.columns).max() ?? 0
            return widest - longest + min(longest, Self.shortestName) > width
        }
        let most = max(grids.map(\.layers.count).max() ?? 1, 1)
        let layerCount = (1...most).first { !isTooWide(layerColumns($0)) } ?? most
        return ["final ranks: triplets by role, mean over runs", ""] + lines(roleColumns, width: width)
            + ["", "final ranks: triplets by layer, mean over runs", ""]
            + lines(layerColumns(layerCount), width: width)
    }

    /// Names of methods are not cut below so many columns for the sake of a column for each layer.
    private static let shortestName = 20

    /// The same two tables with the budget as a column.
    func markdown(level: Int = 3) -> String {
        let mark = String(repeating: "#", count: level)
        return [("By role", roleColumns), ("By layer", layerColumns(1))].map { title, columns in
            var table = TextTable([("budget", .left), ("arm", .left)] + titles(columns).map { ($0, .right) })
            for section in sections {
                for row in section.rows { table.add([section.title] + cells(row, columns)) }
            }
            return "\(mark) \(title)\n\n" + table.markdown().joined(separator: "\n")
        }.joined(separator: "\n\n")
    }

    private struct Column {
        let title: String
        let tower: String?
        let layers: [Int]
        let roles: [String]
    }

    private var roleColumns: [Column] {
        grids.flatMap { grid in
            grid.roles.map {
                Column(
                    title: grid.named(RankGrid.shortName($0)), tower: grid.tower, layers: grid.layers,
                    roles: [$0])
            }
        }
    }

    /// - Parameter count: of layers in a column.
    private func layerColumns(_ count: Int) -> [Column] {
        grids.flatMap { grid in
            let layers = grid.layers
            return stride(from: 0, to: layers.count, by: count).map { start in
                let part = Array(layers[start..<min(start + count, layers.count)])
                let title = part.count == 1 ? "\(part[0])" : "\(part[0])–\(part[part.count - 1])"
                return Column(
                    title: grid.named(title), tower: grid.tower, layers: part, roles: grid.roles)
            }
        }
    }

    private func titles(_ columns: [Column]) -> [String] { columns.map(\.title) + ["total"] }

    private func cells(_ row: Row, _ columns: [Column]) -> [String] {
        [row.name]
            + columns.map { column in
                row.ranks.sum(tower: column.tower, layers: column.layers, roles: column.roles).map {
                    Figures.fixed($0, places)
                }
                    ?? "–"
            } + [Figures.fixed(row.ranks.total, places)]
    }

    private func lines(_ columns: [Column], width: Int) -> [String] {
        var table = SectionTable(titles(columns).map { ($0, .right) })
        for section in sections { table.add(section.title, section.rows.map { cells($0, columns) }) }
        return table.terminal(width: width)
    }
}
