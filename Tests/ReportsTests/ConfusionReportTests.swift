import Reports
import Testing

struct ConfusionReportTests {
    @Test func aFewClassesAreAMatrix() {
        let text = ConfusionReport(
            names: ["negative", "neutral", "positive"],
            cells: [(0, 0, 40), (0, 2, 3), (1, 0, 1), (1, 1, 1234), (2, 2, 38)], style: Style()
        ).text()
        let expected = """
            true ↓ answered →
                      negative   neutral  positive
            ──────────────────────────────────────
            negative        40         0         3
            neutral          1     1,234         0
            positive         0         0        38

            """
        #expect(text == expected)
    }

    /// 41 classes do not fit: those in most mistakes, a column for the others, and the most frequent mistakes.
    @Test func ofManyClassesThoseThatMatter() {
        let names = (0..<41).map { "class-\($0)" }
        var cells = names.indices.map { (truth: $0, answer: $0, count: 20) }
        // Twelve mistakes of 12 … 1 rows, among class 0 … 12.
        for at in 0..<12 { cells.append((truth: at, answer: at + 1, count: 12 - at)) }
        let report = ConfusionReport(names: names, cells: cells, style: Style())
        let lines = report.text().split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.allSatisfy { $0.count <= 80 }, "\(lines.map(\.count))")
        #expect(
            lines[0].hasPrefix("true ↓ answered →, the ")
                && lines[0].hasSuffix(" classes in most mistakes of 41"))
        #expect(lines[1].hasSuffix("9    10 other"))
        #expect(lines[3].hasPrefix(" 1 class-0 ") && lines[3].contains("20"))
        let pairs = lines.drop { !$0.hasPrefix("true  ") }
        #expect(pairs.dropFirst(2).first == "class-0  →  class-1       12             37.5%")
        #expect(pairs.count { $0.contains("→") } == 10)
        #expect(
            report.text().split(separator: "\n").suffix(2).joined(separator: " ").contains(
                "75 of 78 wrong rows; 2 other pairs of classes not shown"))
        let all = report.text(all: true).split(separator: "\n")
        #expect(all.count { $0.contains("%") } == 12 && !report.text(all: true).contains("not shown"))
    }

    @Test func namesFitTheWidth() {
        let names = ["a", "b", "c"].map { String(repeating: $0, count: 70) } + ["\u{1B}[2J"]
        let cells = [(truth: 0, answer: 1, count: 5), (truth: 3, answer: 3, count: 1)]
        for width in [40, 60, 80, 120] {
            let text = ConfusionReport(names: names, cells: cells, style: Style(width: width)).text()
            #expect(text.split(separator: "\n").allSatisfy { $0.count <= width }, "\(width)\n\(text)")
            #expect(!text.contains("\u{1B}"))
        }
        let plain = ConfusionReport(names: names, cells: cells, style: Style(unicode: false)).text()
        #expect(plain.unicodeScalars.allSatisfy { $0.isASCII })
    }

    @Test func nothingToShow() {
        #expect(ConfusionReport(names: ["a", "b"], cells: [], style: Style()).text() == "")
        let names = (0..<30).map { "c\($0)" }
        let right = names.indices.map { (truth: $0, answer: $0, count: 2) }
        #expect(
            ConfusionReport(names: names, cells: right, style: Style()).text()
                == "no class was taken for another\n")
    }
}
