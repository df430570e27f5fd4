import Charts
import Foundation
import Messages
import Reports
import RunConfiguration
import RunRecords

/// What the validation rows said class by class.
extension RunFigures {
    /// More classes than this have no room for their names.
    static let mostConfused = 32

    /// Empty where rows have not one class each, and for runs of versions that kept no such record.
    static func confusion(_ run: ReportedRun) -> [ReportFigure] {
        guard let shown = run.classes?.shown, let cells = shown.confusion else { return [] }
        let classes = confused(shown.classes.count, cells)
        let part =
            classes.count < shown.classes.count
            ? " Shown are the \(classes.count) classes in most mistakes of \(shown.classes.count); shares are of all rows of "
                + "a class. The data has every cell." : ""
        return [
            ReportFigure(
                id: "confusion", title: "Confusion matrix",
                caption:
                    "Each row is a true class of the validation rows, each column an answer: the share of the class's rows "
                    + "that got it. The diagonal is recall.\(part)",
                content: .drawn(
                    draw: { form in confusionMap(shown, cells, classes, form).svg() },
                    table: { confusionTable(shown, cells) }))
        ]
    }

    /// The classes in most mistakes, as truth or as answer, in their order; all where they are few.
    private static func confused(_ count: Int, _ cells: [ClassResults.Cell]) -> [Int] {
        guard count > mostConfused else { return Array(0..<count) }
        var mistakes = [Int](repeating: 0, count: count)
        for cell in cells where cell.truth != cell.answer {
            mistakes[cell.truth] += cell.count
            mistakes[cell.answer] += cell.count
        }
        let order = mistakes.indices.sorted { (mistakes[$1], $0) < (mistakes[$0], $1) }
        return order.prefix(mostConfused).sorted()
    }

    private static func confusionMap(
        _ shown: ClassResults.Evaluation, _ cells: [ClassResults.Cell], _ classes: [Int], _ form: FigureForm
    ) -> Heatmap {
        let place = Dictionary(uniqueKeysWithValues: classes.enumerated().map { ($1, $0) })
        // A class without rows has no shares.
        var shares = classes.map { truth in
            [Double?](repeating: shown.classes[truth].support > 0 ? 0 : nil, count: classes.count)
        }
        for cell in cells {
            guard let row = place[cell.truth], let column = place[cell.answer] else { continue }
            shares[row][column] = Double(cell.count) / Double(shown.classes[cell.truth].support)
        }
        let names = classes.map { shown.classes[$0].name }
        var map = Heatmap(
            id: form.id, title: "Answers after step \(shown.step)", rowLabels: names, columnLabels: names,
            values: shares)
        map.style.rowTitle = "true"
        map.style.columnTitle = "answered"
        map.style.legendTitle = "share"
        map.style.missingNote = "no row of this class"
        map.style.scale = .sequential(range: 0...1)
        map.style.format = .decimals(2)
        map.style.showsZeroAsEmpty = true
        map.style.maxWidth = form.width
        map.style.fillsWidth = !form.isNarrow
        map.style.theme = form.theme
        return map
    }

    private static func confusionTable(_ shown: ClassResults.Evaluation, _ cells: [ClassResults.Cell])
        -> FigureTable
    {
        FigureTable(
            columns: ["truth", "answer", "count", "share"],
            rows: cells.map { cell in
                let truth = shown.classes[cell.truth]
                return [
                    .text(truth.name), .text(shown.classes[cell.answer].name), FigureValue(cell.count),
                    FigureValue(Double(cell.count) / Double(truth.support)),
                ]
            })
    }

    /// Figures of which lower is better have scales of their own.
    static func isError(_ metric: String) -> Bool {
        RunConfig.Metric(rawValue: metric).map { !$0.isHigherBetter } ?? false
    }
}

/// Scores of the classes on the page of a run.
struct ClassSection {
    let run: ReportedRun

    /// More rows than this make the page long.
    private static let mostRows = 200
    private static let mostUnfolded = 15
    /// A matrix of more classes takes the width of the page.
    private static let mostBeside = 12

    /// - Parameter figure: of that name at a width; empty where there is none.
    func markup(figure: (_ width: Double) -> Markup) -> Markup {
        guard let shown = run.classes?.shown else { return .empty }
        let which = shown.isBest ? "the best evaluation" : "the last evaluation"
        let table = Self.table(shown)
        let isLong = shown.classes.count > Self.mostUnfolded
        let scores = Markup.element(
            "div", [("class", "panel")], isLong ? PageParts.folded("Scores of all classes", table) : table)
        return PageParts.section(
            "classes", "Classes",
            intro: "What the validation rows said after step \(Figures.grouped(shown.step)), \(which).",
            shown.classes.count > Self.mostBeside
                ? [figure(1240), scores] : [PageParts.beside([figure(620), scores])])
    }

    private static func table(_ shown: ClassResults.Evaluation) -> Markup {
        let order = worstFirst(shown.classes)
        let listed = order.prefix(mostRows)
        let note = listed.count < order.count ? ", the \(listed.count) of lowest F1 of \(order.count)" : ""
        return .table(
            caption: "Precision, recall and F1 of each class, lowest F1 first\(note)",
            head: ["class"] + scoreHead, rows: listed.map { [$0.name] + scores($0) })
    }

    static let scoreHead = ["precision", "recall", "F1", "rows"]

    static func scores(_ one: ClassResults.ClassCounts) -> [String] {
        [one.precision, one.recall, one.f1].map { $0.map { Figures.fixed($0, 4) } ?? "–" }
            + [Figures.grouped(one.support)]
    }

    /// Classes without an F1 last, ties as they are.
    static func worstFirst(_ classes: [ClassResults.ClassCounts]) -> [ClassResults.ClassCounts] {
        classes.enumerated().sorted { ($0.element.f1 ?? 2, $0.offset) < ($1.element.f1 ?? 2, $1.offset) }
            .map(\.element)
    }

    /// The classes of lowest F1 as a table for pull requests; empty without a record.
    static func markdown(_ run: ReportedRun) -> [String] {
        guard let shown = run.classes?.shown else { return [] }
        let order = worstFirst(shown.classes)
        let listed = order.prefix(mostUnfolded)
        let part = listed.count < order.count ? ", \(listed.count) of lowest F1 of \(order.count)" : ""
        return [
            "Classes in \(MarkdownTable.escaped(run.name)) after step \(shown.step)\(part)",
            MarkdownTable.text(
                head: ["class"] + scoreHead, rows: listed.map { [$0.name] + scores($0) }),
        ]
    }
}
