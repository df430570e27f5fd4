/// Splits at the matches of an expression.
struct Split: PreTokenizer {
    let expression: Expression
    let behavior: Delimiters.Behavior
    /// What stands between the matches counts as matched, and the other way round.
    let isInverted: Bool

    init(expression: Expression, behavior: Delimiters.Behavior = .isolated, isInverted: Bool = false) {
        self.expression = expression
        self.behavior = behavior
        self.isInverted = isInverted
    }

    func split(_ text: ArraySlice<LocatedScalar>) -> [ArraySlice<LocatedScalar>] {
        let found = expression.pieces(of: text).map { (range: $0.range, isMatch: $0.isMatch != isInverted) }
        return joined(found).map { text[$0] }
    }

    private func joined(_ found: [(range: Range<Int>, isMatch: Bool)]) -> [Range<Int>] {
        var pieces: [Range<Int>] = []
        var wasMatch = false
        switch behavior {
        case .isolated: return found.map(\.range)
        case .removed: return found.filter { !$0.isMatch }.map(\.range)
        case .contiguous:
            for (range, isMatch) in found {
                if isMatch == wasMatch, let last = pieces.last {
                    pieces[pieces.count - 1] = last.lowerBound..<range.upperBound
                } else {
                    pieces.append(range)
                }
                wasMatch = isMatch
            }
        case .mergedWithPrevious:
            for (range, isMatch) in found {
                if isMatch, !wasMatch, let last = pieces.last {
                    pieces[pieces.count - 1] = last.lowerBound..<range.upperBound
                } else {
                    pieces.append(range)
                }
                wasMatch = isMatch
            }
        case .mergedWithNext:
            for (range, isMatch) in found.reversed() {
                if isMatch, !wasMatch, let last = pieces.last {
                    pieces[pieces.count - 1] = range.lowerBound..<last.upperBound
                } else {
                    pieces.append(range)
                }
                wasMatch = isMatch
            }
            pieces.reverse()
        }
        return pieces
    }
}
