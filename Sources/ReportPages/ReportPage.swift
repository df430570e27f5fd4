import Charts
import Foundation
import Messages
import ModelFiles
import Reports

/// The HTML page of a report.
struct ReportPage {
    let report: RunReport
    private var runs: [ReportedRun] { report.runs }
    private var isSingle: Bool { runs.count == 1 }

    init(_ report: RunReport) { self.report = report }

    /// - Parameter news: for a server that tells the page when there is more.
    func html(news: String?) -> String {
        let isLive = news != nil
        let main = isSingle ? RunSections(report).markup : ComparedSections(report).markup
        let title = runs.map(\.name).joined(separator: ", ")
        return PageFrame(title: "\(title) – adalora report", news: news).html([
            .element("a", [("class", "skip"), ("href", "#main")], text: "Skip to the report"),
            header(isLive: isLive), .element("main", [("id", "main")], main), footer(isLive: isLive),
            .data(id: "report-data", PageData(report).json),
            .asset("script", PageFrame.text(PackageResources.report_js)),
        ])
    }

    private func header(isLive: Bool) -> Markup {
        let back = Markup.element("a", [("href", "/")], text: "all runs")
        let brand = Markup.element(
            "p", [("class", "brand")], .text("adalora report") + (isLive ? .text(" · ") + back : .empty))
        guard isSingle else {
            let title = Markup.element("h1", text: "\(runs.count) runs")
            return .element("header", [], brand + title)
        }
        let record = runs[0].record
        let kind =
            record.end.map { $0.reason == .completed ? "done" : "stopped" } ?? "open"
        let state = Markup.element("p", [("class", "state \(kind)")], text: record.state)
        return .element("header", [], brand + .element("h1", text: runs[0].name) + state)
    }

    private func footer(isLive: Bool) -> Markup {
        let reach =
            isLive ? "Only this machine can open this page." : "This file needs no network and sends nothing."
        let text =
            "Made from the run folder alone by adalora report. \(reach) Long tables are thinned here, without their "
            + "extremes being lost; adalora report \(SettingName.format) csv has every row."
        return .element("footer", [], .element("p", text: text))
    }
}

extension RunReport {
    /// One self-contained HTML page.
    ///
    /// - Parameter news: what a server that lists all runs at `/` answers to `/news` as things stand; nil for a file.
    package func html(news: String? = nil) -> String { ReportPage(self).html(news: news) }
}
