import Messages

/// Which classes are taken for which, as text for `adalora evaluate`.
package struct ConfusionReport {
    /// Rows of class `truth` that were answered with class `answer`, by their positions among the names.
    package typealias Cell = (truth: Int, answer: Int, count: Int)

    private let names: [String]
    private let cells: [Cell]
    private let style: Style

    /// - Parameter cells: above 0, each once.
    package init(names: [String], cells: [Cell], style: Style) {
        self.names = names
        self.cells = cells
        self.style = style
    }

    /// Pairs listed unless all are asked for.
    private static let pairLimit = 10
    private static let leastColumn = 6
    private static let mostColumn = 14

    /// The matrix where all classes fit, else that of the classes with most mistakes and the most frequent mistakes; what is
    /// left out is said. Empty without cells.
    ///
    /// - Parameter all: list every mistake, not only the most frequent.
    package func text(all: Bool = false) -> String {
        guard !cells.isEmpty else { return "" }
        let fitting = columnsThatFit
        guard names.count > fitting else { return matrix(Array(names.indices)) }
        let shown = confused(fitting - 1)
        return (shown.count > 1 ? matrix(shown) + "\n" : "") + pairs(all: all)
    }

    private var widestCount: Int {
        max(Self.leastColumn, (cells.map { Figures.grouped($0.count).count }.max() ?? 0) + 2)
    }

    /// At most this many columns beside the rows' names, which get a quarter of the width, and their numbers.
    private var columnsThatFit: Int {
        let widest = names.map { TerminalText.columns(style.name($0)) }.max() ?? 0
        return max((style.width - min(max(widest, 5), style.width / 4) - 3) / widestCount, 3)
    }

    /// The classes in most mistakes, as truth or as answer, in their order.
    private func confused(_ count: Int) -> [Int] {
        var mistakes = [Int](repeating: 0, count: names.count)
        for cell in cells where cell.truth != cell.answer {
            mistakes[cell.truth] += cell.count
            mistakes[cell.answer] += cell.count
        }
        let order = mistakes.indices.sorted { (mistakes[$1], $0) < (mistakes[$0], $1) }
        return order.prefix(count).filter { mistakes[$0] > 0 }.sorted()
    }

    /// Rows are what is true, columns what was answered.
    ///
    /// - Parameter shown: classes; the answers of others go into a column of their own.
    private func matrix(_ shown: [Int]) -> String {
        let isPartial = shown.count < names.count
        let heads = shown.map { style.name(names[$0]) } + (isPartial ? ["other"] : [])
        let widest = shown.map { TerminalText.columns(style.name(names[$0])) }.max() ?? 0
        let room = (style.width - max(min(widest, style.width / 4), 5)) / max(heads.count, 1)
        let headWidth = (heads.map { TerminalText.columns($0) }.max() ?? 0) + 2
        let column = max(min(room, max(headWidth, widestCount), Self.mostColumn), widestCount)
        // Names that are cut no longer tell classes apart.
        let isNumbered = headWidth > column
        let digits = isNumbered ? "\(shown.count)".count + 1 : 0
        let nameWidth = max(min(widest + digits, style.width - column * heads.count), 5)
        func short(_ name: String, _ width: Int) -> String {
            TerminalText.shortened(name, to: width, unicode: style.unicode)
        }
        let corner = "true \(style.unicode ? "↓" : "v") answered \(style.arrow)"
        var lines = [
            style.faint(
                isPartial
                    ? "\(corner), the \(shown.count) classes in most mistakes of \(names.count)" : corner),
            style.bold(
                TerminalText.left("", nameWidth)
                    + heads.enumerated().map { place, name in
                        TerminalText.right(
                            isNumbered && place < shown.count ? "\(place + 1)" : short(name, column - 1),
                            column)
                    }.joined()),
            style.faint(String(repeating: style.rule, count: nameWidth + column * heads.count)),
        ]
        let place = Dictionary(uniqueKeysWithValues: shown.enumerated().map { ($1, $0) })
        for (number, truth) in shown.enumerated() {
            var counts = [Int](repeating: 0, count: heads.count)
            for cell in cells where cell.truth == truth {
                counts[place[cell.answer] ?? shown.count] += cell.count
            }
            let total = counts.reduce(0, +)
            let row = counts.map { count -> String in
                let text = TerminalText.right(Figures.grouped(count), column)
                if count == 0 { return style.faint(text) }
                return style.shaded(text, Double(count) / Double(max(total, 1)))
            }
            let place = isNumbered ? TerminalText.right("\(number + 1)", digits - 1) + " " : ""
            lines.append(
                TerminalText.left(place + short(style.name(names[truth]), nameWidth - digits), nameWidth)
                    + row.joined())
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private func pairs(all: Bool) -> String {
        let wrong = cells.filter { $0.truth != $0.answer }
        guard !wrong.isEmpty else { return style.faint("no class was taken for another") + "\n" }
        let support = cells.reduce(into: [Int: Int]()) { $0[$1.truth, default: 0] += $1.count }
        let sorted = wrong.sorted { ($1.count, $0.truth, $0.answer) < ($0.count, $1.truth, $1.answer) }
        let shown = all ? sorted : Array(sorted.prefix(Self.pairLimit))
        let numbers = 8 + 18
        let nameWidth = max(min(widestName(shown), (style.width - numbers - 4) / 2), 5)
        func name(_ at: Int) -> String {
            TerminalText.left(
                TerminalText.shortened(style.name(names[at]), to: nameWidth, unicode: style.unicode),
                nameWidth)
        }
        var lines = [
            style.bold(
                TerminalText.left("true", nameWidth) + "    " + TerminalText.left("answered", nameWidth)
                    + TerminalText.right("rows", 8) + TerminalText.right("of the class", 18)),
            style.faint(String(repeating: style.rule, count: 2 * nameWidth + 4 + numbers)),
        ]
        for cell in shown {
            let share = Double(cell.count) / Double(max(support[cell.truth] ?? 0, 1))
            lines.append(
                name(cell.truth) + " \(style.arrow)" + TerminalText.spaces(3 - style.arrow.count)
                    + name(cell.answer) + TerminalText.right(Figures.grouped(cell.count), 8)
                    + TerminalText.right(Figures.fixed(100 * share, 1) + "%", 18))
        }
        if shown.count < sorted.count {
            let told = shown.reduce(0) { $0 + $1.count }
            let total = sorted.reduce(0) { $0 + $1.count }
            lines.append(
                style.faint(
                    TerminalText.wrapped(
                        "\(Figures.grouped(told)) of \(Figures.grouped(total)) wrong rows; "
                            + "\(Figures.counted(sorted.count - shown.count, "other pair")) of classes not shown "
                            + "(\(SettingName.allClasses) lists them)", width: style.width, indent: 0)))
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private func widestName(_ cells: [Cell]) -> Int {
        let widths = cells.flatMap { [$0.truth, $0.answer] }.map {
            TerminalText.columns(style.name(names[$0]))
        }
        return max(widths.max() ?? 0, 8)
    }
}
