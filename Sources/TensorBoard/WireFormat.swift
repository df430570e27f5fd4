import Foundation

/// Writes a message of protocol buffers (protobuf.dev, "Encoding"). As proto3 has it, a value of 0 or no bytes is left
/// out where it is a field of its own.
struct WireWriter {
    private(set) var bytes = Data()

    mutating func integer(_ field: Int, _ value: Int64) {
        if value == 0 { return }
        key(field, .varint)
        varint(UInt64(bitPattern: value))
    }

    mutating func double(_ field: Int, _ value: Double) {
        if value.bitPattern == 0 { return }
        key(field, .fixed64)
        fixed(value.bitPattern)
    }

    /// A member of a `oneof`, which stands there also as 0.
    mutating func chosenFloat(_ field: Int, _ value: Float) {
        key(field, .fixed32)
        fixed(value.bitPattern)
    }

    mutating func chosenDouble(_ field: Int, _ value: Double) {
        key(field, .fixed64)
        fixed(value.bitPattern)
    }

    mutating func chosenFlag(_ field: Int, _ value: Bool) {
        key(field, .varint)
        varint(value ? 1 : 0)
    }

    mutating func chosenText(_ field: Int, _ value: String) { delimited(field, Data(value.utf8)) }

    mutating func text(_ field: Int, _ value: String) {
        if !value.isEmpty { chosenText(field, value) }
    }

    mutating func data(_ field: Int, _ value: Data) {
        if !value.isEmpty { delimited(field, value) }
    }

    mutating func packed(_ field: Int, _ values: [Double]) {
        var list = WireWriter()
        for value in values { list.fixed(value.bitPattern) }
        data(field, list.bytes)
    }

    mutating func packed(_ field: Int, _ values: [Float]) {
        var list = WireWriter()
        for value in values { list.fixed(value.bitPattern) }
        data(field, list.bytes)
    }

    /// A message in the message, also an empty one.
    mutating func message(_ field: Int, _ write: (inout WireWriter) -> Void) {
        var inner = WireWriter()
        write(&inner)
        delimited(field, inner.bytes)
    }

    private mutating func delimited(_ field: Int, _ content: Data) {
        key(field, .delimited)
        varint(UInt64(content.count))
        bytes += content
    }

    private mutating func key(_ field: Int, _ type: WireType) {
        varint(UInt64(field) << 3 | UInt64(type.rawValue))
    }

    private mutating func varint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }

    private mutating func fixed(_ value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }
}

enum WireType: UInt8 {
    case varint = 0
    case fixed64 = 1
    case delimited = 2
    case fixed32 = 5
}

/// The fields of a message in their order; nil where the bytes are none.
struct WireReader {
    enum Value {
        case varint(UInt64)
        case fixed64(UInt64)
        case fixed32(UInt32)
        case delimited(Data)
    }

    static func fields(_ message: Data) -> [(number: Int, value: Value)]? {
        var reader = WireReader(rest: message)
        var fields: [(number: Int, value: Value)] = []
        while !reader.rest.isEmpty {
            guard let key = reader.varint(), key >> 3 > 0, key >> 3 < 1 << 29,
                let type = WireType(rawValue: UInt8(truncatingIfNeeded: key & 7)),
                let value = reader.value(type)
            else { return nil }
            fields.append((Int(key >> 3), value))
        }
        return fields
    }

    private var rest: Data

    private mutating func value(_ type: WireType) -> Value? {
        switch type {
        case .varint: varint().map { .varint($0) }
        case .fixed64: take(8).map { .fixed64(Self.integer($0)) }
        case .fixed32: take(4).map { .fixed32(UInt32(truncatingIfNeeded: Self.integer($0))) }
        case .delimited: varint().flatMap { take($0) }.map { .delimited($0) }
        }
    }

    private mutating func varint() -> UInt64? {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 64, by: 7) {
            guard let byte = rest.popFirst() else { return nil }
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
        }
        return nil
    }

    private mutating func take(_ count: UInt64) -> Data? {
        guard count <= UInt64(rest.count) else { return nil }
        let taken = rest.prefix(Int(count))
        rest = rest.dropFirst(Int(count))
        return taken
    }

    /// Of little-endian bytes
    private static func integer(_ bytes: Data) -> UInt64 {
        bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}
