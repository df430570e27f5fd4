/// One line of fields that gives up the least worth first where the terminal is narrow.
package enum FittedLine {
    package struct Field: Sendable {
        let text: String
        /// Fields of the same worth go from the end.
        let worth: Int
        /// To so many columns it is cut before any field goes; nil for one that stays as it is.
        let shortest: Int?

        package init(_ text: String, worth: Int, shortest: Int? = nil) {
            self.text = text
            self.worth = worth
            self.shortest = shortest
        }
    }

    private static let gap = "  "

    /// - Parameter width: in columns; nil for as many as it takes. The field of most worth stays, cut where it must be.
    package static func text(_ fields: [Field], width: Int?) -> String {
        var left = Array(fields.enumerated())
        func line() -> String { left.map(\.element.text).joined(separator: gap) }
        guard let width else { return line() }
        while left.count > 1, TerminalText.columns(line()) > width {
            let excess = TerminalText.columns(line()) - width
            for at in left.indices {
                guard let shorter = cut(left[at].element, by: excess) else { continue }
                left[at].element = shorter
                return line()
            }
            guard let least = left.min(by: { ($0.element.worth, $1.offset) < ($1.element.worth, $0.offset) })
            else { break }
            left.removeAll { $0.offset == least.offset }
        }
        return TerminalText.shortened(line(), to: max(width, 0), unicode: true)
    }

    /// The field less so many columns; nil where it may not be that short.
    private static func cut(_ field: Field, by excess: Int) -> Field? {
        let columns = TerminalText.columns(field.text) - excess
        guard let shortest = field.shortest, columns >= shortest else { return nil }
        return Field(
            TerminalText.shortened(field.text, to: columns, unicode: true), worth: field.worth,
            shortest: shortest)
    }
}
