/// A scalar with its place in the original text. Normalization changes the scalar and keeps the place.
package struct LocatedScalar: Sendable {
    package var scalar: Unicode.Scalar
    /// UTF-8 bytes of the original text, from `start` to before `end`.
    package var start: Int
    package var end: Int

    package static func scalars(of text: String) -> [LocatedScalar] {
        var result: [LocatedScalar] = []
        result.reserveCapacity(text.utf8.count)
        var offset = 0
        for scalar in text.unicodeScalars {
            let end = offset + UTF8.width(scalar)
            result.append(LocatedScalar(scalar: scalar, start: offset, end: end))
            offset = end
        }
        return result
    }
}

/// Token ids with the places in the text that they stand for.
struct TokenList {
    var ids: [Int32] = []
    var offsets: [Range<Int>] = []
    /// White space at the ends of the added tokens among them, by index; kept only where it matters.
    var addedEdges: [Int: ByteLevelTrimming.Edges] = [:]

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
