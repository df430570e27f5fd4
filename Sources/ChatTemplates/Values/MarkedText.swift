/// A text that knows which of its characters come from data.
///
/// Characters are Unicode scalars, as in Python, so lengths, indices and slices agree with Jinja2's.
struct MarkedText: Sendable {
    private(set) var scalars: [Unicode.Scalar] = []
    /// Scalars that come from data: sorted, apart from one another, none empty.
    private(set) var data: [Range<Int>] = []
    /// What the filter `safe` made: `+` escapes other texts for HTML when it joins them to it.
    var isSafe = false

    init() {}

    init(_ text: String, isData: Bool = false) {
        scalars = Array(text.unicodeScalars)
        if isData, !scalars.isEmpty { data = [0..<scalars.count] }
    }

    init(_ scalars: some Sequence<Unicode.Scalar>, isData: Bool) {
        self.scalars = Array(scalars)
        if isData, !self.scalars.isEmpty { data = [0..<self.scalars.count] }
    }

    var count: Int { scalars.count }
    var isEmpty: Bool { scalars.isEmpty }

    var string: String {
        var text = String.UnicodeScalarView()
        text.append(contentsOf: scalars)
        return String(text)
    }

    /// The whole text as runs of one origin.
    var runs: [(range: Range<Int>, isData: Bool)] {
        var runs: [(range: Range<Int>, isData: Bool)] = []
        var at = 0
        for range in data {
            if at < range.lowerBound { runs.append((at..<range.lowerBound, false)) }
            runs.append((range, true))
            at = range.upperBound
        }
        if at < count { runs.append((at..<count, false)) }
        return runs
    }

    private mutating func mark(_ range: Range<Int>) {
        guard !range.isEmpty else { return }
        if let last = data.last, last.upperBound == range.lowerBound {
            data[data.count - 1] = last.lowerBound..<range.upperBound
        } else {
            data.append(range)
        }
    }

    mutating func append(_ other: MarkedText) {
        let start = count
        scalars += other.scalars
        for range in other.data { mark(range.lowerBound + start..<range.upperBound + start) }
    }

    mutating func append(_ text: String, isData: Bool) {
        let start = count
        scalars.append(contentsOf: text.unicodeScalars)
        if isData { mark(start..<count) }
    }

    mutating func append(_ more: some Collection<Unicode.Scalar>, isData: Bool) {
        let start = count
        scalars.append(contentsOf: more)
        if isData { mark(start..<count) }
    }

    mutating func append(_ scalar: Unicode.Scalar, isData: Bool) {
        scalars.append(scalar)
        if isData { mark(count - 1..<count) }
    }

    /// The first range of data that does not end before or at a place.
    private func firstMark(endingBehind place: Int) -> Int {
        var (low, high) = (0, data.count)
        while low < high {
            let middle = (low + high) / 2
            if data[middle].upperBound <= place { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Whether the scalar at a place comes from data.
    func isData(at place: Int) -> Bool {
        let mark = firstMark(endingBehind: place)
        return mark < data.count && data[mark].contains(place)
    }

    subscript(range: Range<Int>) -> MarkedText {
        var part = MarkedText()
        part.scalars = Array(scalars[range])
        var place = firstMark(endingBehind: range.lowerBound)
        while place < data.count, data[place].lowerBound < range.upperBound {
            let shared = data[place].clamped(to: range)
            part.mark(shared.lowerBound - range.lowerBound..<shared.upperBound - range.lowerBound)
            place += 1
        }
        part.isSafe = isSafe
        return part
    }

    subscript(place: Int) -> MarkedText { self[place..<place + 1] }

    /// Scalars in another order.
    func picked(_ places: some Sequence<Int>) -> MarkedText {
        var picked = MarkedText()
        for place in places { picked.append(scalars[place], isData: isData(at: place)) }
        picked.isSafe = isSafe
        return picked
    }

    /// Each scalar replaced by what stands for it; marks stay.
    func mapped(_ transform: (Int, Unicode.Scalar) -> String) -> MarkedText {
        var result = MarkedText()
        for run in runs {
            for place in run.range {
                result.append(transform(place, scalars[place]), isData: run.isData)
            }
        }
        result.isSafe = isSafe
        return result
    }

    func repeated(_ times: Int) -> MarkedText {
        var result = MarkedText()
        for _ in 0..<max(times, 0) { result.append(self) }
        result.isSafe = isSafe
        return result
    }

    /// Ranges of scalars as ranges of UTF-8 bytes; they are sorted and apart.
    func byteRanges(_ ranges: [Range<Int>]) -> [Range<Int>] {
        var (bytes, place) = (0, 0)
        func advance(to end: Int) -> Int {
            while place < end {
                bytes += UTF8.width(scalars[place])
                place += 1
            }
            return bytes
        }
        return ranges.map { range in
            let start = advance(to: range.lowerBound)
            return start..<advance(to: range.upperBound)
        }
    }
}

extension MarkedText: Equatable {
    /// As Python compares texts, so without the marks.
    static func == (left: MarkedText, right: MarkedText) -> Bool { left.scalars == right.scalars }

    static func < (left: MarkedText, right: MarkedText) -> Bool {
        left.scalars.lexicographicallyPrecedes(right.scalars)
    }
}
