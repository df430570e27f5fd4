import Charts
import ModelFiles

/// HTML. Text and attribute values are escaped here and nowhere else, so whatever a file holds stays text.
package struct Markup: Sendable, Equatable {
    package private(set) var html: String

    static let empty = Markup(html: "")

    private init(html: String) { self.html = html }

    static func text(_ text: String) -> Markup { Markup(html: Labels.escaped(text)) }

    /// Lines kept apart, for preformatted text.
    static func lines(_ text: String) -> Markup {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        return Markup(html: lines.map { Labels.escaped(String($0)) }.joined(separator: "\n"))
    }

    /// A chart, which escapes its own labels.
    static func chart(_ svg: String) -> Markup { Markup(html: svg) }

    /// The page's own style and script.
    static func asset(_ name: String, _ text: String) -> Markup {
        Markup(html: "<\(name)>\n\(text)</\(name)>")
    }

    /// Data for the script; `<` is written as an escape, so that no text can end the element.
    static func data(id: String, _ value: JSONValue) -> Markup {
        let json = value.text().replacing("<", with: "\\u003c")
        return Markup(html: "<script type=\"application/json\" id=\"\(Labels.escaped(id))\">\(json)</script>")
    }

    static func element(
        _ name: String, _ attributes: [(String, String)] = [], _ content: Markup = .empty
    ) -> Markup {
        let list = attributes.map { " \($0)=\"\(Labels.escaped($1))\"" }.joined()
        if ["input", "link", "meta"].contains(name) { return Markup(html: "<\(name)\(list) />") }
        return Markup(html: "<\(name)\(list)>\(content.html)</\(name)>")
    }

    static func element(_ name: String, _ attributes: [(String, String)] = [], text: String) -> Markup {
        element(name, attributes, .text(text))
    }

    static func joined(_ parts: [Markup], separator: String = "") -> Markup {
        Markup(html: parts.map(\.html).joined(separator: separator))
    }

    static func + (left: Markup, right: Markup) -> Markup { Markup(html: left.html + right.html) }

    /// How a table looks on a phone.
    enum Narrow: String {
        /// As it is.
        case plain = ""
        /// Each row below the one before, each cell a line with the name of its column.
        case stacked = "stack"
        /// Columns of equal width, for short numbers.
        case fixed = "fixed"
    }

    /// A table with a head row; the first cell of each row names it.
    ///
    /// - Parameters:
    ///   - narrow: nil: stacked where there are many columns.
    ///   - best: cells that are marked, by row and column.
    static func table(
        caption: String, head: [String], rows: [[String]], isNumeric: Bool = true, narrow: Narrow? = nil,
        best: [[Int]] = []
    ) -> Markup {
        let titles = joined(head.map { element("th", [("scope", "col")], text: $0) })
        let body = rows.enumerated().map { number, row in
            let cells = row.enumerated().map { at, cell -> Markup in
                let label = [("data-label", at < head.count ? head[at] : "")]
                if at == 0 { return element("th", [("scope", "row")] + label, text: cell) }
                guard best.contains([number, at]) else { return element("td", label, text: cell) }
                return element(
                    "td", label + [("class", "best")], .text(cell + " ") + element("span", text: "best"))
            }
            return element("tr", [], joined(cells))
        }
        let narrow = narrow ?? (head.count > (isNumeric ? 3 : 2) ? .stacked : .plain)
        let classes = [isNumeric ? "numbers" : "", narrow.rawValue].filter { !$0.isEmpty }
        let table = element(
            "table", [("class", classes.joined(separator: " "))],
            element("caption", text: caption) + element("thead", [], element("tr", [], titles))
                + element("tbody", [], joined(body)))
        // A wide table scrolls in itself; a focusable region can be scrolled by keyboard.
        return element(
            "div", [("class", "scroll"), ("tabindex", "0"), ("role", "region"), ("aria-label", caption)],
            table)
    }
}
