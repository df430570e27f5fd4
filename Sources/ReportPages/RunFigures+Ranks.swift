import Charts
import Foundation
import Messages
import Reports

extension RunFigures {
    static func ranks(_ run: ReportedRun) -> ReportFigure {
        guard let problem = run.noRanks else {
            let table = run.record.rankTables[run.record.rankTables.count - 1]
            return ReportFigure(
                id: "ranks", title: "Rank by layer and role",
                caption:
                    "Triplets that each matrix holds. An empty cell has rank 0: the matrix is as pretrained.",
                content: .drawn(
                    draw: { form in
                        var panel = RankMaps.panel(
                            run, table.ranks, id: form.id, title: "Rank after step \(table.step)")
                        panel.style = RankMaps.style(
                            form, largest: table.ranks.max() ?? 1, inRun: run.record.largestRank)
                        return panel.svg()
                    }, table: { rankRows(run) }))
        }
        return ReportFigure(
            id: "ranks", title: "Rank by layer and role", caption: "", content: .missing(problem))
    }

    private static func rankRows(_ run: ReportedRun) -> FigureTable {
        let sites = run.record.start.sites
        return FigureTable(
            columns: ["step"] + sites.map(\.name),
            rows: run.record.rankTables.map { table in
                [FigureValue(table.step)] + table.ranks.map { FigureValue($0) }
            })
    }

    /// How far each matrix moved.
    static func changes(_ run: ReportedRun) -> ReportFigure {
        let (id, title) = ("change", "Size of each update")
        guard let snapshot = run.triplets?.snapshots.last else {
            return ReportFigure(
                id: id, title: title, caption: "", content: .missing(run.tripletsProblem ?? "not recorded"))
        }
        let sizes = snapshot.sites.map { $0.spectrum.energy.map { $0.squareRoot() } }
        return ReportFigure(
            id: id, title: title,
            caption:
                "‖ΔW‖, the Frobenius norm of what was learned: the root of the sum of squared singular values.",
            content: .drawn(
                draw: { form in
                    let grids = RankGrid.towers(run.record.start.sites)
                    let maps = grids.map { grid in
                        Heatmap(
                            id: form.id, title: grid.tower ?? "",
                            rowLabels: grid.layers.map { "\($0)" },
                            columnLabels: grid.roles.map(RankGrid.shortName),
                            values: grid.layers.indices.map { row in
                                grid.row(row).map { at in at.flatMap { sizes[$0] } }
                            })
                    }
                    var map = HeatmapPanel(
                        id: form.id, title: "‖ΔW‖ after step \(snapshot.step)", maps: maps)
                    map.style.showsZeroAsEmpty = true
                    map.style.rowTitle = "layer"
                    map.style.legendTitle = "‖ΔW‖"
                    map.style.missingNote = "not adapted, or not finite"
                    map.style.maxWidth = form.width
                    map.style.fillsWidth = !form.isNarrow
                    map.style.theme = form.theme
                    let largest = sizes.compactMap { $0 }.max() ?? 0
                    map.style.scale = .sequential(range: 0...max(largest, 1e-6))
                    map.style.format = largest >= 10 ? .decimals(1) : .decimals(2)
                    return map.svg()
                },
                table: {
                    FigureTable(
                        columns: ["site", "layer", "role", "rank", "norm", "largest_singular_value"],
                        rows: zip(run.record.start.sites, snapshot.sites).map { site, triplets in
                            [
                                .text(site.name), FigureValue(site.layer), .text(site.role),
                                FigureValue(triplets.rank),
                                FigureValue(triplets.spectrum.energy.map { $0.squareRoot() }),
                                FigureValue(triplets.spectrum.largest),
                            ]
                        })
                }))
    }

    /// Of a model of two towers; none of a model of one.
    static func towers(_ run: ReportedRun) -> [ReportFigure] {
        let grids = RankGrid.towers(run.record.start.sites)
        guard grids.count > 1 else { return [] }
        return [
            overTime(
                run, id: "towers", title: "Rank over time by tower",
                groups: grids.map { grid in
                    (grid.tower ?? "no tower", grid.layers.indices.flatMap { grid.row($0) }.compactMap { $0 })
                })
        ]
    }

    /// A figure for each tower.
    static func roles(_ run: ReportedRun) -> [ReportFigure] {
        RankGrid.towers(run.record.start.sites).map { grid in
            overTime(
                run, id: part("roles", grid), title: title("Rank over time by role", grid),
                groups: grid.roles.enumerated().map { at, role in (role, grid.column(at).compactMap { $0 }) }
            )
        }
    }

    static func layers(_ run: ReportedRun) -> [ReportFigure] {
        RankGrid.towers(run.record.start.sites).map { grid in
            overTime(
                run, id: part("layers", grid), title: title("Rank over time by layer", grid),
                groups: grid.layers.enumerated().map { at, layer in
                    ("layer \(layer)", grid.row(at).compactMap { $0 })
                }, isSequence: true)
        }
    }

