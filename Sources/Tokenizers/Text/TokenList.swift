/// Token ids with the places in the text that they stand for.
struct TokenList {
    /// White space at the two ends of a token, in scalars.
    struct Edges {
        let leading: Int
        let trailing: Int
    }

    var ids: [Int32] = []
    var offsets: [Range<Int>] = []
    /// White space at the ends of the added tokens among them, by index; kept only where it matters.
    var addedEdges: [Int: Edges] = [:]
    /// Which of them are added tokens that were recognized.
    var addedIndexes: Set<Int> = []

    init() {}

    /// Tokens of a template, which stand for no text.
    init(special ids: [Int32]) {
        self.ids = ids
        offsets = ids.map { _ in 0..<0 }
    }

    var count: Int { ids.count }

    mutating func append(_ id: Int32, _ place: ArraySlice<LocatedScalar>) {
        ids.append(id)
        let start = place.first?.start ?? 0
        offsets.append(start..<max(start, place.last?.end ?? 0))
    }

    mutating func cut(to count: Int, atStart: Bool = false) {
        if atStart {
            offsets.removeFirst(ids.count - count)
            ids.removeFirst(ids.count - count)
        } else {
            ids.removeLast(ids.count - count)
            offsets.removeLast(offsets.count - count)
        }
    }
}
