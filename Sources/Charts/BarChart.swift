/// Horizontal bars with intervals and printed values, in the given order.
package struct BarChart: Sendable, Hashable {
    package struct Bar: Sendable, Hashable {
        package var name: String
        /// nil, NaN and infinities are written as "no value".
        package var value: Double?
        package var low: Double?
        package var high: Double?
        /// Which color of the palette; bars of one kind share it.
        package var color: Int

        package init(name: String, value: Double?, low: Double? = nil, high: Double? = nil, color: Int = 0) {
            self.name = name
            self.value = value
            self.low = low
            self.high = high
            self.color = color
        }

        var usable: Double? { value.flatMap { isUsable($0) ? $0 : nil } }

        var interval: (low: Double, high: Double)? {
            guard let low, let high, isUsable(low), isUsable(high) else { return nil }
            return (min(low, high), max(low, high))
        }
    }

    /// A labeled vertical line.
    package struct Reference: Sendable, Hashable {
        package var value: Double
        package var label: String

        package init(_ value: Double, label: String) {
            self.value = value
            self.label = label
        }
    }

    /// Distinct for every chart of one page; the prefix of all ids and the scope of all styles in the SVG.
    package var id: String
    package var title: String
    /// First sentences of the description for screen readers; the facts of the data follow.
    package var summary = ""
    /// The values' axis; always linear. Bars start at 0, or at the end of `axis.range` that is closest to 0.
    package var axis: Axis
    package var bars: [Bar]
    package var reference: Reference?
    /// How the values beside the bars are written; nil: like the axis.
    package var valueFormat: NumberFormat?
    /// Pixels. The height follows from the number of bars.
    package var width = 720.0
    package var theme = ChartTheme.automatic

    package init(id: String, title: String, axis: Axis, bars: [Bar]) {
        self.id = id
        self.title = title
        self.axis = axis
        self.bars = bars
    }

    /// The chart as a standalone SVG document, the same text for the same values.
    package func svg() -> String { render().svg }

    private static let rowHeight = 28.0
    private static let textSize = 12.0
    private static let maxName = 280.0

    package func render() -> Rendering {
        let reference = reference.flatMap { isUsable($0.value) ? $0 : nil }
        let shown = bars.filter { $0.usable != nil }
        let ends: [Double] = shown.flatMap { bar in
            [bar.usable ?? .nan, bar.interval?.low ?? .nan, bar.interval?.high ?? .nan]
        }
        var zeroAxis = axis
        zeroAxis.includesZero = axis.range == nil
        let values = ends + (shown.isEmpty ? [] : [reference?.value ?? .nan])
        guard let spanned = SpannedAxis(zeroAxis, values: values, scale: .linear, padding: 0.03) else {
            let head = ChartHead(
                id: id, title: title, summary: summary, width: width, height: 200, theme: theme)
            return head.withoutData(bars.isEmpty ? [] : ["\(bars.count) bars without a value."])
        }
        let top =
            ChartHead.titleHeight(title, width: ChartHead.clamped(width))
            + (reference?.label.isEmpty == false ? 20 : 4)
        let bottom = top + Double(bars.count) * Self.rowHeight
        let height = bottom + 26 + (axis.title.isEmpty ? 6 : 26)
        let head = ChartHead(
            id: id, title: title, summary: summary, width: width, height: height, theme: theme)
        var canvas = Canvas(id: id)
        _ = head.drawTitle(on: &canvas)
        let nameWidth = min(widest(bars.map(\.name)), Self.maxName)
        let valueWidth = widest(bars.map(valueText))
        let left = 12 + nameWidth + 10
        let right = max(head.width - valueWidth - 24, left + 60)
        let scale = Scale(kind: .linear, low: spanned.low, high: spanned.high, from: left, to: right)
        drawAxis(spanned.axis, scale, on: &canvas, top: top, bottom: bottom, pictureWidth: head.width)
        for (index, bar) in bars.enumerated() {
            let center = top + (Double(index) + 0.5) * Self.rowHeight
            canvas.text(
                bar.name, left - 10, center + 4, size: Self.textSize, anchor: .end, maxWidth: Self.maxName)
            drawBar(bar, scale, on: &canvas, center: center)
            canvas.text(
                valueText(bar), right + 10, center + 4, size: Self.textSize,
                style: bar.usable == nil ? .muted : .normal)
        }
        drawBase(reference, scale, on: &canvas, top: top, bottom: bottom)
        return head.rendering(canvas, height: max(height, head.height), details: details(reference))
    }

    private func widest(_ texts: [String]) -> Double {
        texts.map { Labels.width(Labels.cleaned($0), size: Self.textSize) }.max() ?? 0
    }

    private func valueText(_ bar: Bar) -> String {
        guard let value = bar.usable else { return "no value" }
        let format = valueFormat ?? axis.format
        guard let interval = bar.interval else { return format.string(value) }
        return "\(format.string(value)) [\(format.string(interval.low)), \(format.string(interval.high))]"
    }

    private func drawAxis(
        _ axis: Axis, _ scale: Scale, on canvas: inout Canvas, top: Double, bottom: Double,
        pictureWidth: Double
    ) {
        for label in TickLabels.horizontal(axis, scale: scale, pictureWidth: pictureWidth) {
            let place = scale.position(label.value)
            canvas.line(place, top, place, bottom + 4, "grid")
            canvas.text(label.text, place, bottom + 18, size: TickLabels.size, anchor: .middle, style: .muted)
        }
        canvas.text(
            axis.title, (scale.from + scale.to) / 2, bottom + 38, size: 12, anchor: .middle,
            maxWidth: scale.to - scale.from)
    }

    private func clamped(_ value: Double, _ scale: Scale) -> Double {
        scale.position(min(max(value, scale.low), scale.high))
    }

    private func drawBar(_ bar: Bar, _ scale: Scale, on canvas: inout Canvas, center: Double) {
        guard let value = bar.usable else { return }
        let (start, end) = (clamped(0, scale), clamped(value, scale))
        let color = abs(bar.color % Palette.count)
        canvas.rect(
            min(start, end), center - 8, max(abs(end - start), 1), 16, "f\(color)",
            extra: "fill-opacity=\"0.8\"",
            tooltip: "\(bar.name): \(valueText(bar))")
        guard let interval = bar.interval else { return }
        let (low, high) = (clamped(interval.low, scale), clamped(interval.high, scale))
        canvas.path(
            "M\(px(low)) \(px(center))H\(px(high))M\(px(low)) \(px(center - 5))v10M\(px(high)) \(px(center - 5))v10",
            "whisker", extra: "stroke-width=\"1.4\"")
    }

    private func drawBase(
        _ reference: Reference?, _ scale: Scale, on canvas: inout Canvas, top: Double, bottom: Double
    ) {
        let base = clamped(0, scale)
        canvas.line(base, top, base, bottom, "axis")
        guard let reference, scale.contains(reference.value) else { return }
        let place = scale.position(reference.value)
        canvas.line(place, top - 4, place, bottom, "ref")
        let width = Labels.width(Labels.cleaned(reference.label), size: 11)
        let room = max(scale.to - 12, 40)
        let middle = min(max(place, 12 + min(width, room) / 2), max(scale.to - min(width, room) / 2, place))
        canvas.text(
            reference.label, middle, top - 8, size: 11, anchor: .middle, style: .muted, maxWidth: room)
    }

    private func details(_ reference: Reference?) -> String {
        var parts = ["Bar chart of \(axis.title)."]
        parts += bars.map { "\($0.name): \(valueText($0))." }
        if let reference {
            parts.append(
                "Reference line at \((valueFormat ?? axis.format).string(reference.value)): \(reference.label)."
            )
        }
        return parts.joined(separator: " ")
    }
}
