import Foundation
import Reports

/// A page that lists runs, each with a link to its report: what `adalora serve` opens with.
public struct RunListPage: Sendable {
    /// A run folder under the name that the server knows it by.
    public struct Entry: Sendable {
        public let name: String
        public let folder: URL

        public init(name: String, folder: URL) {
            self.name = name
            self.folder = folder
        }
    }

    private let entries: [Entry]
    /// Where the report of a run is, and that of all together.
    private let link: @Sendable ([String]) -> String

    public init(_ entries: [Entry], link: @escaping @Sendable ([String]) -> String) {
        self.entries = entries
        self.link = link
    }

    private static let columns = ["Run", "State", "Method", "Budget", "Trainable", "Best"]

    public func html() -> String {
        let title = entries.count == 1 ? "1 run" : "\(entries.count) runs"
        let header = Markup.element(
            "header", [],
            .element("p", [("class", "brand")], text: "adalora serve") + .element("h1", text: title))
        let main = Markup.element("main", [("id", "main")], content)
        let footer = Markup.element(
            "footer", [],
            .element(
                "p", text: "Only this machine can open this page, and nothing can be changed through it."))
        return PageFrame(title: "\(title) – adalora", isLive: true).html([header, main, footer])
    }

    private var content: Markup {
        guard !entries.isEmpty else {
            return .element(
                "div", [("class", "missing")],
                .element("h3", text: "No runs yet")
                    + .element("p", text: "A folder that adalora train writes to appears here by itself."))
        }
        let head = Markup.joined(Self.columns.map { .element("th", [("scope", "col")], text: $0) })
        let table = Markup.element(
            "table", [("class", "runs")],
            .element("caption", text: "Runs and where they stand")
                + .element("thead", [], .element("tr", [], head))
                + .element("tbody", [], .joined(entries.map(row))))
        let all =
            entries.count > 1 && entries.count <= 12
            ? Markup.element(
                "p", [("class", "intro")],
                .element("a", [("href", link(entries.map(\.name)))], text: "All of them beside each other"))
            : .empty
        let region = [("class", "scroll"), ("tabindex", "0"), ("role", "region"), ("aria-label", "Runs")]
        return .element("section", [("id", "runs")], all + .element("div", region, table))
    }

    private func row(_ entry: Entry) -> Markup {
        let name = Markup.element(
            "th", [("scope", "row")], .element("a", [("href", link([entry.name]))], text: entry.name))
        do {
            let run = try ReportedRun(folder: entry.folder, name: entry.name)
            let summary = RunSummary(run)
            let values = ["Method", "Budget", "Trainable parameters", "Best metric"].map { label in
                summary.item(label)?.value ?? "–"
            }
            return .element(
                "tr", [], name + .joined(([run.record.state] + values).map { .element("td", text: $0) }))
        } catch {
            // A damaged run is no reason not to show the others.
            return .element("tr", [], name + .element("td", [("colspan", "5")], text: "\(error)"))
        }
    }
}
