import ModelFiles

extension JSONValue {
    /// The class that a string, a number or a truth value names; nil for anything else.
    var className: String? {
        switch self {
        case .string(let text): text
        case .number(let number): RawLabel.number(number).className
        case .largeInteger(let digits): digits
        case .bool(let truth): truth ? "true" : "false"
        case .null, .array, .object: nil
        }
    }

    /// A whole number from 0.
    var position: Int? { int.flatMap { $0 >= 0 ? $0 : nil } }

    /// What the value is, for messages.
    var kind: String {
        switch self {
        case .string: "a string"
        case .number, .largeInteger: "a number"
        case .bool: "a boolean"
        case .null: "null"
        case .array, .object: "an object or an array"
        }
    }
}

/// Reads one JSON object per line, whatever the order of its keys.
struct JSONLinesReader {
    private let source: SourceText
    private var position = 0
    private var line = 0
    private(set) var blankLines = 0
    private(set) var firstBlankLine = 0

    init(_ source: SourceText) { self.source = source }

    /// The next line's columns and its number, nil at the end of the file.
    mutating func next() throws -> (line: Int, columns: [String: JSONValue])? {
        guard let (line, object) = try nextObject() else { return nil }
        let columns = Dictionary(object.members.map { ($0.key, $0.value) }) { first, _ in first }
        // Swift takes two spellings of one accented key for the same.
        guard columns.count == object.count else {
            throw DataError(
                file: source.name, line: line, problem: "a column occurs twice in the line",
                advice: "remove or rename one of them")
        }
        return (line, columns)
    }

    /// The same with its columns in their order.
    mutating func nextObject() throws -> (line: Int, row: JSONObject)? {
        var skipped = 0
        while let range = source.line(from: position) {
            position = range.upperBound + 1
            line += 1
            let content = source.bytes[range]
            if content.allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }) {
                skipped += 1
                continue
            }
            // Counted only now: blank lines at the end of a file lose nothing.
            if skipped > 0 {
                if blankLines == 0 { firstBlankLine = line - skipped }
                blankLines += skipped
            }
            return (line, try object(content))
        }
        return nil
    }

    private static let arrayAdvice = "write one object per line; jq -c '.[]' turns an array into lines"

    private func object(_ content: ArraySlice<UInt8>) throws -> JSONObject {
        func problem(_ what: String, _ advice: String) -> DataError {
            DataError(file: source.name, line: line, problem: what, advice: advice)
        }
        let value: JSONValue
        do {
            value = try content.withUnsafeBytes { try JSONValue.parse($0) }
        } catch let error as JSONError {
            let rest = content.dropFirst(error.offset)
            let isPythons = ["NaN", "Infinity", "-Infinity", "None", "True", "False"].contains {
                rest.starts(with: $0.utf8)
            }
            throw problem(
                "broken JSON at byte \(error.offset): \(error.problem)",
                isPythons
                    ? "that is Python, not JSON: write null for a missing value, and remove rows without a label"
                    : content.first == UInt8(ascii: "[")
                        ? Self.arrayAdvice : "each line must be one complete JSON object")
        }
        guard let object = value.object else {
            throw problem(
                "the line is not a JSON object",
                Self.arrayAdvice)
        }
        return object
    }
}
