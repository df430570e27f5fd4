/// A scalar of a normalized text, and how it came about.
struct AlignedScalar {
    var scalar: Unicode.Scalar
    /// 0: in place of the next old scalar. Positive: additional, at the place of the one before. −n: in place
    /// of the next old scalar, with n more of them swallowed.
    var change: Int
}

extension Array where Element == AlignedScalar {
    /// Gives each new scalar the place of an old one, counting as the `tokenizers` library does; where a
    /// normalizer miscounts there, the places are off by as much here.
    func places(from old: [LocatedScalar]) -> [LocatedScalar] {
        guard let last = old.indices.last else { return [] }
        var result: [LocatedScalar] = []
        result.reserveCapacity(count)
        var next = 0
        for aligned in self {
            var located: LocatedScalar
            if aligned.change > 0 {
                located = old[Swift.min(Swift.max(next - 1, 0), last)]
            } else {
                located = old[Swift.min(next, last)]
                next += 1 - aligned.change
            }
            located.scalar = aligned.scalar
            result.append(located)
        }
        return result
    }
}
