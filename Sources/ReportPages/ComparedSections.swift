import Charts
import Foundation
import Messages
import Reports

/// The sections of the page of several runs.
struct ComparedSections {
    let report: RunReport
    private var runs: [ReportedRun] { report.runs }

    init(_ report: RunReport) { self.report = report }

    var markup: Markup {
        let apart = ["ranks", "difference", "total-rank", "throughput"]
        return .joined(
            [
                summary, comparison, rank,
                PageParts.section(
                    "learning", "Loss and metrics",
                    [best, PageParts.grid(report.figures.filter { !apart.contains($0.id) })]),
                PageParts.section(
                    "speed", "Rank and speed",
                    [PageParts.grid(report.figures.filter { ["total-rank", "throughput"].contains($0.id) })]),
                settings, environment,
            ], separator: "\n")
    }

    /// What each run keeps, and which does best.
    private var best: Markup {
        let standing = BestRuns(runs)
        let kept = runs.map(\.keptEvaluation)
        guard kept.contains(where: { $0 != nil }) else { return .empty }
        let rows = standing.rows
        let cells = rows.map { row in
            [row.name] + row.values.map { value in value.map { Figures.fixed($0, 4) } ?? "–" }
        }
        let steps = ["after step"] + kept.map { one in one.map { Figures.grouped($0.step) } ?? "–" }
        let marks = rows.enumerated().flatMap { at, row in row.best.map { [at, $0 + 1] } }
        let note = standing.problem.map {
            Markup.element("p", [("class", "absent")], text: "The best values are not marked: \($0).")
        }
        return .table(
            caption: "The evaluation that each run keeps", head: ["metric"] + runs.map(\.name),
            rows: cells + [steps], best: marks) + (note ?? .empty)
    }

    private func figure(_ id: String, width: Double = 620) -> Markup {
        report.figures.first { $0.id == id }.map { PageParts.figure($0, width: width) } ?? .empty
    }

    private var summary: Markup {
        let summaries = runs.map { RunSummary($0) }
        let rows = summaries[0].items.map(\.label).map { label in
            [label]
                + summaries.map { summary in
                    let item = summary.item(label)
                    let note = item?.note ?? ""
                    return (item?.value ?? "not recorded") + (note.isEmpty ? "" : " (\(note))")
                }
        }
        let judged = 1 + (rows.firstIndex { $0[0] == "Best metric" } ?? 0)
        let table = Markup.table(
            caption: "The runs beside each other", head: ["run"] + runs.map(\.name),
            rows: [["State"] + runs.map(\.record.state)] + rows, isNumeric: false,
            best: BestRuns(runs).judged.map { [judged, $0 + 1] })
        let notes = ComparedBudgets(runs).notes.map { Markup.element("p", text: $0) }
        return PageParts.section("summary", "Summary", [table] + notes)
    }

    private var comparison: Markup {
        guard let comparison = report.comparison else { return .empty }
        return PageParts.section(
            "comparison", "The comparison",
            intro:
                "The table of the adalora compare that these runs belong to: means over seeds, and differences to its "
                + "baseline with their 95 % intervals. The best mean of each budget is marked.",
            [
                .table(
                    caption: "All arms of the comparison", head: comparison.head, rows: comparison.rows,
                    best: comparison.best)
            ])
    }

    private var rank: Markup {
        PageParts.section(
            "rank", "Where the rank goes",
            intro: "The runs at the same step; one that ended before stays as it ended.",
            [
                PageParts.player(steps: runs.contains { $0.isAllocated } ? PageData(report).frames.count : 0),
                figure("ranks", width: 1180),
                figure("difference", width: 1180),
            ])
    }

    private var settings: Markup {
        var keys: [String] = []
        for key in runs.flatMap(\.settings.effective).map(\.key) where !keys.contains(key) {
            keys.append(key)
        }
        let rows = keys.compactMap { key -> [String]? in
            let values = runs.map { $0.settings.value(key) }
            guard Set(values).count > 1, key != "output" else { return nil }
            return [key] + values.map { $0 ?? "–" }
        }
        let problems = runs.compactMap { run in run.settings.problem.map { "\(run.name): \($0)." } }
        let notes = Markup.joined(problems.map { .element("p", [("class", "absent")], text: $0) })
        let table =
            rows.isEmpty
            ? Markup.element("p", text: "No setting differs.")
            : .table(
                caption: "Settings that differ; – has no effect in that run",
                head: ["setting"] + runs.map(\.name), rows: rows, isNumeric: false)
        return PageParts.section("configuration", "Settings that differ", [notes, table])
    }

    private var environment: Markup {
        let facts = runs.map { run in EnvironmentFacts.of(run) }
        var names: [String] = []
        for name in facts.flatMap({ $0 }).map(\.name) where !names.contains(name) { names.append(name) }
        let rows = names.map { name in
            [name]
                + facts.map { facts in
                    facts.first { $0.name == name }.flatMap { $0.value } ?? "not recorded"
                }
        }
        return PageParts.section(
            "environment", "Environment",
            [
                .table(
                    caption: "Where the runs were made", head: ["run"] + runs.map(\.name), rows: rows,
                    isNumeric: false)
            ])
    }
}
