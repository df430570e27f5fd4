import Foundation
import Reports

/// A page that lists runs, each with a link to its report: what `adalora serve` opens with.
package struct RunListPage: Sendable {
    /// A run folder under the name that the server knows it by.
    package struct Entry: Sendable {
        package let name: String
        package let folder: URL

        package init(name: String, folder: URL) {
            self.name = name
            self.folder = folder
        }
    }

    /// What the page says of a run.
    package struct Row: Sendable {
        let name: String
        /// Under the columns after the name; the reason alone where the run cannot be read.
        let cells: [String]

        /// A damaged run is no reason not to show the others.
        package init(_ entry: Entry) {
            name = entry.name
            do {
                let run = try ReportedRun(folder: entry.folder, name: entry.name)
                let summary = RunSummary(run)
                let labels = ["Method", "Budget", "Trainable parameters"]
                let best = summary.item("Best metric").flatMap { item in
                    item.value.map { "\($0) (\(item.note))" }
                }
                cells =
                    [run.record.state] + labels.map { summary.item($0)?.value ?? "–" } + [best ?? "–"]
            } catch {
                cells = ["\(error)"]
            }
        }
    }

    private let rows: [Row]
    private let news: String
    /// Where the report of some runs is, one or several.
    private let link: @Sendable ([String]) -> String

    package init(_ rows: [Row], news: String, link: @escaping @Sendable ([String]) -> String) {
        self.rows = rows
        self.news = news
        self.link = link
    }

    private static let columns = ["Run", "State", "Method", "Budget", "Trainable", "Best metric"]

    package func html() -> String {
        let title = rows.count == 1 ? "1 run" : "\(rows.count) runs"
        let header = Markup.element(
            "header", [],
            .element("p", [("class", "brand")], text: "adalora serve") + .element("h1", text: title))
        let main = Markup.element("main", [("id", "main")], content)
        let footer = Markup.element(
            "footer", [],
            .element(
                "p", text: "Only this machine can open this page, and nothing can be changed through it."))
        return PageFrame(title: "\(title) – adalora", news: news).html([header, main, footer])
    }

    private var content: Markup {
        guard !rows.isEmpty else {
            return .element(
                "div", [("class", "missing")],
                .element("h3", text: "No runs yet")
                    + .element("p", text: "A folder that adalora train writes to appears here by itself."))
        }
        let head = Markup.joined(Self.columns.map { .element("th", [("scope", "col")], text: $0) })
        let table = Markup.element(
            "table", [("class", "runs stack")],
            .element("caption", text: "Runs and where they stand")
                + .element("thead", [], .element("tr", [], head))
                + .element("tbody", [], .joined(rows.map(row))))
        let all =
            rows.count > 1 && rows.count <= 12
            ? Markup.element(
                "p", [("class", "intro")],
                .element("a", [("href", link(rows.map(\.name)))], text: "All of them beside each other"))
            : .empty
        let region = [("class", "scroll"), ("tabindex", "0"), ("role", "region"), ("aria-label", "Runs")]
        return .element("section", [("id", "runs")], all + .element("div", region, table))
    }

    private func row(_ row: Row) -> Markup {
        let name = Markup.element(
            "th", [("scope", "row")], .element("a", [("href", link([row.name]))], text: row.name))
        guard row.cells.count > 1 else {
            return .element(
                "tr", [],
                name + .element("td", [("colspan", "\(Self.columns.count - 1)")], text: row.cells.joined()))
        }
        return .element(
            "tr", [],
            name
                + .joined(
                    zip(Self.columns.dropFirst(), row.cells).map { column, cell in
                        .element("td", [("data-label", column)], text: cell)
                    }))
    }
}

/// The page in place of a report that cannot be made, renewed when the runs change: they may be at their beginning.
package struct RefusalPage: Sendable {
    private let message: String
    private let news: String

    package init(_ message: String, news: String) {
        self.message = message
        self.news = news
    }

    package func html() -> String {
        let title = "No report"
        let header = Markup.element(
            "header", [],
            .element("p", [("class", "brand")], text: "adalora serve") + .element("h1", text: title))
        let main = Markup.element(
            "main", [("id", "main")],
            .element(
                "div", [("class", "missing")],
                .element("h2", text: "The run cannot be read") + .element("p", text: message)
                    + .element("p", [], .element("a", [("href", "/")], text: "All runs"))))
        return PageFrame(title: "\(title) – adalora", news: news).html([header, main])
    }
}
