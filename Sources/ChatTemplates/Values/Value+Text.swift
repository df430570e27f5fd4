/// Values as Python's `str` and `repr` write them.
extension Value {
    /// `str(value)`: what `{{ value }}` prints.
    func shown(_ meter: Meter) throws -> MarkedText {
        switch kind {
        case .text(let text): return text
        case .undefined: return MarkedText()
        default:
            var out = MarkedText()
            try write(into: &out, meter)
            return out
        }
    }

    /// `repr(value)`: texts with quotes. What a container from data writes between its members is data too.
    private func write(into out: inout MarkedText, _ meter: Meter) throws {
        try meter.charge()
        try meter.checkLength(out.count)
        switch kind {
        case .undefined: out.append("Undefined", isData: isData)
        case .none: out.append("None", isData: isData)
        case .bool(let value): out.append(value ? "True" : "False", isData: isData)
        case .integer(let value): out.append(String(value), isData: isData)
        case .largeInteger(let digits): out.append(digits, isData: isData)
        case .float(let value): out.append(pythonFloat(value), isData: isData)
        case .text(let text):
            try meter.checkText(text.count)
            out.append(text.quotedAsInPython)
        case .list(let list): try write(list.items, "[", "]", into: &out, meter)
        case .tuple(let list):
            try write(list.items, "(", list.items.count == 1 ? ",)" : ")", into: &out, meter)
        case .view(let name, let list): try write(list.items, "\(name)([", "])", into: &out, meter)
        case .dictionary(let dictionary):
            out.append("{", isData: isData)
            for place in 0..<dictionary.count {
                if place > 0 { out.append(", ", isData: isData) }
                try dictionary.keys[place].write(into: &out, meter)
                out.append(": ", isData: isData)
                try dictionary.values[place].write(into: &out, meter)
            }
            out.append("}", isData: isData)
        case .range(let range):
            let step = range.step == 1 ? "" : ", \(range.step)"
            out.append("range(\(range.start), \(range.stop)\(step))", isData: isData)
        case .iterator, .namespace, .loop, .macro, .function, .method:
            throw Fault.unsupported("a \(typeName) as text, which Python writes with its address")
        }
    }

    private func write(
        _ items: [Value], _ open: String, _ close: String, into out: inout MarkedText, _ meter: Meter
    ) throws {
        out.append(open, isData: isData)
        for (place, item) in items.enumerated() {
            if place > 0 { out.append(", ", isData: isData) }
            try item.write(into: &out, meter)
        }
        out.append(close, isData: isData)
    }
}

/// `repr` of a float: the shortest digits that read back as the same, exponents below −4 and from 16 on.
func pythonFloat(_ value: Double) -> String {
    guard value.isFinite else { return value.isNaN ? "nan" : value < 0 ? "-inf" : "inf" }
    let sign = value.sign == .minus ? "-" : ""
    if value == 0 { return sign + "0.0" }
    var digits = ""
    var exponent = 0
    let parts = value.magnitude.description.split(separator: "e")
    let mantissa = parts[0].split(separator: ".", omittingEmptySubsequences: false)
    let fraction = mantissa.count > 1 ? String(mantissa[1]) : ""
    digits = String(mantissa[0]) + fraction
    exponent = mantissa[0].count - 1 + (parts.count > 1 ? Int(parts[1]) ?? 0 : 0)
    while digits.hasPrefix("0") {
        digits.removeFirst()
        exponent -= 1
    }
    while digits.hasSuffix("0"), digits.count > 1 { digits.removeLast() }
    if (-4..<16).contains(exponent) {
        if exponent < 0 { return sign + "0." + String(repeating: "0", count: -exponent - 1) + digits }
        if digits.count <= exponent + 1 {
            return sign + digits + String(repeating: "0", count: exponent + 1 - digits.count) + ".0"
        }
        return sign + digits.prefix(exponent + 1) + "." + digits.dropFirst(exponent + 1)
    }
    let rest = digits.count > 1 ? "." + digits.dropFirst() : ""
    let power = exponent.magnitude < 10 ? "0\(exponent.magnitude)" : "\(exponent.magnitude)"
    return "\(sign)\(digits.prefix(1))\(rest)e\(exponent < 0 ? "-" : "+")\(power)"
}

extension MarkedText {
    /// `repr` of a text: in single quotes unless it has some and no double ones.
    var quotedAsInPython: MarkedText {
        let isDouble = scalars.contains("'") && !scalars.contains("\"")
        let quote: Unicode.Scalar = isDouble ? "\"" : "'"
        // Quotes belong to what they hold: those of an empty text to the template.
        let (first, last) = (isData(at: 0), isData(at: count - 1))
        var result = MarkedText()
        if isSafe { result.append("Markup(", isData: false) }
        result.append(quote, isData: first)
        let inner = mapped { _, scalar in
            switch scalar {
            case quote where !isDouble: "\\'"
            case "\\": "\\\\"
            case "\n": "\\n"
            case "\r": "\\r"
            case "\t": "\\t"
            default: scalar.isPythonPrintable ? String(scalar) : scalar.pythonEscape
            }
        }
        result.append(inner)
        result.append(quote, isData: last)
        if isSafe { result.append(")", isData: false) }
        return result
    }
}

extension Unicode.Scalar {
    /// Python's `str.isprintable` of one character.
    fileprivate var isPythonPrintable: Bool {
        switch properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator:
            false
        case .spaceSeparator: self == " "
        default: true
        }
    }

    fileprivate var pythonEscape: String {
        value < 0x100
            ? "\\x" + hexadecimal(value, digits: 2)
            : value < 0x10000 ? "\\u" + hexadecimal(value, digits: 4) : "\\U" + hexadecimal(value, digits: 8)
    }
}

/// Small letters, zeros in front.
func hexadecimal(_ value: UInt32, digits: Int) -> String {
    let text = String(value, radix: 16)
    return String(repeating: "0", count: max(0, digits - text.count)) + text
}
