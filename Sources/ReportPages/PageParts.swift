import Charts
import Foundation

/// Parts that both kinds of page have.
enum PageParts {
    static func section(_ id: String, _ title: String, intro: String = "", _ content: [Markup]) -> Markup {
        let head = Markup.element("h2", [("id", "\(id)-title")], text: title)
        let text = intro.isEmpty ? Markup.empty : .element("p", [("class", "intro")], text: intro)
        return .element(
            "section", [("id", id), ("aria-labelledby", "\(id)-title")],
            .joined([head, text] + content, separator: "\n"))
    }

    /// Figures two beside each other, the last of an odd number across the page; those that there is nothing to draw of are
    /// named below them.
    static func beside(_ parts: [Markup]) -> Markup {
        .element("div", [("class", "figures")], .joined(parts, separator: "\n"))
    }

    static func grid(_ figures: [ReportFigure]) -> Markup {
        let drawn = figures.filter { $0.isDrawn }
        let cards = drawn.enumerated().map { at, figure in
            let isWhole = at == drawn.count - 1 && at % 2 == 0
            return self.figure(figure, width: isWhole ? 1240 : 620, isWhole: isWhole)
        }
        let absent = figures.filter { !$0.isDrawn }.map { figure -> Markup in
            let reason = figure.whyMissing ?? "not recorded"
            return .element("li", [], .element("strong", text: figure.title) + .text(": \(reason)."))
        }
        let list =
            absent.isEmpty
            ? Markup.empty
            : .element(
                "div", [("class", "missing")],
                .element("h3", text: "Not recorded") + .element("ul", [], .joined(absent)))
        return
            (cards.isEmpty
            ? .empty : .element("div", [("class", "figures")], .joined(cards, separator: "\n")))
            + list
    }

    /// A figure drawn for wide screens and print, and again for phones; with the reason where there is nothing to draw.
    static func figure(_ figure: ReportFigure, width: Double = 620, isWhole: Bool = false) -> Markup {
        let wide = try? figure.svg(FigureForm(id: "wide-\(figure.id)", width: width))
        let narrow = try? figure.svg(FigureForm(id: "narrow-\(figure.id)", width: 340))
        guard let wide, let narrow else {
            let reason = figure.whyMissing ?? "not recorded"
            return .element(
                "div", [("class", "missing")],
                .element("h3", text: figure.title) + .element("p", text: "Not recorded: \(reason)."))
        }
        let tools = ["svg", "csv"].map { kind in
            Markup.element(
                "button",
                [
                    ("type", "button"), ("data-save", kind), ("data-of", figure.id),
                    ("aria-label", "Save \(figure.title) as \(kind.uppercased())"),
                ], text: kind.uppercased())
        }
        let caption = Markup.element(
            "figcaption", [],
            .element("span", text: figure.caption)
                + .element("span", [("class", "tools"), ("hidden", "")], .joined(tools)))
        return .element(
            "figure", [("data-figure", figure.id)] + (isWhole ? [("class", "whole")] : []),
            .element("div", [("class", "wide")], .chart(wide))
                + .element("div", [("class", "narrow")], .chart(narrow)) + caption)
    }

    /// Slider and button; without the script they stay hidden.
    static func player(steps: Int) -> Markup {
        guard steps > 1 else { return .empty }
        return .element(
            "div", [("class", "player"), ("id", "player"), ("hidden", "")],
            .element("button", [("type", "button"), ("id", "play")], text: "Play")
                + .element("label", [("for", "frame"), ("class", "hidden")], text: "Step")
                + .element(
                    "input",
                    [
                        ("type", "range"), ("id", "frame"), ("min", "0"), ("max", "\(steps - 1)"),
                        ("value", "\(steps - 1)"), ("step", "1"),
                    ]) + .element("output", [("id", "frame-text"), ("for", "frame")]))
    }

    static func folded(_ title: String, _ content: Markup) -> Markup {
        .element("details", [], .element("summary", text: title) + content)
    }

    /// Values with their names; what is missing is said.
    static func facts(_ facts: [(name: String, value: String?)]) -> Markup {
        .element(
            "dl", [("class", "facts")],
            .joined(
                facts.map { fact in
                    let value =
                        fact.value.map { Markup.element("dd", text: $0) }
                        ?? .element("dd", [("class", "absent")], text: "not recorded")
                    // Hashes and paths in a narrow column would be towers.
                    let isLong = (fact.value?.count ?? 0) > 30
                    return .element(
                        "div", isLong ? [("class", "long")] : [], .element("dt", text: fact.name) + value)
                }))
    }
}
