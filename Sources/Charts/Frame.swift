/// A labeled range on the x axis, such as warm-up, budgeting and final phase of a schedule.
package struct PhaseRange: Sendable, Hashable {
    package var label: String
    /// Where there is no room for the label.
    package var short: String
    package var from: Double
    package var to: Double

    package init(_ label: String, short: String = "", from: Double, to: Double) {
        self.label = label
        self.short = short
        self.from = from
        self.to = to
    }
}

/// What every chart has.
struct ChartHead {
    let id: String
    let title: String
    let summary: String
    let width: Double
    let height: Double
    let theme: ChartTheme

    init(id: String, title: String, summary: String, width: Double, height: Double, theme: ChartTheme) {
        self.id = id
        self.title = title
        self.summary = summary
        self.width = Self.clamped(width)
        self.height = min(max(height.isFinite ? height : 400, 160), 10_000)
        self.theme = theme
    }

    /// Below this the axes would eat the plot; above it no viewer draws.
    static func clamped(_ width: Double) -> Double { min(max(width.isFinite ? width : 720, 240), 10_000) }

    /// A chart with the title and "no data" in place of a plot.
    func withoutData(_ notes: [String] = []) -> Rendering {
        var canvas = Canvas(id: id)
        let notes = noteLines(notes)
        let top = drawTitle(on: &canvas)
        let bottom = height - 12 - Double(notes.count) * 15
        canvas.rect(
            12, top, width - 24, bottom - top, "axis", extra: "fill=\"none\" stroke-dasharray=\"4 4\"")
        canvas.text("no data", width / 2, (top + bottom) / 2 + 5, size: 15, anchor: .middle, style: .muted)
        drawNotes(notes, on: &canvas, height: height)
        return rendering(canvas, height: height, details: (["No data."] + notes).joined(separator: " "))
    }

    private static let titleSize = 15.0
    private static let titleLine = 19.0

    private static func titleLines(_ title: String, width: Double) -> [String] {
        Labels.lines(
            title, maxWidth: width - 24, size: titleSize * TextStyle.strong.stretch, most: 3)
    }

    /// The y below a title in a picture of a width.
    static func titleHeight(_ title: String, width: Double) -> Double {
        let lines = titleLines(title, width: width).count
        return lines == 0 ? 12 : 36 + Double(lines - 1) * titleLine
    }

    /// Returns the y below the title.
    func drawTitle(on canvas: inout Canvas) -> Double {
        for (index, line) in Self.titleLines(title, width: width).enumerated() {
            canvas.text(
                line, 12, 22 + Double(index) * Self.titleLine, size: Self.titleSize, style: .strong,
                maxWidth: width - 24)
        }
        return Self.titleHeight(title, width: width)
    }

    /// Notes broken to the width of the picture.
    func noteLines(_ notes: [String]) -> [String] {
        notes.flatMap { Labels.lines($0, maxWidth: width - 24, size: 11, most: 4) }
    }

    /// - Parameter notes: by line.
    func drawNotes(_ notes: [String], on canvas: inout Canvas, height: Double) {
        for (index, note) in notes.enumerated() {
            let y = height - 8 - Double(notes.count - 1 - index) * 15
            canvas.text(note, 12, y, size: 11, style: .muted, maxWidth: width - 24)
        }
    }

    func rendering(_ canvas: Canvas, height: Double, details: String) -> Rendering {
        let description = summary.isEmpty ? details : summary + " " + details
        return canvas.rendering(
            width: width, height: height, title: title.isEmpty ? "Chart" : title, description: description,
            theme: theme)
    }
}

/// An axis together with the values it spans.
struct SpannedAxis {
    let axis: Axis
    let scale: AxisScale
    let low: Double
    let high: Double

    init?(_ axis: Axis, values: some Sequence<Double>, scale: AxisScale, padding: Double) {
        guard let domain = axis.domain(values, scale: scale, padding: padding) else { return nil }
        self.axis = axis
        self.scale = scale
        (low, high) = domain
    }
}

/// Title, legend, axes, grid, phases and notes of a chart with x and y axes; the chart draws its data between
/// `init` and `finish`.
struct XYFrame {
    let head: ChartHead
    var canvas: Canvas
    let x: Scale
    let y: Scale
    let right: Scale?
    private let notes: [String]
    private let totalHeight: Double

