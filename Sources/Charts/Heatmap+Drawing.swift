/// Sizes and places of the maps of a panel, in pixels.
struct HeatmapLayout {
    static let textSize = 11.0
    static let maxLabel = 130.0
    private static let gap = 22.0

    let cellWidth: Double
    let cellHeight: Double
    let printsValues: Bool
    let turnsColumnLabels: Bool
    let rowLabelWidth: Double
    /// Height of the map title, the column title and the column labels.
    let headHeight: Double
    let columnLabelHeight: Double
    let width: Double
    let height: Double
    let legendTop: Double
    let legend: HeatmapLegend
    /// In the place of the other one, where a page changes cells.
    let pageLegend: HeatmapLegend?
    /// Titles of maps, by line.
    let mapTitles: [[String]]
    /// The width of a map's cells.
    let titleRoom: Double
    private let mapsPerRow: Int
    private let mapWidth: Double
    private let mapHeight: Double
    private let top: Double

    static let mapTitleSize = 13.0
    static let mapTitleLine = 17.0

    init(
        maps: [Heatmap], style: HeatmapStyle, title: String, domain: (low: Double, high: Double),
        hasMissing: Bool
    ) {
        let widthOf = { (text: String) in Labels.width(Labels.cleaned(text), size: Self.textSize) }
        let columns = max(maps.map(\.columnCount).max() ?? 1, 1)
        let rows = max(maps.map(\.rowCount).max() ?? 1, 1)
        let values = maps.flatMap(\.usableValues)
        let columnNames = maps.flatMap { map in (0..<map.columnCount).map(map.columnLabel) }
        let rowNames = maps.flatMap { map in (0..<map.rowCount).map(map.rowLabel) }
        let page = style.pageScale?.domain([domain.low, domain.high])
        let shown = values.prefix(10_000) + (page.map { [$0.low, $0.high] } ?? [])
        let widestValue = shown.map { widthOf(style.format.string($0)) }.max() ?? 0
        let widestColumn = min(columnNames.map(widthOf).max() ?? 0, Self.maxLabel)
        let limit = min(max(style.maxWidth.isFinite ? style.maxWidth : 900, 240), 10_000)

        rowLabelWidth =
            min(rowNames.map(widthOf).max() ?? 0, Self.maxLabel) + (style.rowTitle.isEmpty ? 8 : 28)
        let rowLabels = rowLabelWidth
        let roomBeside = { (maps: Int) in
            (limit - 24 - Double(maps) * rowLabels - Double(maps - 1) * Self.gap) / Double(maps * columns)
        }
        let room = roomBeside(1)
        // Short names are written across, so a cell may grow a little for them; long ones are turned.
        let wanted = max(
            widestValue + 8, widestColumn <= 60 ? widestColumn + 6 : 0, style.fillsWidth ? 84 : 30)
        // As many maps of a panel in a row as leave their cells room for numbers.
        let beside = (1...max(maps.count, 1)).last { roomBeside($0) >= 36 } ?? 1
        cellWidth = max(min(wanted, style.fillsWidth ? roomBeside(beside) : room), 3)
        cellHeight = rows > 40 ? max(960 / Double(rows), 3) : style.fillsWidth && rows <= 14 ? 34 : 24
        printsValues = widestValue + 4 <= cellWidth && cellHeight >= 14
        turnsColumnLabels = widestColumn + 4 > cellWidth
        columnLabelHeight = turnsColumnLabels ? widestColumn + 8 : 18
        mapWidth = rowLabelWidth + cellWidth * Double(columns)
        titleRoom = mapWidth - rowLabelWidth
        let titleRoom = titleRoom
        mapTitles = maps.map {
            Labels.lines(
                $0.title, maxWidth: titleRoom, size: Self.mapTitleSize * TextStyle.strong.stretch, most: 2)
        }
        let titleLines = mapTitles.map(\.count).max() ?? 0
        let titleHeight = titleLines == 0 ? 0 : 22 + Double(titleLines - 1) * Self.mapTitleLine
        headHeight = columnLabelHeight + titleHeight + (style.columnTitle.isEmpty ? 0 : 18)
        mapHeight = headHeight + cellHeight * Double(rows)
        // Cells as wide as the room for `beside` maps fill it exactly, but for the last bit.
        mapsPerRow = max(1, min(maps.count, Int((limit - 24 + Self.gap) / (mapWidth + Self.gap) + 1e-9)))
        let mapRows = (maps.count + mapsPerRow - 1) / mapsPerRow
        let used = Double(mapsPerRow) * (mapWidth + Self.gap) - Self.gap + 24
        width = max(used, min(limit, 480))
        top = title.isEmpty ? 10 : ChartHead.titleHeight(title, width: ChartHead.clamped(width))
        legendTop = top + Double(mapRows) * (mapHeight + Self.gap) - 2
        legend = HeatmapLegend(
            style, scale: style.scale, domain: domain, width: width, hasMissing: hasMissing)
        let width = width
        pageLegend = page.map {
            HeatmapLegend(
                style, scale: style.pageScale ?? style.scale, domain: $0, width: width, hasMissing: hasMissing
            )
        }
        height = legendTop + max(legend.height, pageLegend?.height ?? 0) + 6
    }

