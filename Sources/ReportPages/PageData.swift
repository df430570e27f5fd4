import Charts
import Foundation
import Messages
import ModelFiles
import Reports
import RunRecords

/// What the page's script needs: ranks at the steps of the slider, singular values, and the figures' data.
struct PageData {
    /// More positions than a slider can tell apart only make the page larger.
    static let mostFrames = 240
    /// Bounds on the numbers of the page, about a megabyte each.
    static let mostTripletNumbers = 120_000
    static let mostTableNumbers = 60_000

    private let report: RunReport
    private let grid: SharedGrid
    /// Steps with a rank table in any run: the first, the last, and some between, spread evenly.
    let frames: [Int]

    init(_ report: RunReport) {
        self.report = report
        grid = SharedGrid(report.runs)
        let steps = Set(grid.members.flatMap { $0.record.rankTables.map(\.step) }).sorted()
        frames = Thinning.indices(count: steps.count, limit: Self.mostFrames).map { steps[$0] }
    }

    /// Four significant digits; nil where the value is not finite.
    static func significant(_ value: Double) -> Double? {
        guard value.isFinite else { return nil }
        guard value != 0 else { return 0 }
        let places = 3 - Int(log10(value.magnitude).rounded(.down))
        guard places.magnitude < 300 else { return value }
        let power = pow(10, Double(places.magnitude))
        return places >= 0 ? (value * power).rounded() / power : (value / power).rounded() * power
    }

    private static func number(_ value: Double?) -> JSONValue {
        value.flatMap(significant).map { .number($0) } ?? .null
    }

    var json: JSONValue {
        let largest = max(grid.largest, 1)
        let (ranks, differences) = (RankMaps.scale(largest), RankMaps.differences(largest))
        var object: JSONObject = [
            "name": .string(report.runs.count == 1 ? report.runs[0].name : "runs"),
            "steps": .array(frames.map { .init($0) }),
            "lastStep": .init(report.runs.map { $0.record.start.totalSteps }.max() ?? 0),
            "layers": .array(grid.rows.map { .init($0.layer) }),
            "roles": .array(grid.roles.map { .string($0) }),
            "levels": Self.levels(ranks, 0...largest),
            "differenceLevels": Self.levels(differences, -largest...largest),
            "maps": .array(grid.members.map(map)),
        ]
        if grid.hasTowers {
            object["towers"] = .array(grid.rows.map { $0.tower.map { .string($0) } ?? .null })
        }
        if report.runs.count == 1, let run = grid.members.first {
            object["phases"] = .array(
                run.phases.map { ["label": .string($0.label), "to": .number($0.to)] as JSONObject }
                    .map(JSONValue.object))
            object["budgets"] = .array(frames.map { .init(run.budget(at: $0)) })
            object["unit"] = .string(run.record.start.budgetUnit.rawValue)
            object["first"] = .init(SitePanel.first(run))
            object["sites"] = .array(run.record.start.sites.map(site))
            object["positions"] = .array(grid.positions(run).map { $0.map { .init($0) } ?? .null })
            object["triplets"] = run.triplets.map(triplets) ?? .null
        }
        object["tables"] = .object(tables)
        return .object(object)
    }

    /// The class of each whole number of a range on a heatmap's scale.
    private static func levels(_ scale: ColorScale, _ values: ClosedRange<Int>) -> JSONValue {
        let domain = scale.domain([1]) ?? (0, 1)
        return .array(values.map { .init(scale.level(Double($0), in: domain)) })
    }

    private func site(_ site: RunRecord.Site) -> JSONValue {
        var object: JSONObject = [
            "layer": .init(site.layer), "role": .string(TerminalText.clean(site.role)),
            "outputs": .init(site.outputs), "inputs": .init(site.inputs),
        ]
        if let tower = site.tower { object["tower"] = .string(TerminalText.clean(tower)) }
        return .object(object)
    }

    /// The ranks of a run at each frame, by cell; before its first table those of the first.
    private func map(_ run: ReportedRun) -> JSONValue {
        let positions = grid.positions(run)
        let tables = run.record.rankTables
        var at = 0
        let ranks = frames.map { step -> JSONValue in
            while at + 1 < tables.count, tables[at + 1].step <= step { at += 1 }
            return .array(positions.map { $0.map { .init(tables[at].ranks[$0]) } ?? .null })
        }
        return .object(["name": .string(run.name), "ranks": .array(ranks)])
    }

    private func triplets(_ history: TripletHistory) -> JSONValue {
        let all = history.snapshots
        let each = max(1, all.map { $0.sites.reduce(0) { $0 + $1.kept.count } }.max() ?? 1)
        let limit = min(Self.mostFrames, max(2, Self.mostTripletNumbers / each))
        let shown = Thinning.indices(count: all.count, limit: limit).map { all[$0] }
        func lists(_ values: (TripletHistory.Site) -> [JSONValue]) -> JSONValue {
            .array(shown.map { .array($0.sites.map { .array(values($0)) }) })
        }
        return .object([
            "steps": .array(shown.map { .init($0.step) }),
            "values": lists { $0.spectrum.values.map { Self.number($0) } },
            "scores": lists { $0.importance.map(Self.number) },
            "kept": .array(
                shown.map { snapshot in
                    .array(snapshot.sites.map { .string(String($0.kept.map { $0 ? "1" : "0" })) })
                }),
            "errors": .array(
                shown.map { .array($0.sites.map { Self.number($0.orthogonalityError) }) }),
            "shares": .array(shown.map { .array(SpectrumReport.energyShares($0).map(Self.number)) }),
        ])
    }

    /// The data of each figure as CSV, thinned where it is long.
    private var tables: JSONObject {
        var object = JSONObject()
        for figure in report.figures {
            guard let table = try? figure.table() else { continue }
            let limit = max(60, Self.mostTableNumbers / max(table.columns.count, 1))
            object[figure.id] = .string(table.thinned(to: min(limit, 4000)).csv())
        }
        return object
    }
}

extension RunRecord.Site {
    /// `Layer 3, query`, `Text layer 3, query`
    var pageTitle: String { "\(RankGrid.layerTitle(layer, tower: tower)), \(TerminalText.clean(role))" }
}

extension ReportedRun {
    /// b(t) in force after a step.
    func budget(at step: Int) -> Int {
        record.allocation(at: step)?.budget ?? record.start.initialBudget
    }
}
