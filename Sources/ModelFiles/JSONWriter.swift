import Foundation

extension JSONValue {
    /// The value as JSON, members in their order, so the same value always gives the same bytes.
    ///
    /// Compact on one line, or with `pretty` one element a line, indented by two spaces. Numbers take the
    /// shortest form that reads back as the same `Double`. NaN and infinities, which JSON does not have,
    /// become null.
    package func bytes(pretty: Bool = false) -> [UInt8] {
        var writer = JSONWriter(pretty: pretty)
        writer.write(self, indent: 0)
        return writer.out
    }

    /// `bytes(pretty:)` as a string.
    package func text(pretty: Bool = false) -> String {
        String(decoding: bytes(pretty: pretty), as: UTF8.self)
    }
}

private struct JSONWriter {
    let pretty: Bool
    var out: [UInt8] = []

    init(pretty: Bool) { self.pretty = pretty }

    mutating func write(_ value: JSONValue, indent: Int) {
        switch value {
        case .null: out += "null".utf8
        case .bool(let value): out += (value ? "true" : "false").utf8
        case .number(let value): write(value)
        case .largeInteger(let digits): out += digits.utf8
        case .string(let value): write(value)
        case .array(let values):
            list("[", "]", count: values.count, indent: indent) { writer, at in
                writer.write(values[at], indent: indent + 1)
            }
        case .object(let object):
            list("{", "}", count: object.count, indent: indent) { writer, at in
                writer.write(object.keys[at])
                writer.out += (writer.pretty ? ": " : ":").utf8
                writer.write(object.values[at], indent: indent + 1)
            }
        }
    }

    private mutating func list(
        _ open: String, _ close: String, count: Int, indent: Int, _ element: (inout JSONWriter, Int) -> Void
    ) {
        out += open.utf8
        for at in 0..<count {
            if at > 0 { out.append(UInt8(ascii: ",")) }
            newLine(indent + 1)
            element(&self, at)
        }
        if count > 0 { newLine(indent) }
        out += close.utf8
    }

    private mutating func newLine(_ indent: Int) {
        guard pretty else { return }
        out.append(UInt8(ascii: "\n"))
        out.append(contentsOf: repeatElement(UInt8(ascii: " "), count: 2 * indent))
    }

    private mutating func write(_ number: Double) {
        guard number.isFinite else {
            out += "null".utf8
            return
        }
        let isInteger = number == number.rounded() && number.magnitude <= JSONValue.largestExactInteger
        let negativeZero = number == 0 && number.sign == .minus
        out += (isInteger && !negativeZero ? String(Int(number)) : number.description).utf8
    }

    private mutating func write(_ string: String) {
        out.append(UInt8(ascii: "\""))
        for byte in string.utf8 {
            switch byte {
            case UInt8(ascii: "\""): out += "\\\"".utf8
            case UInt8(ascii: "\\"): out += "\\\\".utf8
            case 0x08: out += "\\b".utf8
            case 0x0C: out += "\\f".utf8
            case UInt8(ascii: "\n"): out += "\\n".utf8
            case UInt8(ascii: "\r"): out += "\\r".utf8
            case UInt8(ascii: "\t"): out += "\\t".utf8
            case 0..<0x20:
                let digits = String(byte, radix: 16)
                out += "\\u\(String(repeating: "0", count: 4 - digits.count))\(digits)".utf8
            default: out.append(byte)
            }
        }
        out.append(UInt8(ascii: "\""))
    }
}

/// As its text.
extension JSONObject: Codable {
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(JSONValue.object(self).text())
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let object = try JSONValue.parse(container.decode(String.self)).object else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "no object")
        }
        self = object
    }
}