    /// The top left corner of a map's first cell.
    func origin(of index: Int) -> (x: Double, y: Double) {
        let (row, column) = index.quotientAndRemainder(dividingBy: mapsPerRow)
        return (
            12 + Double(column) * (mapWidth + Self.gap) + rowLabelWidth,
            top + Double(row) * (mapHeight + Self.gap) + headHeight
        )
    }

    /// Every how many rows or columns a label fits.
    func stride(_ cell: Double) -> Int { max(1, Int((15 / cell).rounded(.up))) }
}

extension HeatmapPanel {
    func drawHatch(on canvas: inout Canvas) {
        canvas.add(
            "<pattern id=\"\(canvas.id)-hatch\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\">"
                + "<path d=\"M0 6L6 0M-1 1L1 -1M5 7L7 5\" class=\"hatch\" stroke-width=\"1\"/></pattern>")
    }

    func drawLabels(
        _ map: Heatmap, _ index: Int, on canvas: inout Canvas, origin: (x: Double, y: Double),
        layout: HeatmapLayout
    ) {
        let size = HeatmapLayout.textSize
        let (width, height) = (layout.cellWidth, layout.cellHeight)
        let mapWidth = width * Double(map.columnCount)
        for row in Swift.stride(from: 0, to: map.rowCount, by: layout.stride(height)) {
            canvas.text(
                map.rowLabel(row), origin.x - 6, origin.y + (Double(row) + 0.5) * height + 4, size: size,
                anchor: .end,
                style: .muted, maxWidth: HeatmapLayout.maxLabel)
        }
        let every = layout.turnsColumnLabels ? layout.stride(width) : 1
        for column in Swift.stride(from: 0, to: map.columnCount, by: every) {
            let x = origin.x + (Double(column) + 0.5) * width
            let turned = layout.turnsColumnLabels
            canvas.text(
                map.columnLabel(column), turned ? x + 4 : x, origin.y - 6, size: size,
                anchor: turned ? .start : .middle, style: .muted, vertical: turned,
                maxWidth: HeatmapLayout.maxLabel)
        }
        var y = origin.y - layout.columnLabelHeight - 4
        if !style.columnTitle.isEmpty {
            canvas.text(
                style.columnTitle, origin.x + mapWidth / 2, y, size: size, anchor: .middle, maxWidth: mapWidth
            )
            y -= 18
        }
        let titles = layout.mapTitles[index]
        for (line, text) in titles.enumerated() {
            canvas.text(
                text, origin.x, y - Double(titles.count - 1 - line) * HeatmapLayout.mapTitleLine,
                size: HeatmapLayout.mapTitleSize, style: .strong, maxWidth: layout.titleRoom)
        }
        canvas.text(
            style.rowTitle, origin.x - layout.rowLabelWidth + 10,
            origin.y + height * Double(map.rowCount) / 2,
            size: size, anchor: .middle, vertical: true, maxWidth: height * Double(map.rowCount))
    }

    func drawCells(
        _ map: Heatmap, _ index: Int, on canvas: inout Canvas, origin: (x: Double, y: Double),
        layout: HeatmapLayout,
        domain: (low: Double, high: Double)
    ) {
        let (width, height) = (layout.cellWidth, layout.cellHeight)
        let gap = width >= 10 && height >= 10 ? 1.0 : 0
        for row in 0..<map.rowCount {
            for column in 0..<map.columnCount {
                let x = origin.x + Double(column) * width
                let y = origin.y + Double(row) * height
                let mark =
                    style.marksCells
                    ? " data-map=\"\(index)\" data-row=\"\(row)\" data-column=\"\(column)\"" : ""
                guard let value = map.value(row, column) else {
                    canvas.add("<g\(mark)>")
                    canvas.rect(
                        x, y, width - gap, height - gap, "axis",
                        extra: "style=\"fill:url(#\(canvas.id)-hatch);stroke-opacity:.4\"")
                    canvas.add("</g>")
                    continue
                }
                canvas.add("<g\(mark) class=\"q\(style.scale.level(value, in: domain))\">")
                let isEmpty = style.showsZeroAsEmpty && value == 0
                let text = isEmpty ? "0" : style.format.string(value)
                canvas.rect(
                    x, y, width - gap, height - gap, isEmpty ? "zero" : "c",
                    tooltip: layout.printsValues
                        ? "" : "\(map.rowLabel(row)), \(map.columnLabel(column)): \(text)")
                if layout.printsValues {
                    canvas.text(
                        text, x + (width - gap) / 2, y + height / 2 + 3.5, size: HeatmapLayout.textSize,
                        anchor: .middle, style: isEmpty ? .muted : .inCell)
                }
                canvas.add("</g>")
            }
        }
    }
}
