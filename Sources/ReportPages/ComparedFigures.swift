import Charts
import Foundation
import Reports

/// The figures of several runs beside each other.
enum ComparedFigures {
    static func all(_ runs: [ReportedRun]) -> [ReportFigure] {
        let metrics = runs.flatMap(\.metricNames)
        var names: [String] = []
        for name in metrics where !names.contains(name) { names.append(name) }
        return [ranks(runs), difference(runs), loss(runs), validationLoss(runs)]
            + names.map { metric(runs, $0) } + [learningRate(runs), total(runs), throughput(runs)]
    }

    private static func chart(
        _ runs: [ReportedRun], _ form: FigureForm, _ title: String, y: Axis, series: [Series]
    ) -> String {
        let limit = max(Int(form.width * 1.5), 8)
        let last = runs.map { max($0.record.lastStep, 1) }.max() ?? 1
        var chart = LineChart(
            id: form.id, title: title, x: Axis("step", wholeNumbers: true, range: 0...Double(last)), y: y,
            series: series.map { $0.thinned(to: limit) })
        // Phases of runs that differ would lie over each other.
        let phases = runs.map(\.phases).filter { !$0.isEmpty }
        if let first = phases.first, phases.allSatisfy({ $0 == first }) { chart.phases = first }
        chart.legend = .above
        chart.width = form.width
        chart.height = form.isNarrow ? 320 : 360
        chart.theme = form.theme
        return chart.svg()
    }

    /// A line for each run; a run without values has no line and is named in the caption.
    private static func lines(
        _ runs: [ReportedRun], id: String, title: String, caption: String, y: Axis,
        points: @escaping @Sendable (ReportedRun) -> [(step: Int, value: Double)]
    ) -> ReportFigure {
        let values = runs.map(points)
        guard values.contains(where: { !$0.isEmpty }) else {
            return ReportFigure(
                id: id, title: title, caption: "", content: .missing("none of the runs has recorded it"))
        }
        let without = zip(runs, values).filter { $1.isEmpty }.map(\.0.name)
        let note = without.isEmpty ? "" : " Not recorded by \(without.joined(separator: ", "))."
        return ReportFigure(
            id: id, title: title, caption: caption + note,
            content: .drawn(
                draw: { form in
                    let series = zip(runs, values).enumerated().map { at, run -> Series in
                        var one = Series(
                            name: run.0.name,
                            points: run.1.map { ChartPoint(x: Double($0.step), y: $0.value) })
                        // Colors stay with their runs through all charts.
                        one.look = at
                        return one
                    }
                    return chart(runs, form, title, y: y, series: series.filter { !$0.points.isEmpty })
                },
                table: {
                    FigureTable(
                        columns: ["step", "run", "value"],
                        rows: zip(runs, values).flatMap { run, points in
                            points.map { [FigureValue($0.step), .text(run.name), FigureValue($0.value)] }
                        })
                }))
    }

    private static func loss(_ runs: [ReportedRun]) -> ReportFigure {
        lines(
            runs, id: "loss", title: "Loss",
            caption: "Training loss, smoothed; the report of one run alone shows every step.",
            y: Axis("loss")
        ) { run in
            let smoothed = Smoothing.average(run.record.steps.map(\.loss))
            return zip(run.record.steps, smoothed).map { ($0.step, $1) }
        }
    }

    private static func validationLoss(_ runs: [ReportedRun]) -> ReportFigure {
        lines(
            runs, id: "validation-loss", title: "Validation loss", caption: "After each evaluation.",
            y: Axis("loss")
        ) { run in run.record.evaluations.map { ($0.step, $0.loss) } }
    }

    private static func metric(_ runs: [ReportedRun], _ name: String) -> ReportFigure {
        lines(
            runs, id: "metric:\(name)", title: "Validation \(name)", caption: "After each evaluation.",
            y: Axis(name)
        ) { run in
            run.record.evaluations.compactMap { one in
                one.metrics.contains { $0.name == name } ? (one.step, one.value(of: name) ?? .nan) : nil
            }
        }
    }