    /// `roles`, `roles-text`: names come from a file, and ids stand in the page.
    private static func part(_ id: String, _ grid: RankGrid) -> String {
        guard let tower = grid.tower else { return id }
        return "\(id)-" + String(tower.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "-" })
    }

    private static func title(_ title: String, _ grid: RankGrid) -> String {
        grid.tower.map { "\(title), \($0) tower" } ?? title
    }

    private static func overTime(
        _ run: ReportedRun, id: String, title: String, groups: [(name: String, sites: [Int])],
        isSequence: Bool = false
    ) -> ReportFigure {
        if let problem = run.noRanks {
            return ReportFigure(id: id, title: title, caption: "", content: .missing(problem))
        }
        let tables = run.record.rankTables
        let sums = tables.map { table in
            groups.map { group in Double(group.sites.reduce(0) { $0 + table.ranks[$1] }) }
        }
        return ReportFigure(
            id: id, title: title,
            caption: "Triplets alive after each allocation, stacked: the upper edge is the budget in use.",
            content: .drawn(
                draw: { form in
                    // The extremes of the total; those of single groups where they are few.
                    var measures: [(Int) -> Double] = [{ sums[$0].reduce(0, +) }]
                    if groups.count <= 12 {
                        for group in groups.indices { measures.append { sums[$0][group] } }
                    }
                    let limit = groups.count > 12 ? 160 : form.isNarrow ? 240 : 600
                    let kept = Thinning.indices(count: tables.count, limit: limit, measures: measures)
                    var times = kept.map { Double(tables[$0].step) }
                    var rows = kept.map { sums[$0] }
                    // What the last table says holds to the end of the run.
                    if let last = rows.last, times.last ?? 0 < Double(run.record.lastStep) {
                        times.append(Double(run.record.lastStep))
                        rows.append(last)
                    }
                    var chart = StackedAreaChart(
                        id: form.id, title: title, x: run.stepAxis,
                        y: Axis("triplets", includesZero: true, wholeNumbers: true), xValues: times,
                        groups: groups.indices.map { group in
                            .init(name: groups[group].name, values: rows.map { $0[group] })
                        })
                    chart.isSequence = isSequence
                    chart.phases = run.phases
                    chart.legend = form.isNarrow ? .above : .automatic
                    chart.width = form.width
                    chart.height = form.isNarrow ? 320 : 360
                    chart.theme = form.theme
                    return chart.svg()
                },
                table: {
                    FigureTable(
                        columns: ["step"] + groups.map(\.name) + ["total"],
                        rows: zip(tables, sums).map { table, row in
                            [FigureValue(table.step)] + row.map { FigureValue($0) }
                                + [FigureValue(table.total)]
                        })
                }))
    }
}

extension ReportedRun {
    /// Why there are no ranks; nil when there are.
    var noRanks: String? {
        if !record.rankTables.isEmpty { return nil }
        return record.start.sites.isEmpty
            ? record.start.lack(of: "ranks")
            : "no ranks are recorded yet"
    }
}

/// Heatmaps of ranks.
enum RankMaps {
    /// A map, or for a model of two towers one for each, whose columns are the same as those of `SharedGrid`.
    static func panel(_ run: ReportedRun, _ ranks: [Int], id: String, title: String) -> HeatmapPanel {
        let shared = SharedGrid([run])
        let values = shared.positions(run).map { at in at.map { Double(ranks[$0]) } }
        let total = ranks.reduce(0, +)
        let maps = shared.towers.map { tower in
            let sum = tower.rows.flatMap { shared.positions(run)[shared.cells($0)] }.reduce(0) {
                $0 + ($1.map { ranks[$0] } ?? 0)
            }
            return shared.map(
                tower.name.map { "\($0): \(Figures.grouped(sum))\(share(sum, of: total))" } ?? "", values,
                rows: tower.rows)
        }
        return HeatmapPanel(id: id, title: title, maps: maps)
    }

    /// ` (33.3%)`; nothing where there is no whole.
    private static func share(_ part: Int, of whole: Int) -> String {
        Figures.percent(part, of: whole).map { " (\($0)%)" } ?? ""
    }

    /// - Parameters:
    ///   - largest: the largest rank shown, the end of the scale.
    ///   - inRun: that of all steps: while a reader goes through these, one scale makes their maps compare.
    static func style(_ form: FigureForm, largest: Int, inRun: Int) -> HeatmapStyle {
        var style = HeatmapStyle()
        style.scale = scale(largest)
        style.pageScale = scale(inRun)
        style.format = .decimals(0)
        style.legendTitle = "rank"
        style.missingNote = "not adapted"
        style.rowTitle = "layer"
        style.showsZeroAsEmpty = true
        style.marksCells = true
        style.fillsWidth = !form.isNarrow
        style.maxWidth = form.width
        style.theme = form.theme
        return style
    }

    /// From 0, so that weights are in proportion; of one rank alone not the heaviest.
    static func scale(_ largest: Int) -> ColorScale { .sequential(range: 0...Double(max(largest, 2))) }

    static func differences(_ largest: Int) -> ColorScale { .diverging(limit: Double(max(largest, 1))) }
}
