/// How a legend or an end label shows what it names.
enum LegendKey: Sendable {
    case line(index: Int)
    case faint(index: Int)
    case area(index: Int)
    case filled(RGB)
    case step
}

struct LegendEntry: Sendable {
    let text: String
    let key: LegendKey
}

/// Marker shapes and line patterns. Series differ in color and shape up to the eighth, then also in the line
/// pattern.
enum Marks {
    /// Corners of the shapes at radius 1; the first is drawn as a circle.
    private static let shapes: [[(Double, Double)]] = [
        [],
        [(-0.85, -0.85), (0.85, -0.85), (0.85, 0.85), (-0.85, 0.85)],
        [(0, -1.15), (1.05, 0.75), (-1.05, 0.75)],
        [(0, -1.2), (1.2, 0), (0, 1.2), (-1.2, 0)],
        [(0, 1.15), (1.05, -0.75), (-1.05, -0.75)],
        [
            (-0.4, -1.1), (0.4, -1.1), (0.4, -0.4), (1.1, -0.4), (1.1, 0.4), (0.4, 0.4), (0.4, 1.1),
            (-0.4, 1.1),
            (-0.4, 0.4), (-1.1, 0.4), (-1.1, -0.4), (-0.4, -0.4),
        ],
        [(-1, -0.5), (0, -1.15), (1, -0.5), (1, 0.5), (0, 1.15), (-1, 0.5)],
        [(-1.1, -1.1), (1.1, -1.1), (0, 0), (1.1, 1.1), (-1.1, 1.1), (0, 0)],
    ]

    static func marker(_ index: Int, x: Double, y: Double, radius: Double = 4) -> String {
        let style = "class=\"f\(index % Palette.count) edge\" stroke-width=\"1\""
        let corners = shapes[(index + index / Palette.count) % shapes.count]
        if corners.isEmpty { return "<circle cx=\"\(px(x))\" cy=\"\(px(y))\" r=\"\(px(radius))\" \(style)/>" }
        let points = corners.map { px(x + $0.0 * radius) + "," + px(y + $0.1 * radius) }
        return "<polygon points=\"\(points.joined(separator: " "))\" \(style)/>"
    }

    static func dash(_ index: Int) -> String {
        ["", "stroke-dasharray=\"7 4\"", "stroke-dasharray=\"2 4\"", "stroke-dasharray=\"9 3 2 3\""][
            index / Palette.count % 4]
    }
}

/// Rows of legend entries.
struct Legend {
    static let rowHeight = 19.0
    static let keyWidth = 26.0
    static let textSize = 12.0
    private static let gap = 16.0

    /// Entries by row, each with its x.
    let rows: [[(x: Double, entry: LegendEntry)]]
    /// Of a text, in pixels: that of a row of its own.
    private let maxText: Double

    init(_ entries: [LegendEntry], from start: Double, to end: Double) {
        let maxText = max(end - start - Self.keyWidth, 40)
        self.maxText = maxText
        var rows: [[(x: Double, entry: LegendEntry)]] = []
        var x = start
        for entry in entries {
            let text = min(Labels.width(Labels.cleaned(entry.text), size: Self.textSize), maxText)
            let width = Self.keyWidth + text
            if rows.isEmpty || x + width > end && x > start {
                rows.append([])
                x = start
            }
            rows[rows.count - 1].append((x, entry))
            x += width + Self.gap
        }
        self.rows = rows
    }

    var height: Double { Double(rows.count) * Self.rowHeight }

    func draw(on canvas: inout Canvas, y: Double) {
        for (index, row) in rows.enumerated() {
            let center = y + (Double(index) + 0.5) * Self.rowHeight
            for (x, entry) in row {
                Self.drawKey(entry.key, on: &canvas, x: x, y: center)
                canvas.text(
                    entry.text, x + Self.keyWidth, center + 4, size: Self.textSize, maxWidth: maxText)
            }
        }
    }

    static func drawKey(_ key: LegendKey, on canvas: inout Canvas, x: Double, y: Double) {
        switch key {
        case .line(let index):
            canvas.path(
                "M\(px(x)) \(px(y))H\(px(x + 20))", "l s\(index % Palette.count)", extra: Marks.dash(index))
            canvas.add(Marks.marker(index, x: x + 10, y: y))
        case .faint(let index):
            canvas.path(
                "M\(px(x)) \(px(y))H\(px(x + 20))", "l s\(index % Palette.count)", extra: LineChart.faint)
        case .area(let index):
            canvas.rect(x + 4, y - 6, 14, 12, "f\(index % Palette.count)")
        case .filled(let color):
            canvas.rect(x + 4, y - 6, 14, 12, "edge", extra: "fill=\"\(color.hex)\"")
        case .step:
            canvas.path("M\(px(x)) \(px(y))H\(px(x + 20))", "step")
        }
    }
}

/// Labels in the right margin, at the height of what they name.
package enum EndLabels {
    package static let height = 16.0

    /// Moves the wanted heights apart so that neighbors are at least `height` apart and all lie within
    /// top...bottom, in the order of the wanted heights. nil where they do not fit.
    package static func placed(_ wanted: [Double], top: Double, bottom: Double) -> [Double]? {
        guard Double(wanted.count) * height <= bottom - top else { return nil }
        let order = wanted.indices.sorted { (wanted[$0], $0) < (wanted[$1], $1) }
        var result = wanted
        var next = top + height / 2
        for index in order {
            result[index] = max(wanted[index], next)
            next = result[index] + height
        }
        var limit = bottom - height / 2
        for index in order.reversed() {
            result[index] = min(result[index], limit)
            limit = result[index] - height
        }
        return result
    }
}
