import ModelFiles

extension Value {
    /// A value of the data. Numbers without a fraction are integers: JSON's reader does not tell 3 from 3.0.
    ///
    /// - Throws: `Fault` for values nested too deep.
    init(_ json: JSONValue, depth: Int = 0, _ meter: Meter) throws {
        try meter.checkDepth(of: depth)
        try meter.charge()
        switch json {
        case .null: self.init(.none, isData: true)
        case .bool(let value): self.init(.bool(value), isData: true)
        case .number(let number):
            let kind = json.int.map { Kind.integer($0) } ?? .float(number)
            self.init(number == 0 && number.sign == .minus ? .float(number) : kind, isData: true)
        case .largeInteger(let digits):
            self.init(Int(digits).map { .integer($0) } ?? .largeInteger(digits), isData: true)
        case .string(let text):
            let text = MarkedText(text, isData: true)
            try meter.checkText(text.count)
            self = .text(text)
        case .array(let items):
            self = .list(try items.map { try Value($0, depth: depth + 1, meter) }, isData: true)
        case .object(let members):
            var dictionary = ValueDictionary(capacity: members.count)
            for (key, value) in members.members {
                try dictionary.set(
                    .text(MarkedText(key, isData: true)), try Value(value, depth: depth + 1, meter), meter)
            }
            self.init(.dictionary(dictionary), isData: true)
        }
    }
}

/// What `tojson` writes: Python's `json.dumps` with transformers' settings, so nothing is escaped for HTML.
struct JSONText {
    var isASCII = false
    /// Nil for one line.
    var indent: MarkedText?
    var itemSeparator = MarkedText(", ")
    var keySeparator = MarkedText(": ")
    var isSorted = false
    let meter: Meter
    private(set) var out = MarkedText()

    init(meter: Meter) { self.meter = meter }

    mutating func write(_ value: Value, level: Int = 0) throws {
        try meter.charge()
        try meter.checkLength(out.count)
        let isData = value.isData
        switch value.kind {
        case .none: out.append("null", isData: isData)
        case .bool(let truth): out.append(truth ? "true" : "false", isData: isData)
        case .integer(let number): out.append(String(number), isData: isData)
        case .largeInteger(let digits): out.append(digits, isData: isData)
        case .float(let number): out.append(Self.number(number), isData: isData)
        case .text(let text): try write(text)
        case .list(let list), .tuple(let list):
            try container("[", "]", list.items.count, level, isData) { writer, place in
                try writer.write(list.items[place], level: level + 1)
            }
        case .dictionary(let dictionary):
            let order = try order(of: dictionary)
            try container("{", "}", order.count, level, isData) { writer, place in
                try writer.write(key: dictionary.keys[order[place]])
                writer.out.append(writer.separator(writer.keySeparator, isData))
                try writer.write(dictionary.values[order[place]], level: level + 1)
            }
        default: throw Fault.evaluation("Object of type \(value.typeName) is not JSON serializable")
        }
    }

    private func order(of dictionary: ValueDictionary) throws -> [Int] {
        guard isSorted else { return Array(0..<dictionary.count) }
        let keys = dictionary.keys
        return try (0..<keys.count).sorted { try keys[$0].isLess(than: keys[$1], meter) }
    }

    private func separator(_ text: MarkedText, _ isData: Bool) -> MarkedText {
        isData ? MarkedText(text.scalars, isData: true) : text
    }

    private mutating func container(
        _ open: String, _ close: String, _ count: Int, _ level: Int, _ isData: Bool,
        _ member: (inout JSONText, Int) throws -> Void
    ) throws {
        out.append(open, isData: isData)
        for place in 0..<count {
            if place > 0 { out.append(separator(itemSeparator, isData)) }
            try newLine(level + 1, isData)
            try member(&self, place)
        }
        if count > 0 { try newLine(level, isData) }
        out.append(close, isData: isData)
    }

    private mutating func newLine(_ level: Int, _ isData: Bool) throws {
        guard let indent else { return }
        let (width, isTooLong) = level.multipliedReportingOverflow(by: indent.count)
        try meter.checkText(isTooLong ? .max : width)
        try meter.checkLength(out.count)
        out.append("\n", isData: isData)
        out.append(separator(indent.repeated(level), isData))
    }

    private mutating func write(key: Value) throws {
        switch key.kind {
        case .text(let text): try write(text)
        case .none, .bool, .integer, .largeInteger, .float:
            out.append("\"", isData: key.isData)
            try write(key)
            out.append("\"", isData: key.isData)
        default:
            throw Fault.evaluation("keys must be str, int, float, bool or None, not \(key.typeName)")
        }
    }

    private mutating func write(_ text: MarkedText) throws {
        try meter.checkText(text.count)
        // Quotes belong to what they hold: those of an empty text to the template.
        out.append("\"", isData: text.isData(at: 0))
        let isASCII = isASCII
        out.append(
            text.mapped { _, scalar in
                switch scalar {
                case "\"": "\\\""
                case "\\": "\\\\"
                case "\n": "\\n"
                case "\r": "\\r"
                case "\t": "\\t"
                case "\u{8}": "\\b"
                case "\u{C}": "\\f"
                default:
                    scalar.value < 0x20 || isASCII && scalar.value > 0x7E
                        ? UTF16.encode(scalar)?.map { "\\u" + hexadecimal(UInt32($0), digits: 4) }.joined()
                            ?? ""
                        : String(scalar)
                }
            })
        out.append("\"", isData: text.isData(at: text.count - 1))
    }

    private static func number(_ value: Double) -> String {
        value.isNaN ? "NaN" : value.isInfinite ? (value < 0 ? "-Infinity" : "Infinity") : pythonFloat(value)
    }
}
