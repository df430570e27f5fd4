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
