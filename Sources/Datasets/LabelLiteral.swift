import ModelFiles

/// Labels that a program printed into one text: a list, tuple, set, array or mapping in the spelling of Python, numpy or
/// JSON, such as `['a', 'b']`, `["a"]`, `[1 0 1]`, `{'a': 1, 'b': 0}`.
enum LabelLiteral: Equatable {
    case list([JSONValue])
    case mapping(JSONObject)

    /// nil for any other text.
    init?(_ text: String) {
        // Most labels are none, and are left alone quickly.
        guard let last = text.utf8.last(where: { $0 > 0x20 }), [0x5D, 0x7D, 0x29].contains(last) else {
            return nil
        }
        var reader = LabelLiteralReader(text)
        guard let literal = reader.literal() else { return nil }
        self = literal
    }

    /// Whether a text is in brackets as a list is.
    static func isBracketed(_ text: String) -> Bool {
        let content = text.utf8.filter { $0 > 0x20 }
        return (content.first == UInt8(ascii: "[") && content.last == UInt8(ascii: "]"))
            || (content.first == UInt8(ascii: "{") && content.last == UInt8(ascii: "}"))
    }
}

/// Reads one literal of values without lists inside them.
private struct LabelLiteralReader {
    private let scalars: [Unicode.Scalar]
    private var at = 0

    init(_ text: String) { scalars = Array(text.unicodeScalars) }

    mutating func literal() -> LabelLiteral? {
        let value: LabelLiteral?
        skipSpace()
        if take("set()") {
            value = .list([])
        } else if take("array(") || take("np.array(") || take("frozenset(") || take("set(") {
            value = collection()
            // dtype=object
            while let scalar = here, scalar != ")" {
                guard scalar.isASCII else { return nil }
                at += 1
            }
            guard take(")") else { return nil }
        } else {
            value = collection()
        }
        skipSpace()
        return at == scalars.count ? value : nil
    }

    private var here: Unicode.Scalar? { at < scalars.count ? scalars[at] : nil }

    private mutating func skipSpace() {
        while let scalar = here, scalar.properties.isWhitespace { at += 1 }
    }

    private mutating func take(_ text: StaticString) -> Bool {
        let wanted = Array("\(text)".unicodeScalars)
        guard scalars.count - at >= wanted.count, scalars[at..<at + wanted.count].elementsEqual(wanted) else {
            return false
        }
        at += wanted.count
        return true
    }

    private mutating func collection() -> LabelLiteral? {
        skipSpace()
        let pairs: [Unicode.Scalar: Unicode.Scalar] = ["[": "]", "(": ")", "{": "}"]
        guard let open = here, let close = pairs[open] else { return nil }
        at += 1
        var (values, members, commas) = ([JSONValue](), JSONObject(), 0)
        skipSpace()
        while let scalar = here, scalar != close {
            guard let value = value(isWrapped: false) else { return nil }
            skipSpace()
            if open == "{", take(":") {
                skipSpace()
                guard let key = value.className, let member = self.value(isWrapped: false),
                    members[key] == nil
                else {
                    return nil
                }
                members[key] = member
            } else {
                values.append(value)
            }
            skipSpace()
            // numpy separates by spaces alone.
            if take(",") {
                commas += 1
                skipSpace()
            }
        }
        // Without a comma "(1)" is a number in parentheses.
        guard here == close, values.isEmpty || members.isEmpty, open != "(" || commas > 0 || values.isEmpty
        else {
            return nil
        }
        at += 1
        return members.isEmpty ? .list(values) : .mapping(members)
    }

    /// - Parameter isWrapped: inside a type's parentheses, where no further ones follow.
    private mutating func value(isWrapped: Bool) -> JSONValue? {
        guard let scalar = here else { return nil }
        if scalar == "'" || scalar == "\"" { return string(endingWith: scalar).map { .string($0) } }
        var word = String.UnicodeScalarView()
        while let scalar = here,
            scalar.properties.isAlphabetic || "0123456789_.+-".unicodeScalars.contains(scalar)
        {
            word.append(scalar)
            at += 1
        }
        let name = String(word)
        // u'a', np.str_('a'), np.int64(1)
        if name == "u", here == "'" || here == "\"" { return value(isWrapped: true) }
        if !isWrapped, name.first?.isLetter == true, take("(") {
            guard let inner = value(isWrapped: true), take(")") else { return nil }
            return inner
        }
        switch name {
        case "True", "true", "np.True_": return .bool(true)
        case "False", "false", "np.False_": return .bool(false)
        case "None", "null", "nan", "NaN": return .null
        default: return number(name)
        }
    }

    private func number(_ text: String) -> JSONValue? {
        guard text.utf8.allSatisfy({ "0123456789+-.eE".utf8.contains($0) }) else { return nil }
        // numpy writes 1. for 1.0.
        guard let value = Double(text.hasSuffix(".") ? String(text.dropLast()) : text), value.isFinite else {
            return nil
        }
        let isLong = value.magnitude >= 0x1p53 && !text.contains(".") && !text.lowercased().contains("e")
        return isLong ? .largeInteger(text) : .number(value)
    }

    private mutating func string(endingWith quote: Unicode.Scalar) -> String? {
        at += 1
        var text = String.UnicodeScalarView()
        while let scalar = here, scalar != quote {
            at += 1
            guard scalar == "\\" else {
                text.append(scalar)
                continue
            }
            guard let escaped = escape() else { return nil }
            text.append(escaped)
        }
        guard here == quote else { return nil }
        at += 1
        return String(text)
    }

    private mutating func escape() -> Unicode.Scalar? {
        guard let kind = here else { return nil }
        at += 1
        switch kind {
        case "n": return "\n"
        case "t": return "\t"
        case "r": return "\r"
        case "x": return code(digits: 2).flatMap(Unicode.Scalar.init)
        case "U": return code(digits: 8).flatMap(Unicode.Scalar.init)
        case "u":
            guard let first = code(digits: 4) else { return nil }
            guard (0xD800..<0xDC00).contains(first) else { return Unicode.Scalar(first) }
            guard take("\\u"), let second = code(digits: 4), (0xDC00..<0xE000).contains(second) else {
                return nil
            }
            return Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
        case "\\", "'", "\"", "/": return kind
        default: return nil
        }
    }

    private mutating func code(digits: Int) -> UInt32? {
        guard scalars.count - at >= digits else { return nil }
        let text = String(String.UnicodeScalarView(scalars[at..<at + digits]))
        guard text.utf8.allSatisfy({ $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "-") }) else { return nil }
        at += digits
        return UInt32(text, radix: 16)
    }
}
