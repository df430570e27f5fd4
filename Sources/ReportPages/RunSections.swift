import Charts
import Foundation
import Messages
import ModelFiles
import Reports
import RunRecords

/// The sections of the page of one run.
struct RunSections {
    let report: RunReport
    private let run: ReportedRun

    init(_ report: RunReport) {
        self.report = report
        run = report.runs[0]
    }

    var markup: Markup {
        .joined(
            [
                notes, cards, rank,
                learning, SampleSection(run: run).markup, classes,
                PageParts.section(
                    "triplets", "Triplets", [grid(["importance", "returns", "orthogonality", "change"])]),
                tokens,
                configuration,
            ], separator: "\n")
    }

    private func figure(_ id: String) -> Markup {
        report.figures.first { $0.id == id }.map { PageParts.figure($0) } ?? .empty
    }

    private func grid(_ ids: [String]) -> Markup {
        PageParts.grid(ids.compactMap { id in report.figures.first { $0.id == id } })
    }

    private var notes: Markup {
        let record = run.record
        var texts = record.warnings
        if !record.resumedAfter.isEmpty {
            let steps = record.resumedAfter.map { "\($0)" }.joined(separator: ", ")
            texts.append("The run was resumed after step \(steps).")
        }
        texts += record.notes + (run.triplets?.notes ?? []) + (run.samples?.notes ?? [])
        let undefined = record.steps.count { !$0.loss.isFinite }
        if undefined > 0 {
            texts.append(
                "The loss of \(Figures.counted(undefined, "step")) is not finite: the run diverged.")
        }
        guard !texts.isEmpty else { return .empty }
        let items = Markup.joined(texts.map { .element("li", text: $0) })
        let list = Markup.element("ul", [], items)
        return .element(
            "aside", [("class", "notes"), ("aria-label", "Warnings and notes")],
            texts.count > 4
                ? PageParts.folded("\(texts.count) warnings and notes", list) : list)
    }

    private var cards: Markup {
        let items = RunSummary(run).items.map { item in
            let value =
                item.value.map { Markup.element("dd", [("class", "value")], text: $0) }
                ?? .element("dd", [("class", "value absent")], text: "not recorded")
            let note = item.note.isEmpty ? Markup.empty : .element("dd", [("class", "note")], text: item.note)
            return Markup.element(
                "div", [("class", "card")], .element("dt", text: item.heading ?? item.label) + value + note)
        }
        return .element(
            "section", [("aria-label", "Summary")],
            .element("dl", [("class", "cards")], .joined(items, separator: "\n")))
    }

    private var rank: Markup {
        let intro =
            run.isAllocated
            ? (run.record.start.towerBudgets.isEmpty
                ? "All matrices share one budget. " : "The matrices of each tower share a budget. ")
                + "Move the slider or press Play to see it move; choose a cell to see what "
                + "its matrix learned."
            : "Every matrix keeps its rank in this run; choose a cell to see what it learned."
        if !run.record.start.parts.isEmpty {
            let table = PartTable(run.record.start.parts)
            return PageParts.section(
                "rank", "What was trained",
                [
                    .element(
                        "div", [("class", "panel")],
                        .table(caption: table.caption, head: PartTable.head, rows: table.rows))
                ])
        }
        guard run.noRanks == nil else {
            return PageParts.section("rank", "Where the rank goes", [figure("ranks")])
        }
        let frames = PageData(report).frames.count
        let tables = run.record.rankTables.count
        let thinned = frames < tables ? " The slider has \(frames) of \(tables) recorded steps." : ""
        let split = Markup.element(
            "div", [("class", "split")], figure("ranks") + SitePanel(run).markup)
        return PageParts.section(
            "rank", "Where the rank goes", intro: intro + thinned,
            [
                PageParts.player(steps: run.isAllocated ? frames : 0), split,
                self.grid(overTime), rankTables,
            ])
    }

    /// Of each tower where there are two
    private var overTime: [String] {
        report.figures.map(\.id).filter { id in
            ["towers", "roles", "layers"].contains { id == $0 || id.hasPrefix("\($0)-") }
        }
    }

    private var rankTables: Markup {
        PageParts.folded(
            "Ranks as a table", .joined(RankGrid.towers(run.record.start.sites).map { rankTable($0) }))
    }

    private func rankTable(_ grid: RankGrid) -> Markup {
        let table = run.record.rankTables[run.record.rankTables.count - 1]
        let rows = grid.layers.indices.map { row in
            let ranks = grid.row(row).map { at in at.map { table.ranks[$0] } }
            return ["\(grid.layers[row])"] + ranks.map { $0.map { "\($0)" } ?? "–" }
                + [Figures.grouped(ranks.reduce(0) { $0 + ($1 ?? 0) })]
        }
        let sums = grid.roles.indices.map { column in
            grid.column(column).reduce(0) { $0 + ($1.map { table.ranks[$0] } ?? 0) }
        }
        let total =
            ["total"] + sums.map(Figures.grouped) + [Figures.grouped(grid.total(table.ranks))]
        let place = grid.tower.map { " of the \($0) tower" } ?? ""
        return .table(
            caption: "Rank of each matrix\(place) after step \(Figures.grouped(table.step))",
            head: ["layer"] + grid.roles.map(RankGrid.shortName) + ["total"], rows: rows + [total],
            narrow: .fixed)
    }

    private var tokens: Markup {
        PageParts.section(
            "tokens", "Tokens and time", [grid(["throughput"]), PageParts.facts(TokenAccount.facts(run))])
    }

    private var learning: Markup {
        PageParts.section(
            "learning", "Loss and metrics",
            [grid(["loss", "metrics", "errors", "forgetting", "learning-rate", "gradient"]), evaluations])
    }

