/// One measured point. A NaN, an infinity, a magnitude above 10³⁰⁰ or a nil y is a missing value.
package struct ChartPoint: Sendable, Hashable {
    package var x: Double
    package var y: Double
    /// The lower and upper end of the interval, in units of y; both or neither are drawn.
    package var low: Double?
    package var high: Double?

    package init(x: Double, y: Double?, low: Double? = nil, high: Double? = nil) {
        self.x = x
        self.y = y ?? .nan
        self.low = low
        self.high = high
    }

    var isPresent: Bool { isUsable(x) && isUsable(y) }

    var interval: (low: Double, high: Double)? {
        guard let low, let high, isUsable(low), isUsable(high) else { return nil }
        return (min(low, high), max(low, high))
    }
}

/// How a series shows its intervals.
package enum IntervalStyle: Sendable, Hashable {
    /// Error bars for up to 25 points, a band for more.
    case automatic
    case errorBars
    case band
}

/// A named line of points, joined in the given order. Missing points leave a gap.
package struct Series: Sendable, Hashable {
    package var name: String
    package var points: [ChartPoint]
    package var intervals: IntervalStyle
    /// A thin pale line without markers, for raw values behind smoothed ones.
    package var isFaint = false
    /// Which color, marker and pattern; nil: by the place among the chart's series.
    package var look: Int?

    package init(name: String, points: [ChartPoint], intervals: IntervalStyle = .automatic) {
        self.name = name
        self.points = points
        self.intervals = intervals
    }

    var showsBand: Bool { intervals == .band || (intervals == .automatic && points.count > 25) }

    /// At most `limit` points (8 or more) with the same outline: the first and the last point, and of every
    /// bucket of neighbors the points with the smallest and largest y, the lowest and highest interval end,
    /// and one missing point where there are any, so that gaps stay.
    package func thinned(to limit: Int) -> Series {
        precondition(limit >= 8, "thinning needs a limit of at least 8 points, got \(limit)")
        guard points.count > limit else { return self }
        let hasGaps = points.contains { !$0.isPresent }
        let hasIntervals = points.contains { $0.interval != nil }
        let perBucket = 2 + (hasIntervals ? 2 : 0) + (hasGaps ? 1 : 0)
        let buckets = (limit - 2) / perBucket
        var kept: Set<Int> = [0, points.count - 1]
        for bucket in 0..<buckets {
            let range = (points.count * bucket / buckets)..<(points.count * (bucket + 1) / buckets)
            kept.formUnion(extremes(in: range))
        }
        var copy = self
        copy.points = kept.sorted().map { points[$0] }
        copy.intervals = showsBand ? .band : intervals
        return copy
    }

    private func extremes(in range: Range<Int>) -> Set<Int> {
        let present = range.filter { points[$0].isPresent }
        let bounded = present.filter { points[$0].interval != nil }
        let low = { (index: Int) in points[index].interval?.low ?? 0 }
        let high = { (index: Int) in points[index].interval?.high ?? 0 }
        let found = [
            present.min { points[$0].y < points[$1].y }, present.max { points[$0].y < points[$1].y },
            bounded.min { low($0) < low($1) }, bounded.max { high($0) < high($1) },
            range.first { !points[$0].isPresent },
        ]
        return Set(found.compactMap { $0 })
    }
}
