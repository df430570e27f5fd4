/// Reads the part of Oniguruma's syntax that tokenizer files use; anything else is refused by name.
struct ExpressionParser {
    private static let longest = 10_000
    private static let deepest = 32
    private static let mostRepetitions = 1_000

    private let scalars: [Unicode.Scalar]
    private var place = 0
    private var depth = 0
    private var ignoresCase = false
    private(set) var sets: [ScalarSet] = []
    /// The letter before this place, where case does not matter.
    private var lastLetter: Unicode.Scalar?

    init(_ text: String) { scalars = Array(text.unicodeScalars) }

    mutating func parse() throws(ExpressionError) -> ExpressionTree {
        guard scalars.count <= Self.longest else {
            throw ExpressionError(what: "\(scalars.count) characters, the limit is \(Self.longest)")
        }
        let tree = try choice()
        guard place == scalars.count else { throw ExpressionError(what: "a \")\" without its \"(\"") }
        return tree
    }

    private var next: Unicode.Scalar? { place < scalars.count ? scalars[place] : nil }

    private mutating func take(_ text: String) -> Bool {
        let wanted = Array(text.unicodeScalars)
        guard scalars[place...].starts(with: wanted) else { return false }
        place += wanted.count
        return true
    }

    private mutating func choice() throws(ExpressionError) -> ExpressionTree {
        var ways = [try sequence()]
        while take("|") { ways.append(try sequence()) }
        return ways.count == 1 ? ways[0] : .choice(ways)
    }

    private mutating func sequence() throws(ExpressionError) -> ExpressionTree {
        var parts: [ExpressionTree] = []
        lastLetter = nil
        while let scalar = next, scalar != "|", scalar != ")" { parts.append(try repeated(try atom())) }
        return parts.count == 1 ? parts[0] : .sequence(parts)
    }

    private mutating func newSet(_ set: ScalarSet) -> ExpressionTree {
        sets.append(set)
        return .scalar(sets.count - 1)
    }

    private mutating func atom() throws(ExpressionError) -> ExpressionTree {
        guard let scalar = next else { throw ExpressionError(what: "an end after \"\\\"") }
        if scalar == "(" { return try group() }
        defer { if scalar == "[" || scalar == "\\" || scalar == "." { lastLetter = nil } }
        place += 1
        switch scalar {
        case "[": return newSet(try characterClass())
        case ".": return newSet(ScalarSet([.range(10...10)], isNegated: true))
        case "$": return .lineEnd
        case "\\":
            if let item = try classEscape() { return newSet(ScalarSet([item])) }
            return newSet(try literal(try escaped()))
        case "^", "*", "+", "?", "{": throw ExpressionError(what: "\"\(scalar)\" at this place")
        default: return newSet(try literal(scalar))
        }
    }

    private mutating func group() throws(ExpressionError) -> ExpressionTree {
        let (before, start) = (ignoresCase, place)
        place += 1
        var look: Bool?
        if take("?=") {
            look = false
        } else if take("?!") {
            look = true
        } else if take("?i:") {
            ignoresCase = true
        } else if take("?-i:") {
            ignoresCase = false
        } else if !take("?:"), next == "?" {
            throw ExpressionError(what: "the group \"\(text(start, start + 4))\"")
        }
        depth += 1
        guard depth <= Self.deepest else {
            throw ExpressionError(what: "groups deeper than \(Self.deepest)")
        }
        let tree = try choice()
        guard take(")") else { throw ExpressionError(what: "a \"(\" without its \")\"") }
        depth -= 1
        ignoresCase = before
        lastLetter = nil
        return look.map { .look(tree, isNegative: $0) } ?? tree
    }

