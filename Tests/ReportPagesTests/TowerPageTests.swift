import Charts
import Foundation
import ModelFiles
import ReportPages
import Reports
import RunFolders
import RunRecords
import Testing

/// Pages and figures of runs of a model of two towers.
@Suite struct TowerPageTests {
    private let run = RunFolderFixture.towers()

    private func report() throws -> RunReport {
        try run.write()
        return try RunReport([run.url])
    }

    @Test func figuresOfEachTower() throws {
        let report = try report()
        #expect(
            report.figures.map(\.id).filter {
                $0.contains("roles") || $0.contains("layers") || $0 == "towers"
            }
                == ["towers", "roles-text", "roles-vision", "layers-text", "layers-vision"])
        for figure in report.figures {
            guard let table = try? figure.table() else { continue }
            for width in [340.0, 620] {
                let svg = try figure.svg(FigureForm(id: "x-\(figure.id)", width: width, theme: .light))
                #expect(svg.hasPrefix("<svg") && !svg.contains(">no data</text>"), "\(figure.id)")
            }
            #expect(table.rows.allSatisfy { $0.count == table.columns.count }, "\(figure.id)")
        }
        #expect(try report.figure("roles-vision").title == "Rank over time by role, vision tower")
        #expect(
            try report.figure("towers").table().csv()
                == "step,text,vision,total\n0,16,16,32\n12,9,13,22\n24,4,8,12\n40,4,8,12\n")
    }

    /// A map for each tower with its sum and share, of one scale, side by side at the width of a page.
    @Test func mapsStandBesideEachOther() throws {
        let svg = try report().figure("ranks").svg(FigureForm(id: "x", width: 620, theme: .light))
        #expect(svg.contains(">text: 4 (33.3%)</text>") && svg.contains(">vision: 8 (66.7%)</text>"))
        // Two layers of four matrices in each.
        for map in 0...1 {
            #expect(svg.components(separatedBy: "data-map=\"\(map)\"").count - 1 == 8)
        }
        func place(_ title: String) throws -> (x: Double, y: Double) {
            let text = try #require(svg.components(separatedBy: "<text").first { $0.contains(">\(title)") })
            func number(_ key: String) throws -> Double {
                let rest = try #require(text.components(separatedBy: " \(key)=\"").dropFirst().first)
                return try #require(Double(rest.prefix { $0 != "\"" }))
            }
            return (try number("x"), try number("y"))
        }
        let (text, vision) = (try place("text: 4"), try place("vision: 8"))
        #expect(text.y == vision.y && text.x + 200 < vision.x)
        // On a telephone one is below the other.
        let narrow = try report().figure("ranks").svg(FigureForm(id: "x", width: 340, theme: .light))
        #expect(narrow.contains(">text: 4 (33.3%)</text>") && narrow.contains(">vision: 8 (66.7%)</text>"))
    }

    @Test func thePageKnowsTheTowers() throws {
        let page = try report().html()
        #expect(page.contains("The matrices of each tower share a budget."))
        #expect(page.contains("<caption>Rank of each matrix of the text tower after step 40</caption>"))
        #expect(page.contains("<caption>Rank of each matrix of the vision tower after step 40</caption>"))
        #expect(page.contains("\"towers\":[\"text\",\"text\",\"vision\",\"vision\"]"))
        #expect(page.contains("\"layers\":[0,1,0,1]"))
        #expect(page.contains("id=\"site-title\">Text layer 0, query</h3>"))
        #expect(page.contains("text 16 → 4") && page.contains("vision 16 → 8"))
        #expect(page.contains("data-figure=\"roles-vision\""))
    }

    @Test func markdownHasATableOfEachTower() throws {
        let markdown = try report().markdown()
        #expect(markdown.contains("after step 40, text tower: 4 of 12\n\n| layer | query | value |"))
        #expect(markdown.contains("after step 40, vision tower: 8 of 12\n\n"))
        #expect(markdown.contains("| 1 | 0 | 2 | 2 | 0 | 4 |"))
    }

    /// Maps of several runs have the rows of both towers.
    @Test func severalRuns() throws {
        try run.write()
        let report = try RunReport([run.url, run.url])
        let table = try report.figure("ranks").table()
        #expect(table.columns.prefix(3) == ["tower", "layer", "role"] && table.rows.count == 16)
        let svg = try report.figure("ranks").svg(FigureForm(id: "x", width: 900, theme: .light))
        #expect(svg.contains(">text 0</text>") && svg.contains(">vision 1</text>"))
        #expect(report.html().contains("\"towers\":[\"text\",\"text\",\"vision\",\"vision\"]"))
    }

    /// A run of one tower says nothing of towers.
    @Test func oneTowerIsAsItWas() throws {
        let one = RunFolderFixture.small()
        try one.write()
        let report = try RunReport([one.url])
        let page = report.html()
        let data = try #require(page.components(separatedBy: "id=\"report-data\"").last)
        #expect(!data.components(separatedBy: "</script>")[0].contains("tower"))
        #expect(!report.markdown().contains("tower"))
        #expect(try !report.json().contains("tower"))
        #expect(page.contains("All matrices share one budget."))
    }
}
