/// Totals by group over x as stacked steps: rank per role over training steps.
package struct StackedAreaChart: Sendable, Hashable {
    /// One group's amounts, one for each x of the chart; nil, NaN, infinite and negative amounts are missing.
    package struct Group: Sendable, Hashable {
        package var name: String
        package var values: [Double?]

        package init(name: String, values: [Double?]) {
            self.name = name
            self.values = values
        }
    }

    /// Distinct for every chart of one page; the prefix of all ids and the scope of all styles in the SVG.
    package var id: String
    package var title: String
    /// First sentences of the description for screen readers; the facts of the data follow.
    package var summary = ""
    package var x: Axis
    package var y: Axis
    /// Ascending.
    package var xValues: [Double]
    /// From the bottom up.
    package var groups: [Group]
    /// Amounts hold until the next x; otherwise they are joined by straight lines.
    package var isStepped = true
    package var phases: [PhaseRange] = []
    /// Groups in an order, such as layers by depth: colors of one scale, and of many groups only some are named.
    package var isSequence = false
    /// Where groups are named; at the ends where there is room.
    package var legend = LegendPlacement.automatic
    /// Pixels.
    package var width = 720.0
    /// Pixels; many legend rows make the chart higher.
    package var height = 400.0
    package var theme = ChartTheme.automatic

    package init(id: String, title: String, x: Axis, y: Axis, xValues: [Double], groups: [Group]) {
        self.id = id
        self.title = title
        self.x = x
        self.y = y
        self.xValues = xValues
        self.groups = groups
    }

    /// The chart as a standalone SVG document, the same text for the same values.
    package func svg() -> String { render().svg }

    /// One x with the sums of the first 0, 1, … groups; nil where an amount is missing, as the total is
    /// unknown.
    private struct Column {
        let x: Double
        let edges: [Double]?
    }

    package func render() -> Rendering {
        let head = ChartHead(
            id: id, title: title, summary: summary, width: width, height: height, theme: theme)
        let columns = columns
        let known = columns.filter { $0.edges != nil }
        let notes = notes(columns)
        var yAxis = y
        yAxis.includesZero = true
        guard !groups.isEmpty, let xAxis = SpannedAxis(x, values: known.map(\.x), scale: x.scale, padding: 0),
            let spanned = SpannedAxis(
                yAxis, values: known.compactMap { $0.edges?.last }, scale: .linear, padding: 0.05)
        else { return head.withoutData(notes) }

        let named = namedGroups
        let usesEnds =
            legend != .above && legend != .hidden && Double(named.count) * EndLabels.height <= height - 150
        var parts = XYFrame.Parts(phases: phases, notes: notes)
        if usesEnds {
            parts.endLabels = XYFrame.endLabelWidth(named.map { groups[$0].name })
        } else if legend != .hidden {
            parts.legend = named.reversed().map(entry)
        }
        var frame = XYFrame(head, x: xAxis, y: spanned, right: nil, parts: parts)
        frame.beginData()
        let runs = columns.split { $0.edges == nil }.map(Array.init)
        for index in groups.indices { drawArea(index, runs, on: &frame) }
        frame.canvas.path(runs.map { outline($0, edge: groups.count, frame) }.joined(), "total")
        frame.endData()
        if usesEnds, let last = runs.last?.last { drawEnds(named, last, on: &frame) }
        return frame.finish(
            details: details(known) + (notes.isEmpty ? "" : " " + notes.joined(separator: " ")))
    }

    /// All groups, or of a long sequence the first, the last and some between.
    private var namedGroups: [Int] {
        let most = legend == .above ? 12 : max(2, Int((height - 150) / EndLabels.height))
        guard isSequence, groups.count > most else { return Array(groups.indices) }
        return (0..<most).map { $0 * (groups.count - 1) / (most - 1) }
    }

    private func color(_ index: Int) -> RGB {
        Palette.sequence(Double(index) / Double(max(groups.count - 1, 1)))
    }

    private func entry(_ index: Int) -> LegendEntry {
        LegendEntry(
            text: groups[index].name, key: isSequence ? .filled(color(index)) : .area(index: index))
    }

    private var columns: [Column] {
        let count = min(xValues.count, groups.map(\.values.count).max() ?? 0)
        return (0..<count).map { index in
            let x = xValues[index]
            let amounts = groups.compactMap { $0.values.count > index ? $0.values[index] : nil }
            let isKnown =
                amounts.count == groups.count && amounts.allSatisfy { isUsable($0) && $0 >= 0 } && isUsable(x)
                && self.x.scale.holds(x)
            let edges = isKnown ? amounts.reduce(into: [0.0]) { $0.append(($0.last ?? 0) + $1) } : nil
            return Column(x: x, edges: edges.flatMap { isUsable($0.last ?? 0) ? $0 : nil })
        }
    }

    private func notes(_ columns: [Column]) -> [String] {
        let missing = columns.count { $0.edges == nil }
        let lost = max(xValues.count, groups.map(\.values.count).max() ?? 0) - columns.count
        var notes: [String] = []
        if missing > 0 {
            notes.append("\(missing) of \(columns.count) columns left out: an amount is missing or negative.")
        }
        if lost > 0 { notes.append("\(lost) columns left out: x values and amounts differ in number.") }
        return notes
    }

    /// The line along an edge of the stack, from left to right.
    private func places(_ run: [Column], edge: Int, _ frame: XYFrame) -> [(x: Double, y: Double)] {
        var places: [(x: Double, y: Double)] = []
        for column in run {
            let place = (x: frame.x.position(column.x), y: frame.y.position(column.edges?[edge] ?? 0))
            if isStepped, let last = places.last { places.append((place.x, last.y)) }
            places.append(place)
        }
        // A run of one column would have no width.
        if places.count == 1, let only = places.first { places.append((only.x + 4, only.y)) }
        return places
    }

    private func outline(_ run: [Column], edge: Int, _ frame: XYFrame) -> String {
        LineChart.polyline(places(run, edge: edge, frame))
    }

    private func drawArea(_ index: Int, _ runs: [[Column]], on frame: inout XYFrame) {
        let data = runs.map { run in
            let upper = places(run, edge: index + 1, frame)
            return LineChart.polyline(upper + places(run, edge: index, frame).reversed()) + "Z"
        }
        let thin = groups.count > 20 ? "0.3" : "0.8"
        frame.canvas.path(
            data.joined(), isSequence ? "edge" : "f\(index % Palette.count) edge",
            extra: (isSequence ? "fill=\"\(color(index).hex)\" " : "")
                + "fill-opacity=\"0.85\" stroke-width=\"\(thin)\"")
    }

    private func drawEnds(_ named: [Int], _ last: Column, on frame: inout XYFrame) {
        guard let edges = last.edges else { return }
        let labels = named.map { index in
            let wanted = frame.y.position((edges[index] + edges[index + 1]) / 2)
            return (
                entry: entry(index), from: frame.x.position(last.x),
                wanted: min(max(wanted, frame.top), frame.bottom)
            )
        }
        let places = EndLabels.placed(
            labels.map { -$0.wanted }, top: -frame.bottom - 8, bottom: -frame.top + 8)
        frame.drawEndLabels(labels, at: places.map { $0.map { -$0 } } ?? labels.map(\.wanted))
    }

    private func details(_ known: [Column]) -> String {
        var parts = ["Stacked chart of \(y.title) by group against \(x.title)."]
        guard let first = known.first?.edges, let last = known.last?.edges else { return parts[0] }
        for (index, group) in groups.enumerated() {
            let (from, to) = (first[index + 1] - first[index], last[index + 1] - last[index])
            parts.append("\(group.name): from \(y.format.string(from)) to \(y.format.string(to)).")
        }
        parts.append("Total: from \(y.format.string(first.last ?? 0)) to \(y.format.string(last.last ?? 0)).")
        return parts.joined(separator: " ")
    }
}
