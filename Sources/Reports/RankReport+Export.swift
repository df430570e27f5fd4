import Foundation
import Messages
import ModelFiles
import RunRecords

extension RankReport {
    /// One line for each site: `step,site,layer,role,outputs,inputs,initial_rank,rank`, of the table that `table`
    /// shows, or with `history` of every recorded table up to `step`. Of a model of two towers `tower` comes last. Fields are
    /// quoted as in RFC 4180.
    ///
    /// Throws `RecordError` as `table` does.
    package static func csv(_ run: RunRecord, step: Int?, history: Bool) throws -> String {
        let hasTowers = run.start.sites.contains { $0.tower != nil }
        var text = "step,site,layer,role,outputs,inputs,initial_rank,rank\(hasTowers ? ",tower" : "")\n"
        let sites = run.start.sites.enumerated().map { at, site in
            [
                field(site.name), "\(site.layer)", field(site.role), "\(site.outputs)", "\(site.inputs)",
                "\(run.rankTables.first?.ranks[at] ?? 0)",
            ].joined(separator: ",")
        }
        for table in try tables(run, step: step, history: history) {
            for (at, rank) in table.ranks.enumerated() {
                let tower = hasTowers ? "," + field(run.start.sites[at].tower ?? "") : ""
                text += "\(table.step),\(sites[at]),\(rank)\(tower)\n"
            }
        }
        return text
    }

    /// An object with the run, the table that `table` shows and its allocation; with `history` on one line, with
    /// every recorded table up to `step` as an array of ranks in the order of `sites`.
    ///
    /// Throws `RecordError` as `table` does.
    package static func json(_ run: RunRecord, step: Int?, history: Bool) throws -> String {
        let table = try run.rankTable(at: step)
        let grids = RankGrid.towers(run.start.sites)
        let initial = run.rankTables[0].ranks
        var object = summary(run, table, asked: step)
        object["allocation"] = run.allocation(at: table.step).map { allocation($0, run) } ?? .null
        if grids.count > 1 { object["towers"] = .array(grids.map { tower($0, table, run) }) }
        object["layers"] = .array(
            grids.flatMap { grid in
                grid.layers.indices.map { row in
                    sums("layer", .init(grid.layers[row]), grid.row(row), table, grid.tower)
                }
            })
        object["roles"] = .array(
            grids.flatMap { grid in
                grid.roles.indices.map { column in
                    sums(
                        "role", .string(TerminalText.clean(grid.roles[column])), grid.column(column), table,
                        grid.tower)
                }
            })
        object["sites"] = .array(
            run.start.sites.indices.map { at in
                let site = run.start.sites[at]
                var object: JSONObject = [
                    "site": .string(TerminalText.clean(site.name)), "layer": .init(site.layer),
                    "role": .string(TerminalText.clean(site.role)), "outputs": .init(site.outputs),
                    "inputs": .init(site.inputs), "initialRank": .init(initial[at]),
                    "rank": .init(table.ranks[at]),
                ]
                if let tower = site.tower { object["tower"] = .string(TerminalText.clean(tower)) }
                return .object(object)
            })
        if history {
            object["history"] = .array(
                try tables(run, step: step, history: true).map { table in
                    .object([
                        "step": .init(table.step), "kept": .init(table.total),
                        "ranks": .array(table.ranks.map { .init($0) }),
                    ])
                })
        }
        object["notes"] = .array(run.notes.map { .string($0) })
        return JSONValue.object(object).text(pretty: !history) + "\n"
    }

    private static func tables(
        _ run: RunRecord, step: Int?, history: Bool
    ) throws -> [RunRecord.RankTable] {
        let table = try run.rankTable(at: step)
        return history ? run.rankTables.filter { $0.step <= table.step } : [table]
    }

    private static func summary(_ run: RunRecord, _ table: RunRecord.RankTable, asked: Int?) -> JSONObject {
        let initial = run.rankTables[0]
        return [
            "method": .string(TerminalText.clean(run.start.method)), "step": .init(table.step),
            "requestedStep": asked.map { .init($0) } ?? .null,
            "lastStep": .init(run.lastStep), "totalSteps": .init(run.start.totalSteps),
            "end": run.end.map { .string($0.reason.rawValue) } ?? .null,
            "resumedAfter": .array(run.resumedAfter.map { .init($0) }),
            "budget": .init(run.allocation(at: table.step)?.budget ?? run.start.initialBudget),
            "initialBudget": .init(run.start.initialBudget), "finalBudget": .init(run.start.finalBudget),
            "budgetUnit": .string(run.start.budgetUnit.rawValue),
            "kept": .init(table.total), "initial": .init(initial.total),
            "parameters": .init(run.parameters(table.ranks)),
            "initialParameters": .init(run.parameters(initial.ranks)),
            "modulesAtRankZero": .init(table.ranks.count { $0 == 0 }),
        ]
    }

    private static func allocation(_ record: RunRecord.Allocation, _ run: RunRecord) -> JSONValue {
        func score(_ value: Double?) -> JSONValue { value.map { .number($0) } ?? .null }
        return .object([
            "step": .init(record.step), "budget": .init(record.budget),
            "budgetUnit": .string(run.start.budgetUnit.rawValue), "spent": .init(record.spent),
            "threshold": score(record.worstKept),
            "worstKept": score(record.worstKept), "bestPruned": score(record.bestPruned),
            "returned": .init(record.returned), "left": .init(record.left), "added": .init(record.added),
        ])
    }

    /// A tower's sum, and its budget where it has one of its own.
    private static func tower(_ grid: RankGrid, _ table: RunRecord.RankTable, _ run: RunRecord) -> JSONValue {
        let total = grid.total(table.ranks)
        var object: JSONObject = [
            "tower": .string(TerminalText.clean(grid.tower ?? "")), "rank": .init(total),
            "share": table.total > 0 ? .number(Double(total) / Double(table.total)) : .null,
        ]
        if let at = run.start.towerBudgets.firstIndex(where: { $0.tower == grid.tower }) {
            let own = run.start.towerBudgets[at]
            object["budget"] = .init(
                run.allocation(at: table.step)?.towers[at].budget ?? own.initial)
            object["initialBudget"] = .init(own.initial)
            object["finalBudget"] = .init(own.final)
        }
        return .object(object)
    }

    /// `share` is a fraction of the kept triplets, null when there are none.
    private static func sums(
        _ key: String, _ name: JSONValue, _ sites: [Int?], _ table: RunRecord.RankTable, _ tower: String?
    ) -> JSONValue {
        let total = sites.reduce(0) { $0 + ($1.map { table.ranks[$0] } ?? 0) }
        var object = JSONObject()
        if let tower { object["tower"] = .string(TerminalText.clean(tower)) }
        object[key] = name
        object["rank"] = .init(total)
        object["share"] = table.total > 0 ? .number(Double(total) / Double(table.total)) : .null
        return .object(object)
    }

    /// A text as a CSV field, quoted where RFC 4180 asks for it.
    package static func field(_ text: String) -> String {
        let clean = TerminalText.clean(text)
        guard clean.contains(where: { $0 == "," || $0 == "\"" }) else { return clean }
        return "\"\(clean.replacing("\"", with: "\"\""))\""
    }
}
