/// The approximate rectangle that a label covers, in pixels of the SVG.
package struct LabelBox: Sendable, Equatable {
    package let text: String
    package let x: Double
    package let y: Double
    package let width: Double
    package let height: Double

    /// True where the two rectangles share more than a hair: neighbors may touch.
    package func overlaps(_ other: LabelBox) -> Bool {
        let across = min(x + width, other.x + other.width) - max(x, other.x)
        let down = min(y + height, other.y + other.height) - max(y, other.y)
        return across > 0.5 && down > 0.5
    }
}

/// A finished chart: its text and the boxes of its labels.
package struct Rendering: Sendable {
    package let svg: String
    package let boxes: [LabelBox]
    package let width: Double
    package let height: Double
}

enum Anchor: String {
    case start, middle, end
}

/// A text's look; the raw value is its CSS class.
enum TextStyle: String {
    case normal = "t"
    case muted = "m"
    case strong = "b"
    /// In the color that goes with the cell's.
    case inCell = "v"

    /// How much wider letters are than those of `normal`.
    var stretch: Double { self == .strong ? 1.12 : 1 }
}

/// Collects SVG elements and the boxes of the labels.
struct Canvas {
    let id: String
    private(set) var elements: [String] = []
    private(set) var boxes: [LabelBox] = []
    /// The scale of the cells, where there are any.
    var heat: HeatKind?

    init(id: String) { self.id = Labels.identifier(id) }

    mutating func add(_ element: String) { elements.append(element) }

    mutating func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ style: String) {
        add("<line x1=\"\(px(x1))\" y1=\"\(px(y1))\" x2=\"\(px(x2))\" y2=\"\(px(y2))\" class=\"\(style)\"/>")
    }

    /// `extra` is further attribute text; a tooltip is shown by browsers when the SVG is inlined.
    mutating func rect(
        _ x: Double, _ y: Double, _ width: Double, _ height: Double, _ style: String, extra: String = "",
        tooltip: String = ""
    ) {
        let head =
            "<rect x=\"\(px(x))\" y=\"\(px(y))\" width=\"\(px(max(width, 0)))\" height=\"\(px(max(height, 0)))\" "
            + "class=\"\(style)\"" + (extra.isEmpty ? "" : " " + extra)
        add(tooltip.isEmpty ? head + "/>" : head + "><title>\(Labels.escaped(tooltip))</title></rect>")
    }

    mutating func path(_ data: String, _ style: String, extra: String = "") {
        if !data.isEmpty {
            add("<path d=\"\(data)\" class=\"\(style)\"\(extra.isEmpty ? "" : " " + extra)/>")
        }
    }

    /// Writes a label with its baseline at y, shortened to `maxWidth`. Vertical text reads upward; x is then
    /// its baseline and y the place of the anchor.
    mutating func text(
        _ text: String, _ x: Double, _ y: Double, size: Double = 12, anchor: Anchor = .start,
        style: TextStyle = .normal, vertical: Bool = false, maxWidth: Double = .infinity
    ) {
        let shown = Labels.shortened(text, maxWidth: maxWidth, size: size * style.stretch)
        if shown.isEmpty { return }
        let width = Labels.width(shown, size: size * style.stretch)
        let start = anchor == .start ? 0 : anchor == .middle ? width / 2 : width
        boxes.append(
            vertical
                ? LabelBox(
                    text: shown, x: x - size * 0.8, y: y + start - width, width: size * 1.05, height: width)
                : LabelBox(text: shown, x: x - start, y: y - size * 0.8, width: width, height: size * 1.05))
        let turn = vertical ? " transform=\"rotate(-90 \(px(x)) \(px(y)))\"" : ""
        let full = shown == Labels.cleaned(text) ? "" : "<title>\(Labels.escaped(text))</title>"
        add(
            "<text x=\"\(px(x))\" y=\"\(px(y))\" font-size=\"\(px(size))\" text-anchor=\"\(anchor.rawValue)\" "
                + "class=\"\(style.rawValue)\"\(turn)>\(full)\(Labels.escaped(shown))</text>")
    }

    /// The document around the elements. All ids and all CSS selectors carry the chart's id.
    func rendering(width: Double, height: Double, title: String, description: String, theme: ChartTheme)
        -> Rendering
    {
        let (width, height) = (width.rounded(.up), height.rounded(.up))
        let head =
            "<svg xmlns=\"http://www.w3.org/2000/svg\" id=\"\(id)\" viewBox=\"0 0 \(px(width)) \(px(height))\" "
            + "width=\"\(px(width))\" height=\"\(px(height))\" role=\"img\" "
            + "aria-labelledby=\"\(id)-title \(id)-desc\" font-family=\"system-ui, sans-serif\">"
        let lines =
            [
                head, "<title id=\"\(id)-title\">\(Labels.escaped(title))</title>",
                "<desc id=\"\(id)-desc\">\(Labels.escaped(description))</desc>",
                "<style>", Palette.styleSheet(id: id, theme: theme, heat: heat) + "</style>",
                "<rect width=\"100%\" height=\"100%\" class=\"bg\"/>",
            ] + elements + ["</svg>", ""]
        return Rendering(svg: lines.joined(separator: "\n"), boxes: boxes, width: width, height: height)
    }
}

/// A coordinate with at most two decimals, written without the locale.
func px(_ value: Double) -> String {
    let hundredths = Int((min(max(value.isFinite ? value : 0, -1e6), 1e6) * 100).rounded())
    let (whole, rest) = abs(hundredths).quotientAndRemainder(dividingBy: 100)
    let sign = hundredths < 0 ? "-" : ""
    if rest == 0 { return "\(sign)\(whole)" }
    return rest % 10 == 0 ? "\(sign)\(whole).\(rest / 10)" : "\(sign)\(whole).\(rest < 10 ? "0" : "")\(rest)"
}
