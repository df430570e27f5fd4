import Advice
import Charts
import Messages
import ModelFiles

/// The HTML page of an advice: the answer, the figures it rests on, the rules and the settings.
package struct AdvicePage {
    private let facts: AdviceFacts
    private let answer: AdviceAnswer
    private let findings: ProbeFindings?
    private let figures: [(name: String, value: String)]
    private let notes: [String]
    private let yaml: String

    /// - Parameters:
    ///   - figures: the answer by parts, as the terminal shows it.
    ///   - notes: that come with the run.
    ///   - yaml: settings of the advised run.
    package init(
        facts: AdviceFacts, answer: AdviceAnswer, findings: ProbeFindings?,
        figures: [(name: String, value: String)], notes: [String], yaml: String
    ) {
        self.facts = facts
        self.answer = answer
        self.findings = findings
        self.figures = figures
        self.notes = notes
        self.yaml = yaml
    }

    package func html() -> String {
        let main = Markup.joined([cards, why, curves, parts, rules, settings], separator: "\n")
        return PageFrame(title: "Which rank? – adalora advice", news: nil).html([
            .element("a", [("class", "skip"), ("href", "#main")], text: "Skip to the answer"),
            header, .element("main", [("id", "main")], main), footer, data,
            .asset("script", PageFrame.text(PackageResources.report_js)),
        ])
    }

    private var header: Markup {
        .element(
            "header", [],
            .element("p", [("class", "brand")], text: "adalora advice")
                + .element("h1", text: answer.headline(facts))
                + .element("p", [("class", "state \(stateClass)")], text: "sureness \(answer.sureness)"))
    }

    private var stateClass: String {
        switch answer.basis {
        case .measured(.high): "done"
        case .rules, .cannotTell, .measured: "open"
        }
    }

    private var footer: Markup {
        .element(
            "footer", [],
            .element(
                "p",
                text:
                    "Made by adalora advise. This file needs no network and sends nothing; docs/which-rank.md says how to read "
                    + "it."))
    }

    private var cards: Markup {
        var items: [(name: String, value: String, note: String)] = [
            (
                "rank", answer.headAloneDoes ? "head alone" : Figures.plain(answer.rank),
                "triplets a matrix, on average"
            ),
            (
                "budget", Figures.grouped(answer.budget),
                "between \(Figures.grouped(answer.budgetRange.lowerBound)) and "
                    + Figures.grouped(answer.budgetRange.upperBound)
            ),
        ]
        for name in ["learning rate", "adapter parameters", "time"] {
            guard let figure = figures.first(where: { $0.name == name }) else { continue }
            let parts = figure.value.split(separator: ",", maxSplits: 1).map(String.init)
            // A number with grouped digits is no sentence.
            let isNumber = figure.value.allSatisfy { $0.isNumber || $0 == "," }
            items.append(
                isNumber || parts.count < 2
                    ? (name, figure.value, "") : (name, parts[0], parts[1].trimmedStart))
        }
        let cards = items.map { item in
            Markup.element(
                "div", [("class", "card")],
                .element("dt", text: item.name) + .element("dd", [("class", "value")], text: item.value)
                    + (item.note.isEmpty ? .empty : .element("dd", [("class", "note")], text: item.note)))
        }
        return .element(
            "section", [("aria-label", "Answer")],
            .element("dl", [("class", "cards")], .joined(cards, separator: "\n")))
    }

    private var why: Markup {
        let items = Markup.joined((answer.reasons + notes).map { .element("li", text: $0) })
        return PageParts.section(
            "why", "Why",
            [
                .element("div", [("class", "panel")], .element("ul", [], items)),
                PageParts.facts(figures.map { ($0.name, $0.value) }),
            ])
    }

    private var curves: Markup {
        guard let findings else { return .empty }
        return PageParts.section(
            "curves", "What the probe saw",
            intro:
                "One training at rank \(findings.plan.wideRank) for \(Figures.grouped(findings.plan.wideSteps)) steps, cut and "
                + "looked at; measured on \(Figures.grouped(findings.plan.heldOutRows)) rows that it did not learn from.",
            [PageParts.grid(AdviceFigures.all(findings, answer))])
    }

    private var parts: Markup {
        guard let findings else { return .empty }
        let rows = findings.costs.map { [$0.part.rawValue, Figures.seconds($0.seconds) + " s"] }
        let missing = findings.plan.leftOut.map { [$0.rawValue, "left out"] }
        return PageParts.section(
            "costs", "What it took",
            [
                .element(
                    "div", [("class", "panel")],
                    .table(caption: "Parts of the probe", head: ["part", "time"], rows: rows + missing))
            ])
    }

    private var rules: Markup {
        let rows = answer.rules.sayings.map { [$0.rule, $0.sentence, $0.source] }
        return PageParts.section(
            "rules", "What the rules say",
            intro: "Before anything is trained: rank \(Figures.plain(answer.rules.rank)), between "
                + "\(Figures.plain(answer.rules.range.lowerBound)) and \(Figures.plain(answer.rules.range.upperBound)).",
            [
                .element(
                    "div", [("class", "panel")],
                    .table(
                        caption: "Rules that apply", head: ["rule", "says", "source"], rows: rows,
                        isNumeric: false))
            ])
    }

    private var settings: Markup {
        PageParts.section(
            "settings", "Settings of the run",
            intro: "Kept in a file, they are what adalora train takes as its configuration.",
            [.element("pre", [("tabindex", "0")], .lines(yaml))])
    }

    /// The figures' data, for the buttons that save them.
    private var data: Markup {
        var tables = JSONObject()
        for figure in findings.map({ AdviceFigures.all($0, answer) }) ?? [] {
            if let table = try? figure.table() { tables[figure.id] = .string(table.csv()) }
        }
        let none = JSONValue.array([])
        return .data(
            id: "report-data",
            .object([
                "name": .string("advice"), "maps": none, "roles": none, "layers": none, "steps": none,
                "tables": .object(tables),
            ]))
    }
}

extension String {
    fileprivate var trimmedStart: String { String(drop { $0 == " " }) }
}
