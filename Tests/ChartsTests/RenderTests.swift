import Charts
import Foundation
import MarkupReading
import Testing

private func overlaps(_ rendering: Rendering) -> [String] {
    let boxes = rendering.boxes
    return boxes.indices.flatMap { first in
        boxes[(first + 1)...].filter { $0.overlaps(boxes[first]) }.map { "\(boxes[first]) \($0)" }
    }
}

private func outside(_ rendering: Rendering) -> [LabelBox] {
    rendering.boxes.filter {
        $0.x < 0 || $0.y < 0 || $0.x + $0.width > rendering.width || $0.y + $0.height > rendering.height
    }
}

@Test func samplesAreWellFormedAndTheirLabelsFit() throws {
    for (name, rendering) in Samples.all() {
        let seen = try ParsedMarkup(rendering.svg)
        #expect(seen.names.first == "svg")
        #expect(seen.names.contains("desc"))
        #expect(seen.ids.allSatisfy { $0 == name || $0.hasPrefix(name + "-") }, "\(name): \(seen.ids)")
        #expect(Set(seen.ids).count == seen.ids.count)
        #expect(overlaps(rendering) == [], "\(name)")
        #expect(outside(rendering) == [], "\(name)")
        #expect(rendering.svg.contains("role=\"img\""))
        #expect(rendering.svg.contains("@media (prefers-color-scheme: dark)"))
    }
}

@Test func sameValuesGiveTheSameText() {
    for (first, second) in zip(Samples.all(), Samples.all()) {
        #expect(first.rendering.svg == second.rendering.svg)
    }
}

@Test func everyStyleSelectorCarriesTheId() {
    for (name, rendering) in Samples.all() {
        let style = rendering.svg.components(separatedBy: "<style>")[1].components(separatedBy: "</style>")[0]
        let rules = style.components(separatedBy: CharacterSet(charactersIn: "{}\n")).filter {
            $0.contains(".")
        }
        for rule in rules where !rule.contains(":") && !rule.hasPrefix("@") {
            for selector in rule.components(separatedBy: ",") {
                #expect(selector.hasPrefix("#\(name) ."), "\(rule)")
            }
        }
    }
}

@Test func oneThemeHasNoMediaQuery() {
    for theme in [ChartTheme.light, .dark] {
        #expect(Samples.all(theme: theme).allSatisfy { !$0.rendering.svg.contains("@media") })
    }
}

@Test func hostileNamesStayText() throws {
    let name = "<script>alert('x\")</script> & \u{0} \u{1B}[31m \u{FFFE} 🤖 \u{202E}txt ]]>"
    let point = ChartPoint(x: 1, y: 2, low: 1, high: 3)
    var line = LineChart(
        id: name, title: name, x: Axis(name), y: Axis(name), series: [.init(name: name, points: [point])])
    line.phases = [PhaseRange(name, from: 0, to: 2)]
    line.stepLine = StepLine(name: name, points: [point], axis: Axis(name))
    var map = Heatmap(id: name, title: name, rowLabels: [name], columnLabels: [name], values: [[1, nil]])
    map.style.legendTitle = name
    map.style.missingNote = name
    let area = StackedAreaChart(
        id: name, title: name, x: Axis(name), y: Axis(name), xValues: [0, 1],
        groups: [.init(name: name, values: [1, 2])])
    var bar = BarChart(id: name, title: name, axis: Axis(name), bars: [.init(name: name, value: 1)])
    bar.reference = .init(0.5, label: name)
    for rendering in [line.render(), map.render(), area.render(), bar.render()] {
        let seen = try ParsedMarkup(rendering.svg)
        #expect(!seen.names.contains("script"))
        #expect(seen.text.contains("<script>alert('x\")</script> & \u{FFFD}"))
        #expect(!rendering.svg.unicodeScalars.contains("\u{202E}"))
        #expect(outside(rendering) == [])
        #expect(overlaps(rendering) == [])
    }
}

private let oddValues: [[Double]] = [
    [], [1], [0], [2, 2, 2], [.nan, .nan], [.infinity, 1, -.infinity], [-5, -3], [-1, 1], [1e300, -1e300],
    [.greatestFiniteMagnitude, 1], [Double.leastNonzeroMagnitude, 0], [1e-300, 2e-300], [1e9, 1e9 + 1],
    [1e15, 1e15 + 0.25],
    [0, .nan, 3],
    [1e-7, 3e-7], [123_456_789, 5],
]

