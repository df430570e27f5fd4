import Foundation

/// A value of one column in a JSON line.
enum JSONValue: Decodable, Equatable {
    case text(String)
    case number(Double)
    /// An integer that a Double cannot hold exactly, as written, so that two classes never become one.
    case largeInteger(String)
    case truth(Bool)
    case null
    case list([JSONValue])
    case object([String: JSONValue])

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let text = try? container.decode(String.self) {
            self = .text(text)
        } else if let number = try? container.decode(Double.self) {
            if number.magnitude < 0x1p53 {
                self = .number(number)
            } else if let integer = try? container.decode(Int64.self) {
                self = .largeInteger("\(integer)")
            } else {
                self = .number(number)
            }
        } else if let truth = try? container.decode(Bool.self) {
            self = .truth(truth)
        } else if let values = try? container.decode([JSONValue].self) {
            self = .list(values)
        } else if let members = try? container.decode([String: JSONValue].self) {
            self = .object(members)
        } else {
            // Foundation looks at a value only when asked for it.
            let name = decoder.codingPath.last?.stringValue ?? ""
            throw DecodingError.dataCorruptedError(
                in: container,
                debugDescription: "column \(quoted(name)) is an invalid string or a number out of range")
        }
    }

    /// The class that a string, a number or a truth value names; nil for anything else.
    var className: String? {
        switch self {
        case .text(let text): text
        case .number(let number): RawLabel.number(number).className
        case .largeInteger(let digits): digits
        case .truth(let truth): truth ? "true" : "false"
        case .null, .list, .object: nil
        }
    }

    /// A whole number from 0.
    var position: Int? {
        guard case .number(let number) = self, number >= 0 else { return nil }
        return Int(exactly: number)
    }

    /// What the value is, for messages.
    var kind: String {
        switch self {
        case .text: "a string"
        case .number, .largeInteger: "a number"
        case .truth: "a boolean"
        case .null: "null"
        case .list, .object: "an object or an array"
        }
    }
}

/// Reads one JSON object per line, whatever the order of its keys.
struct JSONLinesReader {
    private let source: SourceText
    private let decoder = JSONDecoder()
    private var position = 0
    private var line = 0
    private(set) var blankLines = 0
    private(set) var firstBlankLine = 0

    init(_ source: SourceText) { self.source = source }

    /// The next line's columns and its number, nil at the end of the file.
    mutating func next() throws -> (line: Int, columns: [String: JSONValue])? {
        var skipped = 0
        while position < source.bytes.count {
            let start = position
            let end = source.bytes[start...].firstIndex(of: 0x0A) ?? source.bytes.count
            position = end + 1
            line += 1
            let content = source.bytes[start..<end]
            if content.allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }) {
                skipped += 1
                continue
            }
            // Counted only now: blank lines at the end of a file lose nothing.
            if skipped > 0 {
                if blankLines == 0 { firstBlankLine = line - skipped }
                blankLines += skipped
            }
            return (line, try columns(Data(content)))
        }
        return nil
    }

    private func columns(_ content: Data) throws -> [String: JSONValue] {
        let columns: [String: JSONValue]
        do {
            columns = try decoder.decode([String: JSONValue].self, from: content)
        } catch DecodingError.dataCorrupted(let context) {
            // On Linux a syntax error comes without a path, position or reason.
            throw broken(context.codingPath.isEmpty ? nil : context.debugDescription)
        } catch {
            throw DataError(
                file: source.name, line: line, problem: "the line is not a JSON object",
                advice: "write one object per line; jq -c '.[]' turns an array into lines")
        }
        let shape = Self.shape(of: content)
        if shape.hasTrailingComma { throw broken("comma before a closing bracket") }
        guard shape.members == columns.count else {
            throw DataError(
                file: source.name, line: line, problem: "a column occurs twice in the line",
                advice: "remove or rename one of them")
        }
        return columns
    }

    private func broken(_ reason: String?) -> DataError {
        DataError(
            file: source.name, line: line, problem: "broken JSON" + (reason.map { ": \($0)" } ?? ""),
            advice: "each line must be one complete JSON object")
    }

    /// Members of the outermost object, and whether a comma ends any object or array. Foundation accepts such
    /// commas, and keeps the first of two equal keys where other readers keep the last. `json` is well-formed
    /// otherwise, so that counting outside of strings is enough.
    private static func shape(of json: Data) -> (members: Int, hasTrailingComma: Bool) {
        var members = 0
        var depth = 0
        var inString = false
        var escaped = false
        var previous: UInt8 = 0
        for byte in json {
            if inString {
                if escaped {
                    escaped = false
                } else if byte == UInt8(ascii: "\\") {
                    escaped = true
                } else if byte == UInt8(ascii: "\"") {
                    inString = false
                }
                continue
            }
            switch byte {
            case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"): continue
            case UInt8(ascii: "\""): inString = true
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                if previous == UInt8(ascii: ",") { return (members, true) }
                depth -= 1
            case UInt8(ascii: ":"): members += depth == 1 ? 1 : 0
            default: break
            }
            previous = byte
        }
        return (members, false)
    }
}
