import Foundation

/// A step-like line on its own right axis, such as the rank budget over steps: each y holds until the next x.
package struct StepLine: Sendable, Hashable {
    package var name: String
    package var points: [ChartPoint]
    package var axis: Axis

    package init(name: String, points: [ChartPoint], axis: Axis) {
        self.name = name
        self.points = points
        self.axis = axis
    }
}

/// Where the names of the series are written. Neither place covers data.
package enum LegendPlacement: Sendable, Hashable {
    /// At the line ends where all lines end at the same x and there is room, above the plot otherwise.
    case automatic
    case above
    case lineEnds
    case hidden
}

/// Lines and points with intervals over a linear or logarithmic x axis.
///
///     let chart = LineChart(
///         id: "quality", title: "Quality by size",
///         x: Axis("trainable parameters", scale: .log10, format: .si), y: Axis("accuracy"),
///         series: [Series(name: "AdaLoRA", points: [ChartPoint(x: 55e3, y: 0.76, low: 0.75, high: 0.77)])])
///     let svg = chart.svg()
package struct LineChart: Sendable, Hashable {
    /// Distinct for every chart of one page; the prefix of all ids and the scope of all styles in the SVG.
    package var id: String
    package var title: String
    /// First sentences of the description for screen readers; the facts of the data follow.
    package var summary = ""
    package var x: Axis
    package var y: Axis
    package var series: [Series]
    package var phases: [PhaseRange] = []
    package var stepLine: StepLine?
    package var legend = LegendPlacement.automatic
    /// Pixels by which neighboring series are moved apart, so that error bars at the same x stay readable.
    package var dodge = 0.0
    /// Pixels.
    package var width = 720.0
    /// Pixels; many legend rows make the chart higher.
    package var height = 400.0
    package var theme = ChartTheme.automatic

    package init(id: String, title: String, x: Axis, y: Axis, series: [Series]) {
        self.id = id
        self.title = title
        self.x = x
        self.y = y
        self.series = series
    }

    /// The chart as a standalone SVG document, the same text for the same values.
    package func svg() -> String { render().svg }

    package func render() -> Rendering {
        let head = ChartHead(
            id: id, title: title, summary: summary, width: width, height: height, theme: theme)
        let drawn = series.map { $0.thinned(to: Self.mostPoints) }
        let present = drawn.flatMap { $0.points.filter(isShown) }
        let steps = stepLine?.points.filter(isShownOnRight) ?? []
        let heights = present.flatMap { [$0.y, $0.interval?.low ?? .nan, $0.interval?.high ?? .nan] }
        let floor = floor
        let yAxis = SpannedAxis(y, values: heights.filter { $0 >= floor }, scale: y.scale, padding: 0.05)
        let rightAxis = stepLine.flatMap {
            SpannedAxis($0.axis, values: steps.map(\.y), scale: .linear, padding: 0.05)
        }
        let xValues = (present + steps).map(\.x)
        guard let xAxis = SpannedAxis(x, values: xValues, scale: x.scale, padding: hasPhases ? 0 : 0.03),
            let yAxis = yAxis ?? rightAxis.map({ _ in y }).flatMap(Self.emptyAxis)
        else { return head.withoutData(notes) }

        var parts = XYFrame.Parts(phases: phases, notes: notes)
        let entries = series.enumerated().map { at, one in
            let look = one.look ?? at
            return LegendEntry(text: one.name, key: one.isFaint ? .faint(index: look) : .line(index: look))
        }
        let usesEnds = usesLineEnds(drawn)
        if usesEnds { parts.endLabels = XYFrame.endLabelWidth(series.map(\.name)) }
        let stepEntry = stepLine.map { [LegendEntry(text: $0.name, key: .step)] } ?? []
        if legend != .hidden { parts.legend = usesEnds ? stepEntry : entries + stepEntry }
        var frame = XYFrame(head, x: xAxis, y: yAxis, right: rightAxis, parts: parts)
        frame.beginData()
        drawStepLine(on: &frame)
        for (index, one) in drawn.enumerated() { drawIntervals(one, index, on: &frame) }
        for (index, one) in drawn.enumerated() { drawLine(one, index, on: &frame) }
        frame.endData()
        if usesEnds { drawEnds(drawn, entries, on: &frame) }
        return frame.finish(details: details)
    }

    /// The least value that a logarithmic y axis shows: values many powers of ten below all others, such as scores that
    /// decay for the rest of a run, would leave those no room.
    private var floor: Double {
        guard y.scale != .linear, y.range == nil else { return -.infinity }
        let largest = series.flatMap(\.points).filter(isShown).reduce(0) {
            max($0, $1.y, $1.interval?.high ?? 0)
        }
        guard largest > 1e-280 else { return -.infinity }
        return pow(10, (log10(largest) - Self.mostDecades).rounded(.down))
    }

    /// Powers of ten on a logarithmic y axis, at most.
    private static let mostDecades = 12.0

    /// More points than pixels only make the file larger.
    package static let mostPoints = 2000

    private var hasPhases: Bool { !phases.isEmpty }

    func isShown(_ point: ChartPoint) -> Bool {
        point.isPresent && x.scale.holds(point.x) && y.scale.holds(point.y)
    }

    /// The right axis is linear.
    func isShownOnRight(_ point: ChartPoint) -> Bool { point.isPresent && x.scale.holds(point.x) }

    private static func emptyAxis(_ axis: Axis) -> SpannedAxis? {
        SpannedAxis(axis, values: [0, 1], scale: .linear, padding: 0)
    }

    private func usesLineEnds(_ drawn: [Series]) -> Bool {
        guard legend == .lineEnds || legend == .automatic, stepLine == nil, !series.isEmpty else {
            return false
        }
        let room = Double(series.count) * EndLabels.height <= height - 150 - Legend.rowHeight
        if !room || legend == .lineEnds { return room }
        let ends = drawn.compactMap { $0.points.last(where: isShown)?.x }
        let all = drawn.flatMap { $0.points.filter(isShown).map(\.x) }
        guard let low = all.min(), let high = all.max(), let first = ends.min(), series.count > 1 else {
            return false
        }
        return ends.count == series.count && high - first <= (high - low) * 0.02
    }

    private var notes: [String] {
        let points = series.flatMap(\.points) + (stepLine?.points ?? [])
        var notes: [String] = []
        let missing = points.count { !$0.isPresent }
        if missing > 0 { notes.append("\(missing) missing value\(missing == 1 ? "" : "s") left out.") }
        let unlogged = points.count { $0.isPresent && !x.scale.holds($0.x) }
        if unlogged > 0 {
            notes.append(
                "\(unlogged) point\(unlogged == 1 ? "" : "s") with x ≤ 0 not on the logarithmic axis.")
        }
        let below = series.flatMap(\.points).count { $0.isPresent && !y.scale.holds($0.y) }
        if below > 0 {
            notes.append(
                "\(below) point\(below == 1 ? "" : "s") with y ≤ 0 not on the logarithmic axis.")
        }
        let values = series.flatMap(\.points).filter(isShown).flatMap { [$0.y, $0.interval?.low ?? $0.y] }
        let floor = floor
        if let least = values.min(), least < floor {
            notes.append(
                "Values below \(y.format.string(floor)) lie under the axis; the least is "
                    + "\(y.format.string(least)).")
        }
        return notes
    }

    private var details: String {
        var parts = ["Line chart of \(y.title) against \(x.title)."]
        for one in series {
            let values = one.points.filter(isShown).map(\.y)
            guard let low = values.min(), let high = values.max() else {
                parts.append("\(one.name): no data.")
                continue
            }
            let range = "\(y.format.string(low)) to \(y.format.string(high))"
            let thinned = one.points.count > Self.mostPoints ? ", thinned for drawing" : ""
            parts.append(
                "\(one.name): \(values.count) point\(values.count == 1 ? "" : "s"), \(range)\(thinned).")
        }
        if let stepLine { parts.append("On the right axis: \(stepLine.name).") }
        for phase in phases {
            parts.append("\(phase.label): \(x.format.string(phase.from)) to \(x.format.string(phase.to)).")
        }
        return (parts + notes).joined(separator: " ")
    }
}
