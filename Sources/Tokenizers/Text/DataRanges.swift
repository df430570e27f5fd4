/// Which bytes of a text are data, not the words of a chat template, so that no control token may come of them.
struct DataRanges: Sendable {
    private let ranges: [Range<Int>]
    /// Spellings of control tokens that were left as plain text.
    private(set) var spellings = 0
    /// Before it all spellings are counted: one within another counts once.
    private var counted = 0

    /// No data.
    init() { ranges = [] }

    init(_ ranges: [Range<Int>]) {
        self.ranges = ranges.filter { !$0.isEmpty }.sorted { $0.lowerBound < $1.lowerBound }
            .reduce(into: []) { joined, range in
                if let last = joined.last, range.lowerBound <= last.upperBound {
                    joined[joined.count - 1] = last.lowerBound..<max(last.upperBound, range.upperBound)
                } else {
                    joined.append(range)
                }
            }
    }

    func touches(_ place: Range<Int>) -> Bool {
        if ranges.isEmpty { return false }
        var (low, high) = (0, ranges.count)
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle].upperBound <= place.lowerBound { low = middle + 1 } else { high = middle }
        }
        return low < ranges.count && ranges[low].lowerBound < place.upperBound
    }

    /// Whether the spelling of a control token touches data; counts it then.
    mutating func keepsOut(_ text: ArraySlice<LocatedScalar>) -> Bool {
        guard !ranges.isEmpty, let first = text.first, let last = text.last, touches(first.start..<last.end)
        else { return false }
        count(first.start..<last.end)
        return true
    }

    mutating func count(_ place: Range<Int>) {
        if place.lowerBound >= counted { spellings += 1 }
        counted = max(counted, place.upperBound)
    }
}