    private var classes: Markup {
        ClassSection(run: run).markup { width in
            report.figures.first { $0.id == "confusion" }.map { PageParts.figure($0, width: width) } ?? .empty
        }
    }

    private var evaluations: Markup {
        let all = run.record.evaluations
        guard !all.isEmpty else {
            return .element(
                "div", [("class", "missing")],
                .element("h3", text: "Evaluations") + .element("p", text: "None is recorded."))
        }
        let names = run.metricNames
        let kept = run.keptEvaluation?.step
        func row(_ one: RunRecord.Evaluation) -> [String] {
            [Figures.grouped(one.step), Figures.fixed(one.loss, 4)]
                + names.map { name in one.value(of: name).map { Figures.fixed($0, 4) } ?? "–" }
                + [
                    one.isBest ? one.step == kept ? "best" : "best so far" : "",
                    Elapsed.text(one.seconds),
                ]
        }
        let shown = Thinning.indices(
            count: all.count, limit: 200, measures: [{ all[$0].loss }]
        ).map { row(all[$0]) }
        let note = shown.count < all.count ? ", \(shown.count) of \(all.count)" : ""
        let table = Markup.table(
            caption: "Evaluations on the validation rows\(note)",
            head: ["step", "loss"] + names + ["note", "time"], rows: shown)
        return .element(
            "div", [("class", "panel")], all.count > 9 ? PageParts.folded("All evaluations", table) : table)
    }

    private var configuration: Markup {
        let settings = run.settings
        let table: Markup
        if settings.effective.isEmpty {
            table = .element(
                "p", [("class", "absent")], text: settings.problem.map { "Not recorded: \($0)." } ?? "")
        } else {
            table = PageParts.facts(
                settings.effective.filter { $0.value != "none" }.map { ($0.key, $0.value) })
        }
        let file = settings.text.map { text in
            PageParts.folded(
                "config.yaml, without its comments",
                .element("pre", [("tabindex", "0")], .lines(text)))
        }
        return PageParts.section(
            "configuration", "Configuration and environment",
            [
                .element("h3", text: "Environment"), PageParts.facts(EnvironmentFacts.of(run)),
                .element("h3", text: "Settings in effect"), table, file ?? .empty,
            ])
    }
}

/// Where a run was made and of what.
enum EnvironmentFacts {
    static func of(_ run: ReportedRun) -> [(name: String, value: String?)] {
        let start = run.record.start
        let known = ["program", "commit", "cpu", "cores", "system", "openblas"]
        func value(_ name: String) -> String? { start.environment.first { $0.name == name }?.value }
        func hash(_ name: String) -> String? { start.hashes.first { $0.name == name }?.value }
        var facts: [(name: String, value: String?)] = [
            ("started", start.date), ("program", value("program")), ("commit", value("commit")),
            ("CPU", value("cpu")), ("cores", value("cores")), ("threads", "\(start.threads)"),
            ("BLAS kernel", start.kernel), ("products with frozen weights", start.precision),
            ("OpenBLAS", value("openblas")), ("system", value("system")),
            ("seed", run.settings.value("seed")), ("hash of the model", hash("model")),
            ("hash of the training rows", hash("train")),
        ]
        // Rows that were held out have no file of their own.
        if start.validationExamples > 0, !start.hashes.contains(where: { $0.name == "rows held out" }) {
            facts.append(("hash of the validation rows", hash("validation")))
        }
        facts += start.environment.filter { !known.contains($0.name) }.map { ($0.name, $0.value) }
        facts += start.hashes.filter { !["model", "train", "validation"].contains($0.name) }.map {
            ("hash of the \($0.name)", $0.value)
        }
        return facts
    }
}

/// What the chosen cell of the map holds. The script renews it; as made here it is the matrix that changed most.
struct SitePanel {
    let run: ReportedRun

    init(_ run: ReportedRun) { self.run = run }

    static func first(_ run: ReportedRun) -> Int {
        let energies = run.triplets?.snapshots.last?.sites.map { $0.spectrum.energy ?? 0 } ?? []
        return energies.indices.max { (energies[$0], -$0) < (energies[$1], -$1) } ?? 0
    }

    var markup: Markup {
        let at = Self.first(run)
        let site = run.record.start.sites[at]
        let parts: [Markup] = [
            .element("h3", [("id", "site-title")], text: site.pageTitle),
            .element("p", [("id", "site-facts")], text: facts(at)),
            .element("div", [("id", "site-trace")]),
            .element("h4", [("id", "values-title")], text: "Singular values"), values(at),
            .element("div", [("id", "site-scores")]),
        ]
        return .element(
            "div",
            [("class", "panel"), ("id", "site"), ("role", "region"), ("aria-labelledby", "site-title")],
            .joined(parts, separator: "\n"))
    }

    private func facts(_ at: Int) -> String {
        let site = run.record.start.sites[at]
        let rank = run.record.rankTables.last?.ranks[at] ?? 0
        return "\(site.outputs) × \(site.inputs), rank \(rank)"
    }

    private func values(_ at: Int) -> Markup {
        guard let spectrum = run.triplets?.snapshots.last?.sites[at].spectrum else {
            return .element(
                "p", [("class", "absent"), ("id", "site-values")],
                text: "Not recorded: \(run.tripletsProblem ?? "no singular values").")
        }
        let largest = spectrum.largest ?? 0
        let items = spectrum.values.prefix(64).map { value in
            let share = largest > 0 && value.isFinite ? 100 * value / largest : 0
            return Markup.element(
                "li", [],
                .element("span", [("class", "bar"), ("style", "width:\(Figures.fixed(share, 1))%")])
                    + .element("span", text: PageData.significant(value).map { "\($0)" } ?? "not finite"))
        }
        return .element("ol", [("class", "bars"), ("id", "site-values")], .joined(items))
    }
}
