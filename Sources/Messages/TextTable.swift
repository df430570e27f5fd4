import Foundation

/// A table of texts whose columns align.
package struct TextTable {
    package enum Alignment { case left, right }

    let headers: [String]
    let alignments: [Alignment]
    private(set) var rows: [[String]] = []

    package init(_ columns: [(header: String, alignment: Alignment)]) {
        headers = columns.map(\.header)
        alignments = columns.map(\.alignment)
    }

    package mutating func add(_ row: [String]) {
        precondition(row.count == headers.count, "\(row.count) cells for \(headers.count) columns")
        rows.append(row)
    }

    /// Two spaces between columns; the first column is shortened so that lines have at most `width`
    /// characters.
    package func terminal(width: Int) -> [String] {
        var widths = headers.indices.map { column in
            ([headers] + rows).map { TerminalText.columns($0[column]) }.max() ?? 0
        }
        let rest = widths.dropFirst().reduce(0) { $0 + $1 + 2 }
        widths[0] = min(widths[0], max(width - rest, 4))
        return ([headers] + rows).map { row in
            var line = ""
            for column in row.indices {
                let text =
                    column == 0
                    ? TerminalText.shortened(row[0], to: widths[0], unicode: true) : row[column]
                let isLeft = alignments[column] == .left
                line += column > 0 ? "  " : ""
                line +=
                    isLeft
                    ? TerminalText.left(text, widths[column]) : TerminalText.right(text, widths[column])
            }
            while line.hasSuffix(" ") { line.removeLast() }
            return line
        }
    }

    package func markdown() -> [String] {
        let rules = alignments.map { $0 == .left ? "---" : "---:" }
        return ([headers.map(Self.cell), rules] + rows.map { $0.map(Self.cell) }).map {
            "| " + $0.joined(separator: " | ") + " |"
        }
    }

    /// Text of a table's cell: on one line, without what Markdown takes for a border.
    package static func cell(_ text: String) -> String {
        text.replacingOccurrences(of: "|", with: "\\|").split(whereSeparator: \.isNewline).joined(
            separator: " ")
    }
}