    /// Space taken by parts other than the plot.
    struct Parts {
        var legend: [LegendEntry] = []
        /// Width of the labels at the line ends, 0 for none.
        var endLabels = 0.0
        var phases: [PhaseRange] = []
        var notes: [String] = []
    }

    init(
        _ head: ChartHead, x xAxis: SpannedAxis, y yAxis: SpannedAxis, right rightAxis: SpannedAxis?,
        parts: Parts
    ) {
        self.head = head
        notes = head.noteLines(parts.notes)
        canvas = Canvas(id: head.id)
        var top = head.drawTitle(on: &canvas)
        let legend = Legend(parts.legend, from: 12, to: head.width - 12)
        legend.draw(on: &canvas, y: top)
        top += legend.height + (legend.rows.isEmpty ? 0 : 6) + (parts.phases.isEmpty ? 4 : 20)
        let below =
            26 + (xAxis.axis.title.isEmpty ? 0 : 20) + Double(notes.count) * 15 + (notes.isEmpty ? 4 : 10)
        let bottom = max(head.height - below, top + 100)
        totalHeight = bottom + below

        let vertical = { (axis: SpannedAxis) in
            Scale(kind: axis.scale, low: axis.low, high: axis.high, from: bottom, to: top)
        }
        y = vertical(yAxis)
        right = rightAxis.map(vertical)
        let yLabels = TickLabels.vertical(yAxis.axis, scale: y)
        let left = TickLabels.width(yLabels) + (yAxis.axis.title.isEmpty ? 18 : 40)
        var margin = max(parts.endLabels, 24)
        var rightLabels: [TickLabel] = []
        if let rightAxis, let right {
            rightLabels = TickLabels.vertical(rightAxis.axis, scale: right)
            margin = TickLabels.width(rightLabels) + (rightAxis.axis.title.isEmpty ? 22 : 44)
        }
        let end = max(head.width - margin, left + 60)
        x = Scale(kind: xAxis.axis.scale, low: xAxis.low, high: xAxis.high, from: left, to: end)

        drawPhases(parts.phases)
        drawVertical(yLabels, title: yAxis.axis.title)
        if let rightAxis { drawRight(rightLabels, title: rightAxis.axis.title) }
        drawHorizontal(
            TickLabels.horizontal(xAxis.axis, scale: x, pictureWidth: head.width), title: xAxis.axis.title)
        canvas.add(
            "<clipPath id=\"\(canvas.id)-clip\"><rect x=\"\(px(left - 6))\" y=\"\(px(top - 6))\" "
                + "width=\"\(px(end - left + 12))\" height=\"\(px(bottom - top + 12))\"/></clipPath>")
    }

    var top: Double { y.to }
    var bottom: Double { y.from }

    private mutating func drawVertical(_ labels: [TickLabel], title: String) {
        for label in labels {
            let place = y.position(label.value)
            canvas.line(x.from, place, x.to, place, "grid")
            canvas.text(label.text, x.from - 8, place + 4, size: TickLabels.size, anchor: .end, style: .muted)
        }
        canvas.text(
            title, 20, (top + bottom) / 2, size: 12, anchor: .middle, vertical: true, maxWidth: bottom - top)
    }

    private mutating func drawRight(_ labels: [TickLabel], title: String) {
        guard let right else { return }
        canvas.line(x.to, top, x.to, bottom, "axis")
        for label in labels {
            let place = right.position(label.value)
            canvas.line(x.to, place, x.to + 4, place, "axis")
            canvas.text(label.text, x.to + 8, place + 4, size: TickLabels.size, style: .muted)
        }
        canvas.text(
            title, head.width - 10, (top + bottom) / 2, size: 12, anchor: .middle, vertical: true,
            maxWidth: bottom - top)
    }

    private mutating func drawHorizontal(_ labels: [TickLabel], title: String) {
        canvas.line(x.from, bottom, x.to, bottom, "axis")
        for label in labels {
            let place = x.position(label.value)
            canvas.line(place, bottom, place, bottom + 4, "axis")
            canvas.text(label.text, place, bottom + 18, size: TickLabels.size, anchor: .middle, style: .muted)
        }
        canvas.text(
            title, (x.from + x.to) / 2, bottom + 38, size: 12, anchor: .middle, maxWidth: x.to - x.from)
    }

