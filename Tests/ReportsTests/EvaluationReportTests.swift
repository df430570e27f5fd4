import Reports
import Testing

struct EvaluationReportTests {
    private typealias Row = (name: String, precision: Double?, recall: Double?, f1: Double?, support: Int)

    @Test func worstClassesFirst() {
        let rows: [Row] = [
            ("noun.act", 0.75, 0.5, 0.6, 1234), ("noun.never", nil, nil, nil, 0),
            ("verb.\u{1B}[2Jbody", nil, 0, 0, 3), ("動詞", 1, 1, 1, 20), ("noun.tie", 0.6, 0.6, 0.6, 7),
        ]
        let expected = """
            class         precision     recall        F1   examples
            ───────────────────────────────────────────────────────
            verb.[2Jbody          –     0.0000    0.0000          3
            noun.act         0.7500     0.5000    0.6000      1,234
            noun.tie         0.6000     0.6000    0.6000          7
            動詞             1.0000     1.0000    1.0000         20
            noun.never            –          –         –          0

            """
        #expect(EvaluationReport.perClassTable(rows: rows, style: Style()) == expected)
    }

    @Test func fifteenRowsUnlessAll() {
        let rows: [Row] = (0..<20).map { ("class-\($0)", 0.5, 0.5, 1 - Double($0) / 20, 10) }
        let short = EvaluationReport.perClassTable(rows: rows, style: Style()).split(separator: "\n")
        #expect(short.count == 2 + 15 + 1)
        #expect(short[2].hasPrefix("class-19 ") && short[16].hasPrefix("class-5 "))
        #expect(short[17] == "the 15 classes of lowest F1, 5 more not shown")
        let all = EvaluationReport.perClassTable(rows: rows, style: Style(), all: true).split(separator: "\n")
        #expect(all.count == 2 + 20)
    }

    @Test func longNamesAreCutToTheWidth() {
        let rows: [Row] = [(String(repeating: "é", count: 90), 0.5, 0.5, 0.5, 1)]
        for (style, mark) in [(Style(width: 60), "…"), (Style(width: 60, unicode: false), "~")] {
            let lines = EvaluationReport.perClassTable(rows: rows, style: style).split(separator: "\n")
            #expect(lines.allSatisfy { $0.count == 60 })
            #expect(lines[2].contains(mark + "     0.5000"))
        }
    }

    @Test func metrics() {
        let text = EvaluationReport.metrics(
            [("accuracy", 0.75912), ("macro-F1", nil)], loss: 0.8125, examples: 4000, style: Style())
        let expected = """
            examples   4,000
            loss      0.8125
            accuracy  0.7591
            macro-F1       –

            """
        #expect(text == expected)
    }
}