    private static func learningRate(_ runs: [ReportedRun]) -> ReportFigure {
        lines(
            runs, id: "learning-rate", title: "Learning rate",
            caption: "Of each step, as the schedule gives it.", y: Axis("learning rate", includesZero: true)
        ) { run in run.record.steps.map { ($0.step, $0.learningRate) } }
    }

    private static func total(_ runs: [ReportedRun]) -> ReportFigure {
        lines(
            runs, id: "total-rank", title: "Triplets alive", caption: "The sum of all ranks.",
            y: Axis("triplets", includesZero: true, wholeNumbers: true)
        ) { run in
            var points: [(step: Int, value: Double)] = []
            for table in run.record.rankTables {
                // The ranks before hold until here.
                if let last = points.last, last.step < table.step - 1 {
                    points.append((table.step - 1, last.value))
                }
                points.append((table.step, Double(table.total)))
            }
            if let last = points.last, last.step < run.record.lastStep {
                points.append((run.record.lastStep, last.value))
            }
            return points
        }
    }

    private static func throughput(_ runs: [ReportedRun]) -> ReportFigure {
        lines(
            runs, id: "throughput", title: "Tokens per second",
            caption: "Smoothed, evaluations apart. Runs that shared the machine with others compare badly.",
            y: Axis("tokens/s", format: .si, includesZero: true)
        ) { run in
            let steps = run.record.steps.filter { $0.seconds > 0 }
            let smoothed = Smoothing.average(steps.map { Double($0.tokens) / $0.seconds })
            return zip(steps, smoothed).map { ($0.step, $1) }
        }
    }

    private static func ranks(_ runs: [ReportedRun]) -> ReportFigure {
        let grid = SharedGrid(runs)
        let (id, title) = ("ranks", "Rank by layer and role")
        guard !grid.members.isEmpty else {
            return ReportFigure(
                id: id, title: title, caption: "", content: .missing("none of the runs has ranks"))
        }
        return ReportFigure(
            id: id, title: title, caption: "On one color scale. An empty cell has rank 0.",
            content: .drawn(
                draw: { form in
                    var panel = HeatmapPanel(
                        id: form.id, title: "Rank at the end",
                        maps: grid.members.map { run in
                            grid.map(run.name, grid.finalRanks(run).map { $0.map(Double.init) })
                        })
                    let shown = grid.members.flatMap { grid.finalRanks($0).compactMap { $0 } }
                    panel.style = RankMaps.style(form, largest: shown.max() ?? 1, inRun: grid.largest)
                    return panel.svg()
                }, table: { grid.table }))
    }

    /// Each other run less the first one.
    private static func difference(_ runs: [ReportedRun]) -> ReportFigure {
        let grid = SharedGrid(runs)
        let (id, title) = ("difference", "Difference of ranks")
        guard let first = grid.members.first, grid.members.count > 1 else {
            return ReportFigure(
                id: id, title: title, caption: "",
                content: .missing("fewer than two of the runs have ranks"))
        }
        return ReportFigure(
            id: id, title: title,
            caption: "Rank in each run less that in \(first.name): red has more, blue less.",
            content: .drawn(
                draw: { form in
                    var panel = HeatmapPanel(
                        id: form.id, title: "Difference at the end",
                        maps: grid.members.dropFirst().map { run in
                            grid.map(run.name, grid.differences(run, from: first))
                        })
                    let shown = grid.members.dropFirst().flatMap {
                        grid.differences($0, from: first).compactMap { $0.map { Int(abs($0)) } }
                    }
                    panel.style = RankMaps.style(form, largest: 1, inRun: 1)
                    panel.style.scale = RankMaps.differences(shown.max() ?? 1)
                    panel.style.pageScale = RankMaps.differences(grid.largest)
                    panel.style.showsZeroAsEmpty = false
                    panel.style.legendTitle = "more or less"
                    panel.style.missingNote = "not in both"
                    return panel.svg()
                },
                table: {
                    FigureTable(
                        columns: grid.placeColumns + ["run", "difference"],
                        rows: grid.members.dropFirst().flatMap { run in
                            zip(grid.cells, grid.differences(run, from: first)).map { cell, value in
                                SharedGrid.values(cell, hasTower: grid.hasTowers) + [
                                    .text(run.name), FigureValue(value),
                                ]
                            }
                        })
                }))
    }
}

