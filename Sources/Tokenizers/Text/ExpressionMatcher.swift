/// Finds the matches of an expression in one text: the leftmost, by the first way that works (as Perl and Oniguruma do).
struct ExpressionMatcher {
    private let expression: Expression
    private let text: ArraySlice<LocatedScalar>
    private let base: Int
    private let categories: [UInt32]
    /// A bit for each branch at each place that was tried and led nowhere, or is being tried.
    private var tried: [UInt64]
    /// The last stretch that each run of scalars took as far as it could.
    private var stretches: [Int: Range<Int>] = [:]

    init(_ expression: Expression, _ text: ArraySlice<LocatedScalar>) {
        self.expression = expression
        self.text = text
        base = text.startIndex
        categories = text.map { expression.edition.category($0.scalar) }
        tried = [UInt64](repeating: 0, count: ((text.count + 1) * expression.branches + 63) / 64)
    }

    /// The first match that begins at `from` or later, counted from the start of the text.
    mutating func firstMatch(from: Int) -> Range<Int>? {
        for start in from...text.count {
            if let end = match(0, from: start) {
                // Whoever comes by here again is looking for the next match. What was tried further on led nowhere.
                forget(0..<expression.branches, at: end)
                return start..<end
            }
        }
        return nil
    }

    /// Where the instructions from `first` on come to an `accept`.
    private mutating func match(_ first: Int, from start: Int) -> Int? {
        var waiting: [(instruction: Int, place: Int)] = [(first, start)]
        while let (resumed, place) = waiting.popLast() {
            var (instruction, place) = (resumed, place)
            way: while true {
                switch expression.instructions[instruction] {
                case .scalar(let set):
                    guard takes(set, place) else { break way }
                    place += 1
                    instruction += 1
                case .run(let set, let minimum, let maximum):
                    let length = min(maximum, stretch(instruction, set, place) - place)
                    guard length >= minimum else { break way }
                    place += length
                    instruction += 1
                case .jump(let target): instruction = target
                case .branch(let number, let first, let second):
                    guard enter(number, at: place) else { break way }
                    waiting.append((second, place))
                    instruction = first
                case .look(let isNegative, let branches, let next):
                    guard looks(instruction + 1, branches, from: place) != isNegative else { break way }
                    instruction = next
                case .lineEnd:
                    guard place == text.count || text[base + place].scalar == "\n" else { break way }
                    instruction += 1
                case .accept: return place
                }
            }
        }
        return nil
    }

    private func takes(_ set: Int, _ place: Int) -> Bool {
        place < text.count
            && expression.sets[set].contains(text[base + place].scalar, category: categories[place])
    }

    private mutating func stretch(_ instruction: Int, _ set: Int, _ place: Int) -> Int {
        if let known = stretches[instruction], known.contains(place) { return known.upperBound }
        var end = place
        while takes(set, end) { end += 1 }
        if end > place { stretches[instruction] = place..<end }
        return end
    }

    /// False where this branch was tried already at this place: that way ends, or turns in a circle without taking anything.
    private mutating func enter(_ branch: Int, at place: Int) -> Bool {
        let bit = place * expression.branches + branch
        let mask: UInt64 = 1 << UInt64(bit & 63)
        guard tried[bit >> 6] & mask == 0 else { return false }
        tried[bit >> 6] |= mask
        return true
    }

    private mutating func forget(_ branches: Range<Int>, at place: Int) {
        for branch in branches {
            let bit = place * expression.branches + branch
            tried[bit >> 6] &= ~(1 << UInt64(bit & 63))
        }
    }

    /// Branches within are tried anew each time, for a way that led to the end of the look is no dead end. It sees no
    /// further than `ExpressionCompiler.longestLook`.
    private mutating func looks(_ first: Int, _ branches: Range<Int>, from place: Int) -> Bool {
        if case .scalar(let set) = expression.instructions[first],
            case .accept = expression.instructions[first + 1]
        {
            return takes(set, place)
        }
        let isFound = match(first, from: place) != nil
        if !branches.isEmpty {
            let end = min(text.count, place + ExpressionCompiler.longestLook)
            for seen in place...end { forget(branches, at: seen) }
        }
        return isFound
    }
}
