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

    /// A table with a head row; the first cell of each row names it.
    static func table(caption: String, head: [String], rows: [[String]], isNumeric: Bool = true) -> Markup {
        let titles = joined(head.map { element("th", [("scope", "col")], text: $0) })
        let body = rows.map { row in
            let cells = row.enumerated().map { at, cell in
                at == 0 ? element("th", [("scope", "row")], text: cell) : element("td", text: cell)
            }
            return element("tr", [], joined(cells))
        }
        let table = element(
            "table", [("class", isNumeric ? "numbers" : "")],
            element("caption", text: caption) + element("thead", [], element("tr", [], titles))
                + element("tbody", [], joined(body)))
        // A wide table scrolls in itself; a focusable region can be scrolled by keyboard.
        return element(
            "div", [("class", "scroll"), ("tabindex", "0"), ("role", "region"), ("aria-label", caption)],
            table)
    }
}