/// Layers × roles of several runs together, a tower after the other where models have two.
struct SharedGrid: Sendable {
    /// The layer of a tower
    struct Row: Hashable, Sendable {
        /// nil in a model of one
        let tower: String?
        let layer: Int

        /// `3`, `text 3`
        var label: String { "\(tower.map { $0 + " " } ?? "")\(layer)" }
    }

    /// The runs that have ranks.
    let members: [ReportedRun]
    let rows: [Row]
    let roles: [String]

    init(_ runs: [ReportedRun]) {
        members = runs.filter { $0.noRanks == nil }
        var seen: Set<RankGrid.Place> = []
        let places = members.flatMap { $0.record.start.sites.map(\.place) }.filter {
            seen.insert($0).inserted
        }
        let grids = RankGrid.towers(places)
        rows = grids.flatMap { grid in grid.layers.map { Row(tower: grid.tower, layer: $0) } }
        roles = grids.reduce(into: []) { roles, grid in
            roles += grid.roles.filter { !roles.contains($0) }
        }
    }

    /// Row by row.
    var cells: [RankGrid.Place] {
        rows.flatMap { row in roles.map { RankGrid.Place(tower: row.tower, layer: row.layer, role: $0) } }
    }

    /// The cells of a row
    func cells(_ row: Int) -> Range<Int> { (row * roles.count)..<((row + 1) * roles.count) }

    /// The rows of each tower; one entry for models of one.
    var towers: [(name: String?, rows: Range<Int>)] {
        var towers: [(name: String?, rows: Range<Int>)] = []
        for (at, row) in rows.enumerated() {
            if let last = towers.last, last.name == row.tower {
                towers[towers.count - 1].rows = last.rows.lowerBound..<(at + 1)
            } else {
                towers.append((row.tower, at..<(at + 1)))
            }
        }
        return towers
    }

    /// Whether some run has a model of two towers
    var hasTowers: Bool { rows.contains { $0.tower != nil } }

    var largest: Int { members.map(\.record.largestRank).max() ?? 1 }

    /// For each cell the position of the run's site; nil where it adapts no such matrix.
    func positions(_ run: ReportedRun) -> [Int?] {
        let sites = run.record.start.sites.enumerated().map { ($1.place, $0) }
        let places = Dictionary(uniqueKeysWithValues: sites)
        return cells.map { places[$0] }
    }

    func finalRanks(_ run: ReportedRun) -> [Int?] {
        let ranks = run.record.rankTables.last?.ranks ?? []
        return positions(run).map { at in at.map { ranks[$0] } }
    }

    func differences(_ run: ReportedRun, from first: ReportedRun) -> [Double?] {
        zip(finalRanks(run), finalRanks(first)).map { one, other in
            guard let one, let other else { return nil }
            return Double(one - other)
        }
    }

    /// - Parameters:
    ///   - values: of the cells.
    ///   - shown: the rows of one tower, which the map's title names; nil for all.
    func map(_ title: String, _ values: [Double?], rows shown: Range<Int>? = nil) -> Heatmap {
        let shown = shown ?? rows.indices
        return Heatmap(
            id: "", title: title,
            rowLabels: shown.map { shown == rows.indices ? rows[$0].label : "\(rows[$0].layer)" },
            columnLabels: roles.map(RankGrid.shortName),
            values: shown.map { Array(values[cells($0)]) })
    }

    /// The columns that tell a cell, in front of others.
    var placeColumns: [String] { (hasTowers ? ["tower"] : []) + ["layer", "role"] }

    static func values(_ cell: RankGrid.Place, hasTower: Bool) -> [FigureValue] {
        (hasTower ? [cell.tower.map { .text($0) } ?? .none] : [])
            + [FigureValue(cell.layer), .text(cell.role)]
    }

    var table: FigureTable {
        FigureTable(
            columns: placeColumns + members.map(\.name),
            rows: zip(cells, cells.indices).map { cell, at in
                Self.values(cell, hasTower: hasTowers)
                    + members.map { FigureValue(finalRanks($0)[at].map(Double.init)) }
            })
    }
}
