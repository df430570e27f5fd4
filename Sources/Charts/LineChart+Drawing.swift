extension LineChart {
    private func offset(_ index: Int) -> Double {
        (Double(index) - Double(series.count - 1) / 2) * (dodge.isFinite ? dodge : 0)
    }

    /// Runs of points without a gap between them, in pixels.
    private func runs(_ one: Series, _ index: Int, _ frame: XYFrame) -> [[(x: Double, y: Double)]] {
        let shift = offset(index)
        return one.points.split { !isShown($0) }.map { run in
            run.map { (frame.x.position($0.x) + shift, frame.y.position($0.y)) }
        }
    }

    static let faint = "stroke-opacity=\"0.55\" style=\"stroke-width:1\""

    func drawLine(_ one: Series, _ index: Int, on frame: inout XYFrame) {
        let look = one.look ?? index
        let color = "s\(look % Palette.count)"
        let runs = runs(one, index, frame)
        let data = runs.filter { $0.count > 1 }.map(Self.polyline).joined()
        frame.canvas.path(
            data, "l \(color)",
            extra: one.isFaint ? Self.faint : Marks.dash(look))
        for run in runs where !one.isFaint || run.count == 1 {
            for place in Self.marked(run, of: runs) {
                frame.canvas.add(Marks.marker(look, x: place.x, y: place.y))
            }
        }
    }

    /// All points of a short series; of a long one those nearest to every eighth of its length, so that the
    /// shape still names the line. A point without neighbors always shows.
    private static func marked(
        _ run: [(x: Double, y: Double)], of runs: [[(x: Double, y: Double)]]
    ) -> [(x: Double, y: Double)] {
        let total = runs.reduce(0) { $0 + $1.count }
        if total <= 40 || run.count == 1 { return run }
        guard let first = runs.first?.first, let last = runs.last?.last else { return [] }
        let spacing = max(abs(last.x - first.x) / 8, 1)
        var found: [(x: Double, y: Double)] = []
        var next = spacing / 2
        for place in run where abs(place.x - first.x) >= next {
            if abs(place.x - first.x) < next + spacing { found.append(place) }
            next = ((abs(place.x - first.x) / spacing - 0.5).rounded(.down) + 1.5) * spacing
        }
        return found
    }

    static func polyline(_ places: [(x: Double, y: Double)]) -> String {
        var text = ""
        for (index, place) in places.enumerated() {
            text += (index == 0 ? "M" : "L") + "\(px(place.x)) \(px(place.y))"
        }
        return text
    }

    func drawIntervals(_ one: Series, _ index: Int, on frame: inout XYFrame) {
        let color = (one.look ?? index) % Palette.count
        if one.showsBand {
            frame.canvas.path(bands(one, index, frame), "band f\(color)")
            return
        }
        let shift = offset(index)
        var data = ""
        for point in one.points where isShown(point) {
            guard let interval = point.interval else { continue }
            let x = frame.x.position(point.x) + shift
            let (low, high) = (frame.y.position(interval.low), frame.y.position(interval.high))
            data += "M\(px(x)) \(px(low))V\(px(high))M\(px(x - 4)) \(px(low))h8M\(px(x - 4)) \(px(high))h8"
        }
        frame.canvas.path(data, "e s\(color)")
    }

    private func bands(_ one: Series, _ index: Int, _ frame: XYFrame) -> String {
        let shift = offset(index)
        return one.points.split { !isShown($0) || $0.interval == nil }.map { run in
            let edges = run.compactMap { point in
                point.interval.map { (x: frame.x.position(point.x) + shift, low: $0.low, high: $0.high) }
            }
            let upper = edges.map { (x: $0.x, y: frame.y.position($0.high)) }
            let lower = edges.reversed().map { (x: $0.x, y: frame.y.position($0.low)) }
            return Self.polyline(upper + lower) + "Z"
        }.joined()
    }

    func drawStepLine(on frame: inout XYFrame) {
        guard let stepLine, let right = frame.right else { return }
        var data = ""
        for run in stepLine.points.split(whereSeparator: { !isShownOnRight($0) }) {
            for (index, point) in run.enumerated() {
                let (x, y) = (px(frame.x.position(point.x)), px(right.position(point.y)))
                data += index == 0 ? "M\(x) \(y)" : "H\(x)V\(y)"
            }
            if run.count == 1 { data += "h6" }
        }
        frame.canvas.path(data, "step")
    }

    func drawEnds(_ drawn: [Series], _ entries: [LegendEntry], on frame: inout XYFrame) {
        var labels: [(entry: LegendEntry, from: Double, wanted: Double)] = []
        for (index, one) in drawn.enumerated() {
            let last = one.points.last(where: isShown)
            let wanted = last.map { frame.y.position($0.y) } ?? frame.bottom
            let from = last.map { frame.x.position($0.x) + offset(index) } ?? frame.x.to
            labels.append((entries[index], from, min(max(wanted, frame.top), frame.bottom)))
        }
        let places = EndLabels.placed(labels.map(\.wanted), top: frame.top - 8, bottom: frame.bottom + 8)
        frame.drawEndLabels(labels, at: places ?? labels.map(\.wanted))
    }
}
