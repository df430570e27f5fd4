import Charts
import Foundation
import ModelFiles
import ReportPages
import Reports
import RunFolders
import RunRecords
import Testing

@Suite struct FigureTests {
    private let run = RunFolderFixture.small()

    private func report() throws -> RunReport {
        try run.write()
        return try RunReport([run.url])
    }

    @Test func everyFigureIsDrawnOrSaysWhyNot() throws {
        let report = try report()
        let missing = report.figures.filter { figure in (try? figure.table()) == nil }.map(\.id)
        // The fixture has no triplets.jsonl.
        #expect(missing == ["change", "orthogonality"])
        for figure in report.figures where !missing.contains(figure.id) {
            for width in [340.0, 620] {
                let svg = try figure.svg(FigureForm(id: "x-\(figure.id)", width: width, theme: .light))
                #expect(svg.hasPrefix("<svg"), "\(figure.id)")
                #expect(!svg.contains(">no data</text>"), "\(figure.id)")
            }
            let table = try figure.table()
            #expect(!table.rows.isEmpty)
            #expect(table.rows.allSatisfy { $0.count == table.columns.count }, "\(figure.id)")
        }
    }

    @Test func tablesHoldWhatTheLogHolds() throws {
        let report = try report()
        #expect(
            try report.figure("returns").table().csv()
                == "step,left,returned,added,budget,spent\n8,9,0,0,27,27\n16,13,1,0,15,15\n24,8,2,0,9,9\n")
        #expect(
            try report.figure("metrics").table().csv()
                == "step,loss,accuracy,matthews,best\n40,0.5,0.75,,yes\n")
        let roles = try report.figure("roles").table()
        #expect(roles.columns.first == "step" && roles.columns.last == "total")
        #expect(roles.rows.map { $0.last } == [36, 27, 15, 9, 9].map { .number($0) })
        #expect(
            try report.figure("importance").table().rows.first
                == [.number(8), .number(1.25e-9), .number(1.2e-9)])
    }

    @Test(arguments: [
        (
            "lss",
            "figure 'lss': there is no such figure; choose one of ranks, change, loss, metrics, learning-rate, gradient, "
                + "roles, layers, importance, returns, orthogonality, throughput, spectrum:SITE"
        ),
        (
            "orthogonality",
            "figure orthogonality: no such file: the run was made by an older version, which recorded no singular "
                + "values; choose another --figure"
        ),
    ])
    func whatIsNotThereIsAnError(id: String, message: String) throws {
        let report = try report()
        let error = #expect(throws: RecordError.self) {
            _ = try report.figure(id).svg(FigureForm(id: "x"))
        }
        #expect(error?.description == message)
    }

    /// What `adalora report --help` lists is what there is.
    @Test func theListOfFiguresIsWhole() throws {
        let one = try report()
        let several = try RunReport([run.url, run.url])
        #expect(one.figures.map(\.id) + ["spectrum:SITE"] == RunReport.figureNames.one)
        var names = several.figures.map { $0.id.hasPrefix("metric:") ? "metric:NAME" : $0.id }
        names = names.enumerated().filter { names.firstIndex(of: $1) == $0 }.map(\.element)
        #expect(names == RunReport.figureNames.several)
        #expect(several.figures.contains { $0.id == "metric:accuracy" })
        // One name, one title, in both kinds of report.
        for figure in several.figures {
            guard let same = one.figures.first(where: { $0.id == figure.id }) else { continue }
            #expect(same.title == figure.title, "\(figure.id)")
        }
    }

    @Test func learningRatesAreThoseOfTheSteps() throws {
        let report = try report()
        let rates = report.runs[0].record.steps.map {
            [FigureValue.number(Double($0.step)), .number($0.learningRate)]
        }
        #expect(try report.figure("learning-rate").table().rows == rates)
    }

    /// Ranks 0 to 2 at the end of a run that began with 3 everywhere.
    @Test func theMapsScaleIsThatOfWhatItShows() throws {
        let svg = try report().figure("ranks").svg(FigureForm(id: "x"))
        let legends = svg.components(separatedBy: "<g data-legend=").dropFirst().map {
            $0.components(separatedBy: "</g>")[0].components(separatedBy: "class=\"q").count - 1
        }
        #expect(legends == [2, 3])
        #expect(svg.contains("class=\"q32\"><rect") || svg.contains("class=\"q32\">\n<rect"))
    }

    @Test func jsonAndMarkdownHoldTheSummary() throws {
        let report = try report()
        let json = try JSONValue.parse(report.json())
        #expect(json["figures"]?.array?.count == report.figures.count)
        #expect(json["runs"]?.array?.first?["Budget"]?.string == "36 → 9")
        let markdown = report.markdown()
        #expect(markdown.contains("| Budget | 36 → 9 (triplets: average rank 0.75 over 12 matrices) |"))
        #expect(markdown.contains("| 0 | 0 | 0 | 2 | 2 | 0 | 2 | 6 |"))
        #expect(markdown.contains("| Model | not recorded"))
    }

    /// All of an `adalora compare`: its table.csv stands two folders above each run.
    @Test func runsOfOneComparisonBringItsTable() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "compared-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let runs = folder.appendingPathComponent("runs")
        try FileManager.default.createDirectory(at: runs, withIntermediateDirectories: true)
        try run.write()
        for name in ["a", "b"] {
            try FileManager.default.copyItem(at: run.url, to: runs.appendingPathComponent(name))
        }
        let head = "budget,arm,runs,expected,failed,metric,mean,sd,difference,low,high,learning-rate\n"
        try Data((head + "r1,\"LoRA, <all>\",3,3,0,accuracy,0.75921234,0.0047,,,,0.003\n").utf8).write(
            to: folder.appendingPathComponent("table.csv"))
        let page = try RunReport(["a", "b"].map { runs.appendingPathComponent($0) }).html()
        #expect(page.contains("LoRA, &lt;all&gt;"))
        #expect(page.contains(">0.7592</td>"))
        // One run alone is no comparison.
        #expect(try !RunReport([runs.appendingPathComponent("a")]).html().contains("LoRA, &lt;all&gt;"))
    }
}
