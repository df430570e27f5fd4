import Charts
import Datasets
import Foundation
import Messages
import ModelFiles
import Reports
import RunRecords
import Tasks

/// A report about one run, or about several beside each other: a page, or its figures one by one.
package struct RunReport: Sendable {
    package let runs: [ReportedRun]
    /// In the order of the page.
    package let figures: [ReportFigure]
    /// The table of the `adalora compare` that all runs belong to; nil where they belong to none.
    let comparison: ComparedTable?

    /// Reads at least one run folder. Throws `RecordError` where one is no run, or is damaged, and `DataError` where the
    /// table of their comparison is.
    ///
    /// - Parameter names: of the runs; nil: those of their folders.
    package init(_ folders: [URL], names: [String]? = nil) throws {
        precondition(!folders.isEmpty, "a report needs a run")
        runs =
            try names.map { names in
                try zip(folders, names).map { try ReportedRun(folder: $0, name: $1) }
            } ?? ReportedRun.all(folders)
        figures = runs.count == 1 ? RunFigures.all(runs[0]) : ComparedFigures.all(runs)
        comparison = try ComparedTable(of: folders)
    }

    /// The names of all figures, of one run and of several; the same figure has the same name in both.
    package static let figureNames = (
        one: [
            "ranks", "change", "loss", "metrics", "learning-rate", "gradient", "roles", "layers",
            "importance",
            "returns", "orthogonality", "throughput", "spectrum:SITE",
        ],
        several: [
            "ranks", "difference", "loss", "validation-loss", "metric:NAME", "learning-rate", "total-rank",
            "throughput",
        ]
    )

    /// Throws `RecordError` for an unknown name, with those that there are.
    package func figure(_ id: String) throws -> ReportFigure {
        if let found = figures.first(where: { $0.id == id }) { return found }
        if runs.count == 1, id.hasPrefix("spectrum:") {
            return try RunFigures.spectrum(runs[0], site: String(id.dropFirst("spectrum:".count)))
        }
        let names = figures.map(\.id) + (runs.count == 1 ? ["spectrum:SITE"] : [])
        throw RecordError(
            kind: .notRecorded, place: "figure '\(id.prefix(60))'", problem: "there is no such figure",
            advice: "choose one of \(names.joined(separator: ", "))")
    }

    /// The summary and the data of all figures, or of one, in full.
    package func json(figure id: String? = nil) throws -> String {
        let shown = try id.map { [try figure($0)] } ?? figures
        let described = shown.map { figure -> JSONValue in
            var object: JSONObject = ["id": .string(figure.id), "title": .string(figure.title)]
            if let table = try? figure.table() {
                object["columns"] = .array(table.columns.map { .string($0) })
                object["rows"] = .array(table.rows.map { row in .array(row.map(\.json)) })
            } else {
                object["missing"] = .bool(true)
            }
            return .object(object)
        }
        let summaries = runs.map { run -> JSONValue in
            var object: JSONObject = ["run": .string(run.name), "state": .string(run.record.state)]
            for item in RunSummary(run).items {
                object[item.label] = item.value.map { .string($0) } ?? .null
            }
            return .object(object)
        }
        let notes = runs.count > 1 ? ComparedBudgets(runs).notes : []
        return JSONValue.object([
            "runs": .array(summaries), "figures": .array(described),
            "notes": .array(notes.map { .string($0) }),
        ]).text() + "\n"
    }

    /// The summary of each run, the final ranks and the evaluations as tables, for pull requests.
    package func markdown() -> String {
        let summaries = runs.map { RunSummary($0) }
        let labels = summaries[0].items.map(\.label)
        var blocks = [
            MarkdownTable.text(
                head: [""] + runs.map(\.name),
                rows: [["State"] + runs.map(\.record.state)]
                    + labels.map { label in
                        [label]
                            + summaries.map { summary in
                                let item = summary.item(label)
                                let note = item?.note ?? ""
                                return (item?.value ?? "not recorded") + (note.isEmpty ? "" : " (\(note))")
                            }
                    })
        ]
        if runs.count > 1 { blocks += ComparedBudgets(runs).notes.map(MarkdownTable.escaped) + bestBlocks }
        for run in runs where run.noRanks == nil {
            let table = run.record.rankTables[run.record.rankTables.count - 1]
            for grid in RankGrid.towers(run.record.start.sites) {
                let sum = grid.total(table.ranks)
                let tower = grid.tower.map {
                    ", \(MarkdownTable.escaped($0)) tower: \(sum) of \(table.total)"
                }
                blocks.append(
                    "Rank in \(MarkdownTable.escaped(run.name)) after step \(table.step)\(tower ?? "")")
                blocks.append(
                    MarkdownTable.text(
                        head: ["layer"] + grid.roles + ["total"],
                        rows: grid.layers.indices.map { row in
                            let ranks = grid.row(row).map { at in at.map { table.ranks[$0] } }
                            return ["\(grid.layers[row])"] + ranks.map { $0.map { "\($0)" } ?? "–" }
                                + ["\(ranks.reduce(0) { $0 + ($1 ?? 0) })"]
                        }))
            }
        }
        for run in runs where !run.record.start.parts.isEmpty {
            let table = PartTable(run.record.start.parts)
            blocks.append("\(table.caption) in \(MarkdownTable.escaped(run.name))")
            blocks.append(MarkdownTable.text(head: PartTable.head, rows: table.rows))
        }
        for run in runs { blocks += ClassSection.markdown(run) }
        if let comparison {
            blocks.append("The comparison")
            blocks.append(MarkdownTable.text(head: comparison.head, rows: comparison.rows))
        }
        return blocks.joined(separator: "\n\n") + "\n"
    }
}

