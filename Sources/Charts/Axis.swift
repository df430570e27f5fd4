/// One axis of a chart.
package struct Axis: Sendable, Hashable {
    /// The quantity and its unit: `trainable parameters`, `step time (ms)`.
    package var title: String
    package var scale: AxisScale
    package var format: NumberFormat
    /// Extends the axis to zero.
    package var includesZero: Bool
    /// No ticks between whole numbers, for counts such as steps and ranks.
    package var wholeNumbers: Bool
    /// Shows just these values; nil: all that there are.
    package var range: ClosedRange<Double>?
    /// Ticks at just these values, such as the budgets that were measured; nil: round numbers.
    package var tickValues: [Double]?

    /// The y axis of a line chart may be logarithmic; other y axes are linear whatever `scale` says.
    package init(
        _ title: String, scale: AxisScale = .linear, format: NumberFormat = .automatic,
        includesZero: Bool = false,
        wholeNumbers: Bool = false, range: ClosedRange<Double>? = nil
    ) {
        self.title = title
        self.scale = scale
        self.format = format
        self.includesZero = includesZero
        self.wholeNumbers = wholeNumbers
        self.range = range
    }

    func domain(_ values: some Sequence<Double>, scale: AxisScale, padding: Double) -> (
        low: Double, high: Double
    )? {
        Domain.covering(values, scale: scale, includesZero: includesZero, padding: padding, fixed: range)
    }

    func ticks(low: Double, high: Double, scale: AxisScale, target: Int) -> Ticks {
        if let tickValues {
            return Ticks(values: tickValues.filter { (low...high).contains($0) }.sorted(), step: nil)
        }
        return scale == .linear
            ? .linear(low: low, high: high, target: target, wholeNumbers: wholeNumbers)
            : .logarithmic(low: low, high: high, base: scale, target: target)
    }
}

/// A tick's value and label.
package struct TickLabel: Sendable, Equatable {
    package let value: Double
    package let text: String
}

/// Chooses ticks whose labels do not touch.
package enum TickLabels {
    static let size = 11.0

    /// Ticks for a horizontal axis. Linear axes get fewer ticks until their labels fit; logarithmic ones lose
    /// the labels that touch, powers of the base last. `spacing` is the wished distance of ticks in pixels.
    /// Labels that would stick out of a picture of the given width are left out.
    package static func horizontal(
        _ axis: Axis, scale: Scale, pictureWidth: Double, spacing: Double = 80
    ) -> [TickLabel] {
        spaced(axis, scale: scale, spacing: spacing).filter { label in
            let half = Labels.width(label.text, size: size) / 2
            let center = scale.position(label.value)
            return center >= half && center + half <= pictureWidth
        }
    }

    private static func spaced(_ axis: Axis, scale: Scale, spacing: Double) -> [TickLabel] {
        let length = abs(scale.to - scale.from)
        var target = max(1, Int(length / spacing))
        while true {
            let ticks = axis.ticks(low: scale.low, high: scale.high, scale: scale.kind, target: target)
            let labels = zip(ticks.values, ticks.labels(axis.format)).map { TickLabel(value: $0, text: $1) }
            if ticks.step == nil { return thinned(labels, scale: scale) }
            if target == 1 || fits(labels, scale: scale) {
                return fits(labels, scale: scale) ? labels : thinned(labels, scale: scale)
            }
            target -= 1
        }
    }

    package static func vertical(_ axis: Axis, scale: Scale) -> [TickLabel] {
        let target = max(2, Int(abs(scale.to - scale.from) / 30))
        let ticks = axis.ticks(low: scale.low, high: scale.high, scale: scale.kind, target: target)
        return zip(ticks.values, ticks.labels(axis.format)).map { TickLabel(value: $0, text: $1) }
    }

    static func width(_ labels: [TickLabel]) -> Double {
        labels.map { Labels.width($0.text, size: size) }.max() ?? 0
    }

    private static func interval(_ label: TickLabel, _ scale: Scale) -> (Double, Double) {
        let half = Labels.width(label.text, size: size) / 2 + 5
        let center = scale.position(label.value)
        return (center - half, center + half)
    }

    private static func fits(_ labels: [TickLabel], scale: Scale) -> Bool {
        zip(labels, labels.dropFirst()).allSatisfy { interval($0, scale).1 <= interval($1, scale).0 }
    }

    private static func thinned(_ labels: [TickLabel], scale: Scale) -> [TickLabel] {
        var kept: [(label: TickLabel, span: (Double, Double))] = []
        for label in labels.sorted(by: { (rank($0.value), $0.value) < (rank($1.value), $1.value) }) {
            let span = interval(label, scale)
            if kept.allSatisfy({ $0.span.1 <= span.0 || $0.span.0 >= span.1 }) { kept.append((label, span)) }
        }
        return kept.map(\.label).sorted { $0.value < $1.value }
    }

    /// 0 for powers of ten, 1 for 2 and 5 times these, 2 for the rest.
    private static func rank(_ value: Double) -> Int {
        let leading = NumberFormat.fixed(significand(value), digits: 6)
        return leading == "1.000000" ? 0 : leading == "2.000000" || leading == "5.000000" ? 1 : 2
    }

    private static func significand(_ value: Double) -> Double {
        var value = abs(value)
        while value >= 9.999_999_9 { value /= 10 }
        while value > 0 && value < 0.999_999_99 { value *= 10 }
        return value
    }
}