@Test(arguments: oddValues) func oddValuesGiveAChart(_ values: [Double]) throws {
    var charts: [(name: String, rendering: Rendering)] = []
    for scale in [AxisScale.linear, .log2, .log10] {
        for format in [NumberFormat.automatic, .si, .percent(1), .decimals(2)] {
            let points = values.map { ChartPoint(x: $0, y: $0, low: $0 - 1, high: $0 + 1) }
            var line = LineChart(
                id: "o", title: "odd", x: Axis("x", scale: scale, format: format),
                y: Axis("y", format: format),
                series: [Series(name: "a", points: points), Series(name: "b", points: [])])
            charts.append(("line", line.render()))
            line.stepLine = StepLine(
                name: "s", points: points, axis: Axis("r", includesZero: true, wholeNumbers: true))
            line.phases = [PhaseRange("p", from: -.infinity, to: 0), PhaseRange("q", from: 0, to: 2)]
            charts.append(("step", line.render()))
            charts.append(
                (
                    "area",
                    StackedAreaChart(
                        id: "o", title: "", x: Axis("", scale: scale), y: Axis("", format: format),
                        xValues: values,
                        groups: [.init(name: "a", values: values), .init(name: "b", values: values)]
                    ).render()
                ))
        }
    }
    for scale in [ColorScale.sequential(), .diverging(), .sequential(range: 0...0), .diverging(limit: .nan)] {
        var map = Heatmap(
            id: "o", title: "odd", rowLabels: ["r"], columnLabels: [], values: [values.map { $0 }, []])
        map.style.scale = scale
        charts.append(("map", map.render()))
    }
    let bars = values.map { BarChart.Bar(name: "b", value: $0, low: $0 - 1, high: $0 * 2, color: -9) }
    charts.append(("bar", BarChart(id: "o", title: "", axis: Axis("v"), bars: bars).render()))
    let hasData = values.contains { $0.isFinite && abs($0) <= 1e300 }
    for (name, rendering) in charts {
        #expect(throws: Never.self) { try ParsedMarkup(rendering.svg) }
        #expect(overlaps(rendering) == [], "\(name) \(values)")
        #expect(outside(rendering) == [], "\(name) \(values)")
        #expect(!rendering.svg.contains("nan") && !rendering.svg.contains("inf"))
        if !hasData { #expect(rendering.svg.contains(">no data</text>")) }
    }
}

@Test func emptyChartsSayNoData() {
    let axis = Axis("x")
    let texts = [
        LineChart(id: "e", title: "t", x: axis, y: axis, series: []).svg(),
        Heatmap(id: "e", title: "t", rowLabels: [], columnLabels: [], values: []).svg(),
        HeatmapPanel(id: "e", title: "t", maps: []).svg(),
        StackedAreaChart(id: "e", title: "t", x: axis, y: axis, xValues: [], groups: []).svg(),
        BarChart(id: "e", title: "t", axis: axis, bars: []).svg(),
    ]
    for text in texts { #expect(text.contains(">no data</text>")) }
}

@Test func manySeriesUseALegendAboveWithoutOverlaps() {
    for count in [2, 9, 30, 70] {
        let series = (0..<count).map { index in
            Series(
                name: "series number \(index)", points: [0, 1].map { ChartPoint(x: $0, y: Double(index)) })
        }
        let chart = LineChart(id: "m", title: "many", x: Axis("x"), y: Axis("y"), series: series).render()
        #expect(overlaps(chart) == [])
        #expect(outside(chart) == [])
        #expect(chart.boxes.count { $0.text.hasPrefix("series number") } == count)
    }
}

@Test func aMissingPointLeavesAGap() {
    let points = [0.0, 1, 2, 3, 4].map { ChartPoint(x: $0, y: $0 == 2 ? nil : $0) }
    let chart = LineChart(
        id: "g", title: "gap", x: Axis("x"), y: Axis("y"), series: [.init(name: "a", points: points)])
    let lines = chart.svg().components(separatedBy: "\n").filter {
        $0.contains("class=\"l s0\"") && $0.contains("L")
    }
    #expect(lines.count == 1)
    #expect(lines.first?.filter { $0 == "M" }.count == 2)
    #expect(chart.svg().contains("1 missing value left out."))
}

@Test func writesSamplesWhereAsked() throws {
    guard let folder = ProcessInfo.processInfo.environment["CHARTS_OUT"] else { return }
    for (suffix, theme) in [("", ChartTheme.automatic), ("-dark", .dark)] {
        for (name, rendering) in Samples.all(theme: theme) {
            try rendering.svg.write(
                toFile: "\(folder)/\(name)\(suffix).svg", atomically: true, encoding: .utf8)
        }
    }
}

@Test func logarithmicYAxesHaveTicksAtPowersAndLeaveOutWhatIsNotAboveZero() {
    let points = [(0.0, 1e-9), (1, 1e-6), (2, 0), (3, 1e-3)].map { ChartPoint(x: $0.0, y: $0.1) }
    let chart = LineChart(
        id: "log", title: "", x: Axis("step"), y: Axis("score", scale: .log10),
        series: [Series(name: "one", points: points)])
    let rendering = chart.render()
    let heights = Dictionary(
        rendering.boxes.map { ($0.text, $0.y) }, uniquingKeysWith: { first, _ in first })
    let (low, middle, high) = (heights["1e−9"], heights["1e−6"], heights["0.001"])
    // Equal ratios take equal heights; boxes are rounded to nothing, so a hundredth of a pixel is enough.
    if let low, let middle, let high { #expect(abs((low - middle) - (middle - high)) < 0.01) }
    #expect(low != nil && middle != nil && high != nil, "\(heights.keys.sorted())")
    #expect(rendering.svg.contains("1 point with y ≤ 0 not on the logarithmic axis."))
}

@Test func cellsOfCountsSayWhereTheyAre() {
    let svg = Samples.counts().svg()
    #expect(svg.components(separatedBy: "<g data-map=").count - 1 == 36)
    #expect(svg.contains("<g data-map=\"2\" data-row=\"1\" data-column=\"5\" class=\"q32\">"))
    // Four zeros in the first map and three in each of the others, and the key beside the scale.
    #expect(svg.components(separatedBy: "class=\"zero\"").count - 1 == 4 + 3 + 3 + 1)
    #expect(!Samples.ranks().svg().contains("class=\"zero\""))
}

@Test func plotsSayWhichValuesTheirSidesStandFor() {
    let svg = Samples.scores().svg()
    #expect(svg.contains("data-low=\"0.0\" data-high=\"60.0\""))
    // On logarithmic x axes there is no such simple rule.
    #expect(!Samples.quality().svg().contains("data-low"))
}

/// Scores that decay for the rest of a run leave the others their room; what is below is said.
@Test func logarithmicYAxesHaveAFloor() {
    let points = [(0.0, 1e-4), (1, 1e-6), (2, 2e-9), (3, 3e-46)].map {
        ChartPoint(x: $0.0, y: $0.1, low: $0.1 / 10, high: $0.1)
    }
    let chart = LineChart(
        id: "floor", title: "", x: Axis("step"), y: Axis("score", scale: .log10),
        series: [Series(name: "one", points: points, intervals: .band)])
    let texts = chart.render().boxes.map(\.text)
    #expect(texts.contains { $0.hasPrefix("Values below 1e−16 lie under the axis; the least is 3e−47") })
    #expect(
        !texts.contains { $0.hasPrefix("1e−2") || $0.hasPrefix("1e−3") || $0.hasPrefix("1e−4") }, "\(texts)")
    // Twelve powers of ten are no reason for a floor.
    let near = LineChart(
        id: "near", title: "", x: Axis("step"), y: Axis("score", scale: .log10),
        series: [Series(name: "one", points: Array(points.prefix(3)))])
    #expect(!near.svg().contains("under the axis"))
}

@Test func scalesOfWholeNumbersHaveASquareEach() {
    var map = Heatmap(
        id: "m", title: "", rowLabels: ["0"], columnLabels: ["a", "b", "c"], values: [[0, 1, 3]])
    map.style.scale = .sequential(range: 1...3)
    map.style.pageScale = .sequential(range: 1...8)
    map.style.format = .decimals(0)
    map.style.showsZeroAsEmpty = true
    let svg = map.svg()
    let (shown, page) = (
        svg.components(separatedBy: "<g data-legend=\"shown\">")[1].components(separatedBy: "</g>")[0],
        svg.components(separatedBy: "<g data-legend=\"page\" display=\"none\">")[1]
            .components(separatedBy: "</g>")[0]
    )
    #expect(shown.components(separatedBy: "class=\"q").count - 1 == 3 && shown.contains("class=\"q32\""))
    #expect(page.components(separatedBy: "class=\"q").count - 1 == 8)
    // The cells' scale is that of what they show.
    #expect(svg.contains("<g class=\"q0\">") && svg.contains("<g class=\"q32\">"))
}

@Test func phonesShowAllNames() {
    let roles = ["query", "key", "value", "attention-output", "intermediate", "output", "gate", "up", "down"]
    var area = StackedAreaChart(
        id: "a", title: "Rank over time by layer", x: Axis("step"), y: Axis("triplets"), xValues: [0, 1],
        groups: roles.map { .init(name: $0, values: [3, 2]) })
    area.isSequence = true
    area.legend = .above
    area.width = 340
    var line = LineChart(
        id: "l", title: "Importance of kept and pruned triplets", x: Axis("step"), y: Axis("score"),
        series: [
            Series(name: "a run with a name of forty-odd letters", points: [ChartPoint(x: 0, y: 1)]),
            Series(name: "b", points: [ChartPoint(x: 60, y: 2)]),
        ])
    line.width = 340
    line.legend = .above
    line.phases = [
        PhaseRange("warm-up", short: "warm", from: 0, to: 4), PhaseRange("budgeting", from: 4, to: 36),
        PhaseRange("final", from: 36, to: 60),
    ]
    let (areas, lines) = (area.render(), line.render())
    for role in roles { #expect(areas.boxes.contains { $0.text == role }, "\(role)") }
    for text in ["warm", "budgeting", "final", "a run with a name of forty-odd letters"] {
        #expect(lines.boxes.contains { $0.text == text }, "\(text)")
    }
    #expect(!lines.boxes.contains { $0.text.hasSuffix("…") })
    for rendering in [areas, lines] { #expect(overlaps(rendering) == [] && outside(rendering) == []) }
}
