/// A regular expression for the paths of modules, as PEFT's `target_modules` may be.
///
/// Time grows with the lengths of expression and path alone (Thompson 1968): one from a file may be made to keep a
/// matcher that tries one way after the other busy for ever.
package struct ModulePattern {
    private enum Step {
        case take(ByteSet)
        /// To the steps at these distances.
        case fork(Int, Int)
        case jump(Int)
        case atStart
        case atEnd
    }

    private let steps: [Step]

    /// nil for what is not read here: counted repetition, looking ahead, back references, and no expression at all.
    package init?(_ expression: String) {
        var parser = Parser(bytes: Array(expression.utf8))
        guard parser.bytes.count <= Self.longest, parser.alternatives(depth: 0),
            parser.at == parser.bytes.count
        else { return nil }
        steps = parser.steps
    }

    private static let longest = 2_000

    /// Whether the whole path matches, as with Python's `re.fullmatch`.
    package func matches(_ path: String) -> Bool {
        let path = Array(path.utf8)
        var reached = closure([0], isAtStart: true, isAtEnd: path.isEmpty)
        for (index, byte) in path.enumerated() {
            let next = reached.compactMap { step -> Int? in
                guard step < steps.count, case .take(let set) = steps[step], set.contains(byte) else {
                    return nil
                }
                return step + 1
            }
            reached = closure(next, isAtStart: false, isAtEnd: index + 1 == path.count)
        }
        return reached.contains(steps.count)
    }

    /// All steps that are reached from some without taking a byte.
    private func closure(_ from: [Int], isAtStart: Bool, isAtEnd: Bool) -> [Int] {
        var isReached = [Bool](repeating: false, count: steps.count + 1)
        var (open, reached) = (from, [Int]())
        while let step = open.popLast() {
            if isReached[step] { continue }
            isReached[step] = true
            guard step < steps.count else {
                reached.append(step)
                continue
            }
            switch steps[step] {
            case .take: reached.append(step)
            case .fork(let first, let second): open += [step + first, step + second]
            case .jump(let distance): open.append(step + distance)
            case .atStart: if isAtStart { open.append(step + 1) }
            case .atEnd: if isAtEnd { open.append(step + 1) }
            }
        }
        return reached
    }
}

/// ASCII characters.
private struct ByteSet {
    private var (low, high): (UInt64, UInt64) = (0, 0)

    init(_ bytes: some Sequence<UInt8>) { for byte in bytes { insert(byte) } }

    func contains(_ byte: UInt8) -> Bool {
        byte < 0x80 && (byte < 64 ? low : high) >> UInt64(byte & 63) & 1 == 1
    }

    mutating func insert(_ byte: UInt8) {
        if byte < 64 { low |= 1 << UInt64(byte) } else if byte < 0x80 { high |= 1 << UInt64(byte & 63) }
    }

    mutating func formUnion(_ other: ByteSet) { (low, high) = (low | other.low, high | other.high) }

    var inverted: ByteSet {
        var all = self
        (all.low, all.high) = (~low, ~high)
        return all
    }

    static let digits = ByteSet(0x30...0x39)
    static let wordParts = ByteSet(Array(0x30...0x39) + Array(0x41...0x5A) + Array(0x61...0x7A) + [0x5F])
    static let spaces = ByteSet([0x20, 0x09, 0x0A, 0x0B, 0x0C, 0x0D])
    /// All but a line end
    static let any = ByteSet([0x0A]).inverted
}

extension ModulePattern {
    /// Each method returns false where it meets something that is not read here.
    private struct Parser {
        let bytes: [UInt8]
        var at = 0
        var steps: [Step] = []

        init(bytes: [UInt8]) { self.bytes = bytes }

        private static let deepest = 32

        private func isNext(_ character: Unicode.Scalar) -> Bool {
            at < bytes.count && bytes[at] == UInt8(ascii: character)
        }

        private mutating func skip(_ character: Unicode.Scalar) -> Bool {
            guard isNext(character) else { return false }
            at += 1
            return true
        }

        mutating func alternatives(depth: Int) -> Bool {
            let start = steps.count
            guard depth <= Self.deepest, sequence(depth: depth) else { return false }
            while skip("|") {
                steps.insert(.fork(1, steps.count - start + 2), at: start)
                let end = steps.count
                steps.append(.jump(0))
                guard sequence(depth: depth) else { return false }
                steps[end] = .jump(steps.count - end)
            }
            return true
        }

        private mutating func sequence(depth: Int) -> Bool {
            while at < bytes.count, !isNext("|"), !isNext(")") {
                let start = steps.count
                guard atom(depth: depth), repetition(from: start) else { return false }
            }
            return true
        }

        private mutating func atom(depth: Int) -> Bool {
            let byte = bytes[at]
            at += 1
            switch byte {
            case UInt8(ascii: "("):
                if skip("?"), !skip(":") { return false }
                return alternatives(depth: depth + 1) && skip(")")
            case UInt8(ascii: "["): return characterClass()
            case UInt8(ascii: "\\"):
                guard let set = escape() else { return false }
                steps.append(.take(set))
            case UInt8(ascii: "."): steps.append(.take(.any))
            case UInt8(ascii: "^"): steps.append(.atStart)
            case UInt8(ascii: "$"): steps.append(.atEnd)
            case UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "?"), UInt8(ascii: "{"), 0x80...:
                return false
            default: steps.append(.take(ByteSet([byte])))
            }
            return true
        }

        /// Whether as little as possible is taken first makes no difference to whole paths.
        private mutating func repetition(from start: Int) -> Bool {
            let count = steps.count - start
            if skip("*") {
                steps.insert(.fork(1, count + 2), at: start)
                steps.append(.jump(-count - 1))
            } else if skip("+") {
                steps.append(.fork(-count, 1))
            } else if skip("?") {
                steps.insert(.fork(1, count + 1), at: start)
            } else {
                return !isNext("{")
            }
            _ = skip("?")
            return !isNext("*") && !isNext("+") && !isNext("?") && !isNext("{")
        }

        private mutating func escape() -> ByteSet? {
            guard at < bytes.count else { return nil }
            let byte = bytes[at]
            at += 1
            switch byte {
            case UInt8(ascii: "d"): return .digits
            case UInt8(ascii: "D"): return ByteSet.digits.inverted
            case UInt8(ascii: "w"): return .wordParts
            case UInt8(ascii: "W"): return ByteSet.wordParts.inverted
            case UInt8(ascii: "s"): return .spaces
            case UInt8(ascii: "S"): return ByteSet.spaces.inverted
            default: return byte >= 0x80 || ByteSet.wordParts.contains(byte) ? nil : ByteSet([byte])
            }
        }

        private mutating func characterClass() -> Bool {
            let isInverted = skip("^")
            var set = ByteSet([])
            var isFirst = true
            while at < bytes.count, isFirst || !isNext("]") {
                isFirst = false
                let byte = bytes[at]
                at += 1
                if byte == UInt8(ascii: "\\") {
                    guard let escaped = escape(), !isNext("-") else { return false }
                    set.formUnion(escaped)
                } else if isNext("-"), at + 1 < bytes.count, bytes[at + 1] != UInt8(ascii: "]") {
                    let end = bytes[at + 1]
                    guard end < 0x80, byte <= end, end != UInt8(ascii: "\\") else { return false }
                    for member in byte...end { set.insert(member) }
                    at += 2
                } else {
                    guard byte < 0x80 else { return false }
                    set.insert(byte)
                }
            }
            steps.append(.take(isInverted ? set.inverted : set))
            return skip("]")
        }
    }
}
