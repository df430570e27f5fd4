import Foundation
import Messages

/// How much a JSON text may ask for.
///
/// A value takes two bytes of text and up to 150 of memory, so a small file could fill the memory: values and
/// the bytes of strings are counted before anything is built.
package struct JSONLimits: Sendable {
    /// Arrays and objects inside one another.
    package var depth: Int
    package var byteCount: Int
    /// Values in all, those inside one another too.
    package var values: Int
    /// Bytes between quotes in all.
    package var textBytes: Int

    package init(
        depth: Int = 64, byteCount: Int = 256 << 20, values: Int = 200_000, textBytes: Int = 16 << 20
    ) {
        self.depth = depth
        self.byteCount = byteCount
        self.values = values
        self.textBytes = textBytes
    }
}

/// Why a text is not JSON, and where.
package struct JSONError: Error, CustomStringConvertible, Sendable, Equatable {
    /// Bytes before the fault.
    package let offset: Int
    /// The line of the fault, counted from 1.
    package let line: Int
    package let problem: String

    package var description: String { "line \(line), byte \(offset): \(problem)" }
}

extension JSONValue {
    /// Reads one JSON value (RFC 8259) and nothing after it but white space. Throws `JSONError`.
    ///
    /// A reader of our own, since Foundation's `JSONSerialization` takes duplicate keys silently, cannot
    /// limit the depth, and rounds large integers without a word. This one works on bytes; it refuses
    /// duplicate keys, invalid UTF-8, lone surrogates, and numbers beyond a `Double`, and keeps
    /// large integers as they are written.
    package static func parse(_ bytes: UnsafeRawBufferPointer, limits: JSONLimits = JSONLimits()) throws
        -> JSONValue
    {
        guard bytes.count <= limits.byteCount else {
            throw JSONError(
                offset: 0, line: 1,
                problem: "the text has \(bytes.count) bytes, the limit is \(limits.byteCount)")
        }
        return try bytes.withMemoryRebound(to: UInt8.self) { bytes in
            try checkSize(bytes, limits)
            var reader = JSONReader(bytes: bytes, depthLimit: limits.depth)
            return try reader.document()
        }
    }

    /// Up to the first fault of the text the counts are at least what the reader builds.
    package static func checkSize(
        _ bytes: UnsafeBufferPointer<UInt8>, _ limits: JSONLimits
    ) throws {
        guard bytes.count / 2 >= limits.values || bytes.count > limits.textBytes else { return }
        var (values, textBytes, depth) = (1, 0, 0)
        var (isText, isEscaped) = (false, false)
        for byte in bytes {
            if isText {
                isText = isEscaped || byte != UInt8(ascii: "\"")
                isEscaped = !isEscaped && byte == UInt8(ascii: "\\")
                textBytes += 1
            } else {
                switch byte {
                case UInt8(ascii: "\""): isText = true
                case UInt8(ascii: ","): values += 1
                case UInt8(ascii: "["), UInt8(ascii: "{"): (values, depth) = (values + 1, depth + 1)
                case UInt8(ascii: "]"), UInt8(ascii: "}"): depth -= 1
                default: break
                }
                // The reader stops here.
                if depth > limits.depth { break }
            }
        }
        func excess(_ what: String, _ limit: Int) -> JSONError {
            JSONError(offset: 0, line: 1, problem: "the text has more than \(limit) \(what)")
        }
        guard values <= limits.values else { throw excess("values", limits.values) }
        guard textBytes <= limits.textBytes else { throw excess("bytes of strings", limits.textBytes) }
    }

    package static func parse(_ data: Data, limits: JSONLimits = JSONLimits()) throws -> JSONValue {
        try data.withUnsafeBytes { try parse($0, limits: limits) }
    }

    package static func parse(_ bytes: [UInt8], limits: JSONLimits = JSONLimits()) throws -> JSONValue {
        try bytes.withUnsafeBytes { try parse($0, limits: limits) }
    }

    package static func parse(_ text: String, limits: JSONLimits = JSONLimits()) throws -> JSONValue {
        var text = text
        return try text.withUTF8 { try parse(UnsafeRawBufferPointer($0), limits: limits) }
    }

    /// Reads a JSON file, with or without a byte order mark before it. Throws `ModelFileError` when it is missing, too large or not JSON.
    package static func read(_ url: URL, limits: JSONLimits = JSONLimits()) throws -> JSONValue {
        let mapping = try FileMapping(url, byteLimit: limits.byteCount)
        // Python's utf-8-sig and some editors write it; no JSON has a meaning for it.
        let mark = TextMarks.length(at: mapping.bytes)
        if let encoding = TextMarks.otherEncoding(of: mapping.bytes) {
            throw ModelFileError(
                file: mapping.path, problem: "the file is \(encoding)",
                advice: TextMarks.conversion(from: encoding))
        }
        do {
            return try withExtendedLifetime(mapping) {
                try parse(UnsafeRawBufferPointer(rebasing: mapping.bytes[mark...]), limits: limits)
            }
        } catch let error as JSONError {
            throw ModelFileError(
                file: mapping.path, place: "line \(error.line), byte \(error.offset)", problem: error.problem,
                advice: "the file must be JSON: check it, or download it again")
        }
    }
}

