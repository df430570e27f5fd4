import Charts
import Foundation
import ReportPages
import Reports
import RunFolders
import RunRecords
import Testing

@Suite struct ClassFigureTests {
    private static func run(
        _ classes: [ClassResults.ClassCounts], _ cells: [ClassResults.Cell]?, step: Int = 40
    )
        throws -> RunFolderFixture
    {
        let run = RunFolderFixture.small()
        try run.write()
        try ClassResultsFile.write(
            ClassResults([.init(step: step, isBest: true, classes: classes, confusion: cells)]),
            to: RunFolder(run.url))
        return run
    }

    private static let classes: [ClassResults.ClassCounts] = [
        .init(name: "no & never", support: 4, predicted: 3, correct: 3),
        .init(name: "yes", support: 2, predicted: 3, correct: 2),
        .init(name: "neither", support: 0, predicted: 0, correct: 0),
    ]
    private static let cells: [ClassResults.Cell] = [
        .init(truth: 0, answer: 0, count: 3), .init(truth: 0, answer: 1, count: 1),
        .init(truth: 1, answer: 1, count: 2),
    ]

    @Test func theMatrixAndItsData() throws {
        let run = try Self.run(Self.classes, Self.cells)
        let report = try RunReport([run.url])
        let figure = try report.figure("confusion")
        #expect(
            try figure.table().csv()
                == "truth,answer,count,share\nno & never,no & never,3,0.75\nno & never,yes,1,0.25\nyes,yes,2,1\n"
        )
        let svg = try figure.svg(FigureForm(id: "x", width: 620, theme: .light))
        for text in ["no &amp; never", "0.75", "0.25", "1.00", "no row of this class"] {
            #expect(svg.contains(text), "\(text)")
        }
        let page = report.html()
        #expect(page.contains("What the validation rows said after step 40, the best evaluation."))
        let scores = try #require(page.range(of: "<caption>Precision, recall and F1 of each class"))
        let rows = page[scores.lowerBound...].split(separator: "<tr>").dropFirst().prefix(4).map {
            $0.split(separator: "</tr>")[0].replacing(#/ data-label="[^"]*"/#, with: "")
        }
        // The lowest F1 first: 2·2/5 of yes, then 2·3/7; what has none last.
        #expect(rows.map { $0.contains("yes") } == [false, true, false, false])
        #expect(rows.last?.contains("<td>–</td><td>–</td><td>–</td><td>0</td>") ?? false, "\(rows)")
        #expect(report.markdown().contains("| yes | 0.6667 | 1.0000 | 0.8000 | 2 |"))
    }

    @Test func ofManyClassesThoseInMostMistakes() throws {
        let many = (0..<50).map {
            ClassResults.ClassCounts(name: "c\($0)", support: 2, predicted: 2, correct: 1)
        }
        let cells = (0..<50).flatMap { at -> [ClassResults.Cell] in
            let own = ClassResults.Cell(truth: at, answer: at, count: 1)
            let next = ClassResults.Cell(truth: at, answer: (at + 1) % 50, count: 1)
            return at == 49 ? [next, own] : [own, next]
        }
        let run = try Self.run(many, cells)
        let report = try RunReport([run.url])
        let figure = try report.figure("confusion")
        #expect(figure.caption.contains("Shown are the 32 classes in most mistakes of 50"))
        #expect(try figure.table().rows.count == 100)
        #expect(report.html().contains("Scores of all classes"))
    }

    /// Without a record, without one class a row, and with an evaluation that the log does not tell of.
    @Test func nothingWhereThereIsNothing() throws {
        let plain = RunFolderFixture.small()
        try plain.write()
        for (run, hasTable) in [
            (plain, false), (try Self.run(Self.classes, nil), true),
            (try Self.run(Self.classes, Self.cells, step: 44), false),
        ] {
            let report = try RunReport([run.url])
            #expect(!report.figures.contains { $0.id == "confusion" })
            #expect(report.html().contains("id=\"classes\"") == hasTable)
            #expect(!report.html().contains("Confusion matrix"))
        }
    }

    /// Errors have a scale of their own.
    @Test func errorsStandApartFromMetrics() throws {
        let run = RunFolderFixture.small()
        run.events = run.events.map {
            $0.replacing(#""matthews":null"#, with: #""matthews":null,"ece":0.0625"#)
        }
        try run.write()
        let report = try RunReport([run.url])
        #expect(
            try report.figure("metrics").table().columns == ["step", "loss", "accuracy", "matthews", "best"])
        #expect(
            try report.figure("errors").table().csv() == "step,loss,ece,best\n40,0.5,0.0625,yes\n")
    }
}
