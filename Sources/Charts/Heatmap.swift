/// How heatmap values become colors.
package enum ColorScale: Sendable, Hashable {
    /// From the lowest to the highest value, or over the given range; larger values weigh more.
    case sequential(range: ClosedRange<Double>? = nil)
    /// Blue over the background at 0 to red, for differences; symmetric up to the largest magnitude or the given
    /// limit.
    case diverging(limit: Double? = nil)

    /// The spanned values, given the usable ones of all maps.
    package func domain(_ values: [Double]) -> (low: Double, high: Double)? {
        switch self {
        case .sequential(let range): return Domain.covering(values, fixed: range)
        case .diverging(let limit):
            guard !values.isEmpty else { return nil }
            let reach = limit.map(abs) ?? values.reduce(0) { max($0, abs($1)) }
            return isUsable(reach) && reach > 1e-290 ? (-reach, reach) : (-1, 1)
        }
    }

    /// The step of a value among `HeatColors`.
    package func level(_ value: Double, in domain: (low: Double, high: Double)) -> Int {
        HeatColors.level((value - domain.low) / (domain.high - domain.low))
    }

    var kind: HeatKind { if case .diverging = self { .diverging } else { .sequential } }
}

/// A table of optional numbers as colored cells: rank by layer and role.
package struct Heatmap: Sendable, Hashable {
    package var id: String
    package var title: String
    package var summary = ""
    package var rowLabels: [String]
    package var columnLabels: [String]
    /// By row; nil, NaN and infinities are missing. Rows may be shorter than `columnLabels`: the rest is
    /// missing.
    package var values: [[Double?]]
    package var style = HeatmapStyle()

    package init(id: String, title: String, rowLabels: [String], columnLabels: [String], values: [[Double?]])
    {
        self.id = id
        self.title = title
        self.rowLabels = rowLabels
        self.columnLabels = columnLabels
        self.values = values
    }

    /// The chart as a standalone SVG document, the same text for the same values.
    package func svg() -> String { render().svg }

    package func render() -> Rendering {
        var map = self
        map.title = ""
        var panel = HeatmapPanel(id: id, title: title, maps: [map])
        panel.summary = summary
        panel.style = style
        return panel.render()
    }

    var rowCount: Int { max(rowLabels.count, values.count) }
    var columnCount: Int { max(columnLabels.count, values.map(\.count).max() ?? 0) }

    func value(_ row: Int, _ column: Int) -> Double? {
        guard row < values.count, column < values[row].count, let value = values[row][column] else {
            return nil
        }
        return isUsable(value) ? value : nil
    }

    /// Rows and columns beyond the labels are numbered.
    func rowLabel(_ row: Int) -> String { row < rowLabels.count ? rowLabels[row] : "#\(row + 1)" }
    func columnLabel(_ column: Int) -> String {
        column < columnLabels.count ? columnLabels[column] : "#\(column + 1)"
    }

    var usableValues: [Double] { values.joined().compactMap { $0 }.filter(isUsable) }
    var missingCount: Int { rowCount * columnCount - usableValues.count }
}

/// What the maps of a panel share.
package struct HeatmapStyle: Sendable, Hashable {
    package var scale = ColorScale.sequential()
    /// The scale of all that a page is going to show in these cells, which then hides the legend of `scale` and shows
    /// that of this one, by `data-legend`; nil where cells stay as they are.
    package var pageScale: ColorScale?
    package var format = NumberFormat.automatic
    /// Names the values beside the color bar: `rank`.
    package var legendTitle = ""
    /// Says what a hatched cell means: `not adapted`.
    package var missingNote = "no value"
    package var rowTitle = ""
    package var columnTitle = ""
    /// Maps go to a further row where they would exceed this many pixels.
    package var maxWidth = 900.0
    package var theme = ChartTheme.automatic
    /// 0 is an empty cell beside the scale, which starts at 1: for counts, where none at all is worth seeing.
    package var showsZeroAsEmpty = false
    /// Cells as large as the width allows, up to a comfortable size.
    package var fillsWidth = false
    /// Each cell is a group with `data-map`, `data-row` and `data-column`, for a page that changes cells.
    package var marksCells = false

    package init() {}
}

/// Several heatmaps with one shared color scale.
package struct HeatmapPanel: Sendable, Hashable {
    /// Distinct for every chart of one page; the prefix of all ids and the scope of all styles in the SVG.
    package var id: String
    package var title: String
    package var summary = ""
    /// Their ids and styles are not used, only the panel's.
    package var maps: [Heatmap]
    package var style = HeatmapStyle()

    package init(id: String, title: String, maps: [Heatmap]) {
        self.id = id
        self.title = title
        self.maps = maps
    }

    /// The panel as a standalone SVG document, the same text for the same values.
    package func svg() -> String { render().svg }

    package func render() -> Rendering {
        let values = maps.flatMap(\.usableValues)
        let missing = maps.reduce(0) { $0 + $1.missingCount }
        guard let domain = style.scale.domain(values) else {
            let head = ChartHead(
                id: id, title: title, summary: summary, width: 480, height: 200, theme: style.theme)
            return head.withoutData(missing > 0 ? ["\(missing) cells: \(style.missingNote)."] : [])
        }
        let layout = HeatmapLayout(
            maps: maps, style: style, title: title, domain: domain, hasMissing: missing > 0)
        let head = ChartHead(
            id: id, title: title, summary: summary, width: layout.width, height: layout.height,
            theme: style.theme)
        var canvas = Canvas(id: id)
        canvas.heat = style.scale.kind
        _ = head.drawTitle(on: &canvas)
        if missing > 0 { drawHatch(on: &canvas) }
        for (index, map) in maps.enumerated() {
            let origin = layout.origin(of: index)
            drawLabels(map, index, on: &canvas, origin: origin, layout: layout)
            drawCells(map, index, on: &canvas, origin: origin, layout: layout, domain: domain)
        }
        drawLegends(on: &canvas, layout: layout)
        return head.rendering(canvas, height: layout.height, details: details(values, missing: missing))
    }

    private func drawLegends(on canvas: inout Canvas, layout: HeatmapLayout) {
        guard let other = layout.pageLegend else {
            return layout.legend.draw(on: &canvas, y: layout.legendTop)
        }
        canvas.add("<g data-legend=\"shown\">")
        layout.legend.draw(on: &canvas, y: layout.legendTop)
        canvas.add("</g>")
        // Its labels take the places of the others.
        var hidden = Canvas(id: id)
        other.draw(on: &hidden, y: layout.legendTop)
        canvas.add("<g data-legend=\"page\" display=\"none\">")
        for element in hidden.elements { canvas.add(element) }
        canvas.add("</g>")
    }

    private func details(_ values: [Double], missing: Int) -> String {
        let low = style.format.string(values.min() ?? 0)
        let high = style.format.string(values.max() ?? 0)
        let name = style.legendTitle.isEmpty ? "values" : style.legendTitle
        var parts = ["Heatmap, \(name) from \(low) to \(high)."]
        for map in maps {
            let size = "\(map.rowCount) rows by \(map.columnCount) columns"
            parts.append(map.title.isEmpty ? "\(size)." : "\(map.title): \(size).")
        }
        if missing > 0 { parts.append("\(missing) cells without a value: \(style.missingNote).") }
        return parts.joined(separator: " ")
    }
}