    private mutating func drawPhases(_ phases: [PhaseRange]) {
        var freeFrom = x.from
        let known = phases.filter { isUsable($0.from) && isUsable($0.to) && $0.from <= $0.to }
        for (index, phase) in known.sorted(by: { ($0.from, $0.to) < ($1.from, $1.to) }).enumerated() {
            let start = min(max(x.position(phase.from), x.from), x.to)
            let end = min(max(x.position(phase.to), x.from), x.to)
            guard end > start else { continue }
            canvas.rect(
                start, top - 16, end - start, bottom - top + 16, "shade",
                extra: index % 2 == 0 ? "" : "fill-opacity=\"0\"", tooltip: phase.label)
            canvas.line(end, top - 16, end, bottom, "grid")
            let from = max(start, freeFrom)
            freeFrom = drawPhaseLabel(phase, from: from, to: end, limit: index + 1 < known.count ? x.to : end)
        }
    }

    /// Returns where the next label may begin. A short name may reach into the next phase: without it the phase would
    /// have no name on paper and on phones.
    private mutating func drawPhaseLabel(
        _ phase: PhaseRange, from: Double, to end: Double, limit: Double
    ) -> Double {
        let room = end - from - 4
        let width = { (text: String) in Labels.width(Labels.cleaned(text), size: 11) }
        let isTight = width(phase.label) > room
        let label = isTight && !phase.short.isEmpty ? phase.short : phase.label
        if width(label) <= room || phase.short.isEmpty {
            // A label of two letters and … says nothing; the tooltip and the description still have the name.
            guard room >= min(24, width(label)) else { return from }
            canvas.text(
                label, (from + end) / 2, top - 4, size: 11, anchor: .middle, style: .muted, maxWidth: room)
            return end
        }
        guard from + width(label) + 8 <= limit else { return from }
        canvas.text(label, from, top - 4, size: 11, style: .muted)
        return from + width(label) + 8
    }

    /// Where the data may be drawn: a group clipped to the plot. On a linear x axis it says which values its sides
    /// stand for, so that a page can mark a place.
    mutating func beginData() {
        let sides =
            x.kind == .linear
            ? " data-low=\"\(x.low)\" data-high=\"\(x.high)\" data-left=\"\(px(x.from))\" data-right=\"\(px(x.to))\""
                + " data-top=\"\(px(top))\" data-bottom=\"\(px(bottom))\"" : ""
        canvas.add("<g clip-path=\"url(#\(canvas.id)-clip)\"\(sides)>")
    }

    mutating func endData() { canvas.add("</g>") }

    /// Labels in the right margin with keys, and thin lines from the ends they belong to.
    mutating func drawEndLabels(
        _ labels: [(entry: LegendEntry, from: Double, wanted: Double)], at places: [Double]
    ) {
        for (label, place) in zip(labels, places) {
            let start = x.to + 26
            canvas.path(
                "M\(px(label.from + 7)) \(px(label.wanted))H\(px(max(x.to, label.from) + 8))L\(px(start - 4)) \(px(place))",
                "lead", extra: "stroke-opacity=\"0.7\"")
            Legend.drawKey(label.entry.key, on: &canvas, x: start, y: place)
            canvas.text(
                label.entry.text, start + Legend.keyWidth, place + 4, size: Legend.textSize,
                maxWidth: XYFrame.maxEndText)
        }
    }

    static let maxEndText = 160.0

    /// Margin for end labels with these texts.
    static func endLabelWidth(_ texts: [String]) -> Double {
        let widest = texts.map { Labels.width(Labels.cleaned($0), size: Legend.textSize) }.max() ?? 0
        return min(widest, maxEndText) + Legend.keyWidth + 34
    }

    func finish(details: String) -> Rendering {
        var canvas = canvas
        head.drawNotes(notes, on: &canvas, height: totalHeight)
        return head.rendering(canvas, height: totalHeight, details: details)
    }
}