extension RunReport {
    /// The evaluation that each run keeps, the best values marked.
    private var bestBlocks: [String] {
        let standing = BestRuns(runs)
        guard standing.problem == nil else { return [] }
        let rows = standing.rows.map { row in
            [row.name]
                + row.values.enumerated().map { at, value in
                    (value.map { Figures.fixed($0, 4) } ?? "–") + (row.best.contains(at) ? " (best)" : "")
                }
        }
        return [
            "The evaluation that each run keeps",
            MarkdownTable.text(head: ["metric"] + runs.map(\.name), rows: rows),
        ]
    }
}

extension FigureValue {
    var json: JSONValue {
        switch self {
        case .number(let value): .number(value)
        case .text(let text): .string(text)
        case .none: .null
        }
    }
}

enum MarkdownTable {
    static func escaped(_ text: String) -> String {
        var result = ""
        for character in TerminalText.clean(text) {
            if "\\|<>*_`[]&".contains(character) { result.append("\\") }
            result.append(character)
        }
        return result
    }

    static func text(head: [String], rows: [[String]]) -> String {
        let line = { (cells: [String]) in "| " + cells.map(escaped).joined(separator: " | ") + " |" }
        let rule = "|" + head.indices.map { $0 == 0 ? "---|" : "---:|" }.joined()
        return ([line(head), rule] + rows.map(line)).joined(separator: "\n")
    }
}

/// The table that `adalora compare` wrote beside its runs.
struct ComparedTable: Sendable {
    let head: [String]
    let rows: [[String]]
    /// The best mean of each budget, by row and column.
    let best: [[Int]]

    private static let shown = [
        "budget", "arm", "runs", "metric", "mean", "sd", "difference", "low", "high", "learning-rate",
    ]
    /// Of tables that have them: older ones do not.
    private static let newer = [
        "knob", "knob-value", "trainable-parameters", "parameters-at-start", "peak-memory-bytes",
        "seconds-per-step", "forgetting-kl", "held-out-loss", "collapsed", "lost", "search-runs",
        "search-lost", "grid-mean", "grid-worst",
    ]

    /// nil where the runs are not all trials of one comparison. Throws `DataError` for a table that cannot be read.
    init?(of folders: [URL]) throws {
        let stores = Set(
            folders.map { folder -> String? in
                let runs = folder.standardizedFileURL.deletingLastPathComponent()
                guard runs.lastPathComponent == "runs" else { return nil }
                return runs.deletingLastPathComponent().path
            })
        guard folders.count > 1, stores.count == 1, let store = stores.first.flatMap({ $0 }),
            let data = FileManager.default.contents(atPath: "\(store)/table.csv"), data.count < 1 << 20
        else { return nil }
        let lines = try DelimitedTable.rows(csv: Array(data), name: "\(store)/table.csv")
        guard lines.count > 1 else { return nil }
        let titles = lines[0]
        guard Self.shown.allSatisfy(titles.contains) else { return nil }
        head = Self.shown + Self.newer.filter(titles.contains)
        let columns = head.compactMap { titles.firstIndex(of: $0) }
        let cells = lines.dropFirst().map { line in columns.map { line[$0] } }
        rows = cells.map { $0.map(Self.rounded) }
        best = Self.best(Array(cells))
    }

    private static func best(_ cells: [[String]]) -> [[Int]] {
        guard let budget = shown.firstIndex(of: "budget"), let name = shown.firstIndex(of: "metric"),
            let mean = shown.firstIndex(of: "mean")
        else { return [] }
        let groups = Dictionary(grouping: cells.indices) { [cells[$0][budget], cells[$0][name]] }
        return groups.flatMap { group, rows -> [[Int]] in
            guard let metric = Metric(rawValue: group[1]) else { return [] }
            return BestRuns.best(rows.map { Double(cells[$0][mean]) }, metric).map { [rows[$0], mean] }
        }
    }

    private static func rounded(_ text: String) -> String {
        guard text.contains("."), let value = Double(text) else { return text.isEmpty ? "–" : text }
        return NumberFormat.automatic.string(value)
    }
}
