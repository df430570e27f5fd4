/// What the cells of a heatmap mean: the empty one and the colors, and the hatched one.
struct HeatmapLegend {
    private let style: HeatmapStyle
    private let scale: ColorScale
    private let domain: (low: Double, high: Double)
    private let width: Double
    private let hasMissing: Bool
    /// Whole numbers that have a square each; empty for a bar of colors.
    private let squares: [Double]
    /// Where the colors begin.
    private let start: Double
    /// Whether the hatched cell stands below the colors instead of beside them.
    private let isMissingBelow: Bool
    let height: Double

    private static let square = 22.0
    private static let textSize = 12.0
    private static let left = 12.0

    init(
        _ style: HeatmapStyle, scale: ColorScale, domain: (low: Double, high: Double), width: Double,
        hasMissing: Bool
    ) {
        (self.style, self.scale, self.domain) = (style, scale, domain)
        (self.width, self.hasMissing) = (width, hasMissing)
        squares = Self.squares(style, scale, domain)
        let title = Labels.width(Labels.cleaned(style.legendTitle), size: Self.textSize)
        let titleWidth = style.legendTitle.isEmpty ? 24 : max(min(title, 120) + 14, 24)
        start = Self.left + titleWidth + (style.showsZeroAsEmpty ? Self.square + 12 : 0)
        let end =
            start + (squares.isEmpty ? Self.barLength(width) : Double(squares.count) * Self.square) + 30
        let note = 27 + Labels.width(Labels.cleaned(style.missingNote), size: Self.textSize)
        isMissingBelow = end + note > width - 8
        height = hasMissing && isMissingBelow ? 64 : 38
    }

    private static func barLength(_ width: Double) -> Double { width < 420 ? 100 : 180 }

    /// Squares for the values of few whole numbers.
    private static func squares(
        _ style: HeatmapStyle, _ scale: ColorScale, _ domain: (low: Double, high: Double)
    ) -> [Double] {
        guard style.format == .decimals(0), scale.kind == .sequential, domain.high - domain.low <= 10 else {
            return []
        }
        let least = domain.low.rounded(.up)
        // 0 has the empty cell.
        let (first, last) = (style.showsZeroAsEmpty ? max(least, 1) : least, domain.high.rounded(.down))
        return first <= last ? (Int(first)...Int(last)).map(Double.init) : []
    }

    func draw(on canvas: inout Canvas, y: Double) {
        canvas.text(style.legendTitle, Self.left, y + 13, size: Self.textSize, maxWidth: 120)
        if style.showsZeroAsEmpty {
            let place = start - Self.square - 12
            canvas.rect(place, y + 2, Self.square - 1, 14, "zero")
            label("0", at: place + (Self.square - 1) / 2, on: &canvas, y: y)
        }
        let end = squares.isEmpty ? drawBar(on: &canvas, y: y) : drawSquares(on: &canvas, y: y)
        guard hasMissing else { return }
        let (x, top) = isMissingBelow ? (Self.left, y + 40) : (end + 30, y)
        canvas.rect(x, top + 2, 20, 14, "axis", extra: "style=\"fill:url(#\(canvas.id)-hatch)\"")
        canvas.text(
            style.missingNote, x + 27, top + 13, size: Self.textSize, maxWidth: max(width - x - 35, 20))
    }

    private func label(_ text: String, at x: Double, on canvas: inout Canvas, y: Double) {
        canvas.text(text, x, y + 31, size: TickLabels.size, anchor: .middle, style: .muted)
    }

    /// Returns where the squares end.
    private func drawSquares(on canvas: inout Canvas, y: Double) -> Double {
        for (index, value) in squares.enumerated() {
            let x = start + Double(index) * Self.square
            canvas.rect(x, y + 2, Self.square - 1, 14, "q\(scale.level(value, in: domain))")
            label(style.format.string(value), at: x + (Self.square - 1) / 2, on: &canvas, y: y)
        }
        return start + Double(squares.count) * Self.square
    }

    /// Returns where the bar ends.
    private func drawBar(on canvas: inout Canvas, y: Double) -> Double {
        let length = Self.barLength(width)
        for level in 0..<HeatColors.count {
            // Half a pixel of overlap hides the seams that antialiasing would show.
            canvas.rect(
                start + length * Double(level) / Double(HeatColors.count), y + 2,
                length / Double(HeatColors.count) + (level + 1 < HeatColors.count ? 0.5 : 0), 14, "q\(level)")
        }
        let place = Scale(
            kind: .linear, low: domain.low, high: domain.high, from: start, to: start + length)
        let axis = Axis("", format: style.format, wholeNumbers: style.format == .decimals(0))
        for tick in TickLabels.horizontal(
            axis, scale: place, pictureWidth: width, spacing: 28)
        {
            let x = place.position(tick.value)
            // The label of the empty cell stands to the left of the bar.
            if style.showsZeroAsEmpty && tick.value == 0 { continue }
            canvas.line(x, y + 16, x, y + 20, "axis")
            label(tick.text, at: x, on: &canvas, y: y)
        }
        return start + length
    }
}