    private func text(_ from: Int, _ to: Int) -> String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars[from..<min(to, scalars.count)])
        return String(view)
    }

    // MARK: Repetition

    private mutating func repeated(_ tree: ExpressionTree) throws(ExpressionError) -> ExpressionTree {
        let start = place
        guard let (minimum, maximum, isInterval) = try bounds() else { return tree }
        lastLetter = nil
        if case .look = tree { throw ExpressionError(what: "a repeated look ahead") }
        if case .lineEnd = tree { throw ExpressionError(what: "a repeated \"$\"") }
        var result = ExpressionTree.repetition(tree, minimum: minimum, maximum: maximum, isLazy: false)
        if take("?") {
            // Oniguruma takes "{2}?" for something else.
            guard !isInterval || minimum != maximum else {
                throw ExpressionError(what: "\"\(text(start, place))\"")
            }
            result = .repetition(tree, minimum: minimum, maximum: maximum, isLazy: true)
        } else if next == "+" {
            guard !isInterval, case .scalar(let set) = tree else {
                throw ExpressionError(what: "\"\(text(start, place + 1))\" after more than one character")
            }
            place += 1
            result = .run(set: set, minimum: minimum, maximum: maximum)
        }
        if let after = next, ["*", "+", "?", "{"].contains(after) {
            throw ExpressionError(what: "\"\(text(start, place + 1))\"")
        }
        return result
    }

    private mutating func bounds() throws(ExpressionError) -> (Int, Int?, isInterval: Bool)? {
        if take("*") { return (0, nil, false) }
        if take("+") { return (1, nil, false) }
        if take("?") { return (0, 1, false) }
        let start = place
        guard take("{") else { return nil }
        let least = number()
        var most = least
        if take(",") { most = number() }
        let isOpen = text(start, place).hasSuffix(",")
        guard take("}"), least != nil || most != nil else {
            throw ExpressionError(what: "\"{\" at this place")
        }
        let (minimum, maximum) = (least ?? 0, isOpen ? nil : most)
        guard minimum <= Self.mostRepetitions, maximum ?? 0 <= Self.mostRepetitions,
            minimum <= maximum ?? .max
        else { throw ExpressionError(what: "\"\(text(start, place))\"") }
        return (minimum, maximum, true)
    }

    private mutating func number() -> Int? {
        var value: Int?
        while let digit = next.flatMap({ Int(String($0)) }), (value ?? 0) < 1_000_000 {
            value = (value ?? 0) * 10 + digit
            place += 1
        }
        return value
    }

    // MARK: One character

    /// `\s`, `\p{L}` and the like behind a backslash, which has been read; nil where it is a single character.
    private mutating func classEscape() throws(ExpressionError) -> ScalarSet.Item? {
        guard let scalar = next else { throw ExpressionError(what: "an end after \"\\\"") }
        let decimal = ScalarCategories.mask(named: "Nd") ?? 0
        switch scalar {
        case "s", "S":
            place += 1
            return .whitespace(isNegated: scalar == "S")
        case "d", "D":
            place += 1
            return .categories(decimal, isNegated: scalar == "D")
        case "p", "P":
            let start = place
            place += 1
            var isNegated = scalar == "P"
            guard take("{") else { throw ExpressionError(what: "\"\\\(scalar)\" without a name") }
            if take("^") { isNegated.toggle() }
            let begin = place
            while let letter = next, letter != "}", place < begin + 40 { place += 1 }
            let name = text(begin, place)
            guard take("}"), let mask = ScalarCategories.mask(named: name) else {
                throw ExpressionError(what: "\"\\\(text(start, place))\"")
            }
            return .categories(mask, isNegated: isNegated)
        default: return nil
        }
    }

    /// The character behind a backslash, which has been read.
    private mutating func escaped() throws(ExpressionError) -> Unicode.Scalar {
        guard let scalar = next else { throw ExpressionError(what: "an end after \"\\\"") }
        place += 1
        switch scalar {
        case "n": return "\n"
        case "r": return "\r"
        case "t": return "\t"
        case "f": return "\u{C}"
        case "v": return "\u{B}"
        default:
            // Other letters and digits have meanings of their own; punctuation stands for itself.
            guard scalar.value < 0x80, !scalar.properties.isAlphabetic, !("0"..."9").contains(scalar) else {
                throw ExpressionError(what: "\"\\\(scalar)\"")
            }
            return scalar
        }
    }

    /// One character, or where case does not matter those that are the same by Unicode's simple folding.
    private mutating func literal(_ scalar: Unicode.Scalar) throws(ExpressionError) -> ScalarSet {
        guard ignoresCase else { return ScalarSet([.range(scalar.value...scalar.value)]) }
        let items = try folded(scalar)
        // Oniguruma takes ß for "ss", ﬁ for "fi" and so on.
        let lower = scalar.properties.lowercaseMapping.unicodeScalars.first ?? scalar
        if let last = lastLetter, ["ss", "ff", "fi", "fl", "st"].contains("\(last)\(lower)") {
            throw ExpressionError(what: "\"\(last)\(lower)\" in any case")
        }
        lastLetter = lower
        return ScalarSet(items)
    }

    private func folded(_ scalar: Unicode.Scalar) throws(ExpressionError) -> [ScalarSet.Item] {
        guard scalar.value < 0x80 else { throw ExpressionError(what: "\"\(scalar)\" in any case") }
        guard scalar.properties.isAlphabetic else { return [.range(scalar.value...scalar.value)] }
        var values = [scalar.value | 0x20, scalar.value & ~0x20]
        if values[0] == 0x73 { values.append(0x17F) }
        if values[0] == 0x6B { values.append(0x212A) }
        return values.map { .range($0...$0) }
    }

    // MARK: Classes

    /// Behind its "[", which has been read.
    private mutating func characterClass() throws(ExpressionError) -> ScalarSet {
        let isNegated = take("^")
        var items: [ScalarSet.Item] = []
        var isFirst = true
        while !take("]") || isFirst {
            if isFirst, place > 0, scalars[place - 1] == "]" {
                throw ExpressionError(what: "an empty \"[]\"")
            }
            isFirst = false
            guard let scalar = next else { throw ExpressionError(what: "a \"[\" without its \"]\"") }
            if scalar == "[" || text(place, place + 2) == "&&" {
                throw ExpressionError(what: "\"\(text(place, place + 2))\" in a class")
            }
            place += 1
            if scalar == "\\", let item = try classEscape() {
                items.append(item)
                continue
            }
            let first = scalar == "\\" ? try escaped() : scalar
            guard next == "-", place + 1 < scalars.count, scalars[place + 1] != "]" else {
                items += ignoresCase ? try folded(first) : [.range(first.value...first.value)]
                continue
            }
            place += 1
            items.append(try range(from: first))
        }
        if ignoresCase, isNegated { throw ExpressionError(what: "a negated class in any case") }
        return ScalarSet(items, isNegated: isNegated)
    }

    private mutating func range(from first: Unicode.Scalar) throws(ExpressionError) -> ScalarSet.Item {
        guard let scalar = next else { throw ExpressionError(what: "a \"[\" without its \"]\"") }
        place += 1
        if scalar == "\\", ["s", "S", "d", "D", "p", "P"].contains(next) || scalar == "[" {
            throw ExpressionError(what: "a range from \"\(first)\" to a class")
        }
        let last = scalar == "\\" ? try escaped() : scalar
        guard first.value <= last.value, !ignoresCase else {
            throw ExpressionError(what: "the range from \"\(first)\" to \"\(last)\"")
        }
        return .range(first.value...last.value)
    }
}