/// Recursive descent over UTF-8 bytes; the depth limit bounds the recursion.
struct JSONReader {
    let bytes: UnsafeBufferPointer<UInt8>
    let depthLimit: Int
    var at = 0
    private var depth = 0

    init(bytes: UnsafeBufferPointer<UInt8>, depthLimit: Int) {
        self.bytes = bytes
        self.depthLimit = depthLimit
    }

    mutating func document() throws -> JSONValue {
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) {
            throw fault("a byte order mark, which JSON does not allow")
        }
        skipSpace()
        guard at < bytes.count else { throw fault("the text is empty") }
        let result = try value()
        skipSpace()
        guard at == bytes.count else { throw fault("\(here) after the end of the value") }
        return result
    }

    func fault(_ problem: String, at offset: Int? = nil) -> JSONError {
        let offset = offset ?? at
        let newLines = bytes.prefix(offset).reduce(0) { $0 + ($1 == UInt8(ascii: "\n") ? 1 : 0) }
        return JSONError(offset: offset, line: newLines + 1, problem: problem)
    }

    /// The byte at the current place, for messages.
    private var here: String {
        guard at < bytes.count else { return "the end of the text" }
        let byte = bytes[at]
        return (0x21..<0x7F).contains(byte)
            ? "'\(Character(UnicodeScalar(byte)))'" : "the byte 0x\(String(byte, radix: 16, uppercase: true))"
    }

    private mutating func skipSpace() {
        while at < bytes.count {
            switch bytes[at] {
            case 0x20, 0x0A, 0x0D, 0x09: at += 1
            default: return
            }
        }
    }

    private mutating func value() throws -> JSONValue {
        guard at < bytes.count else { throw fault("a value is missing at the end of the text") }
        switch bytes[at] {
        case UInt8(ascii: "{"): return try object()
        case UInt8(ascii: "["): return try array()
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
        default: throw fault("\(here) where a value should begin")
        }
    }

    private mutating func word(_ word: StaticString, _ value: JSONValue) throws -> JSONValue {
        let count = word.utf8CodeUnitCount
        let expected = UnsafeBufferPointer(start: word.utf8Start, count: count)
        guard bytes.count - at >= count, bytes[at..<at + count].elementsEqual(expected) else {
            throw fault("\(here) where a value should begin")
        }
        at += count
        return value
    }

    private mutating func enter() throws {
        guard depth < depthLimit else { throw fault("nested deeper than \(depthLimit) levels") }
        depth += 1
        at += 1
        skipSpace()
    }

    /// True when another element follows, false when `end` closes the list.
    private mutating func more(_ end: UInt8, _ element: String) throws -> Bool {
        skipSpace()
        guard at < bytes.count, bytes[at] == UInt8(ascii: ",") || bytes[at] == end else {
            throw fault("\(here) where ',' or '\(Character(UnicodeScalar(end)))' should follow \(element)")
        }
        let closed = bytes[at] == end
        at += 1
        if !closed { skipSpace() }
        return !closed
    }

    private mutating func array() throws -> JSONValue {
        try enter()
        defer { depth -= 1 }
        let end = UInt8(ascii: "]")
        var values: [JSONValue] = []
        if at < bytes.count, bytes[at] == end {
            at += 1
            return .array(values)
        }
        repeat { values.append(try value()) } while try more(end, "an element")
        return .array(values)
    }

    private mutating func object() throws -> JSONValue {
        try enter()
        defer { depth -= 1 }
        let end = UInt8(ascii: "}")
        var object = JSONObject()
        if at < bytes.count, bytes[at] == end {
            at += 1
            return .object(object)
        }
        repeat {
            guard at < bytes.count, bytes[at] == UInt8(ascii: "\"") else {
                throw fault("\(here) where a key should begin")
            }
            let start = at
            let key = try string()
            skipSpace()
            guard at < bytes.count, bytes[at] == UInt8(ascii: ":") else {
                throw fault("\(here) where ':' should follow a key")
            }
            at += 1
            skipSpace()
            let member = try value()
            guard object.append(key, member) else { throw fault("duplicate key \(quoted(key))", at: start) }
        } while try more(end, "a member")
        return .object(object)
    }
}
