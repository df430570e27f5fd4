import Messages

/// The keys of a GGUF file, whose values are decoded when they are asked for.
///
/// A getter returns nil for a key that is not there, and throws `ModelFileError` for a value of another type. Integers of
/// every width count as integers, and numbers of both widths as floating-point ones, but neither as the other.
package struct GGUFMetadata: Sendable {
    private struct Entry: Sendable {
        let type: GGUFType
        /// Values in the array; nil for a single value
        let count: Int?
        let range: Range<Int>

        var summary: String {
            guard let count else { return type == .string ? "a string" : "of type \(type.name)" }
            return "an array of \(count) values of type \(type.name)"
        }
    }

    /// In the order of the file
    package let keys: [String]
    private let entries: [ExactName: Entry]
    private let file: FileMapping

    /// As long as the format's description allows
    static let longestKey = 65_535
    /// Length, one byte of name, type, one byte of value
    static let leastBytes = 14

    /// Steps over `count` keys.
    init(_ cursor: inout GGUFCursor, count: Int) throws {
        var keys: [String] = []
        var entries: [ExactName: Entry] = [:]
        for index in 0..<count {
            let key = try cursor.name("key \(index + 1) of \(count)")
            guard !key.isEmpty, key.utf8.count <= Self.longestKey else {
                throw cursor.fault(
                    "key \(index + 1) of \(count)",
                    "its name has \(key.utf8.count) bytes, allowed are 1 to \(Self.longestKey)")
            }
            let entry = try Self.entry(&cursor, "key \(quoted(key))")
            guard entries.updateValue(entry, forKey: ExactName(key)) == nil else {
                throw cursor.fault("key \(quoted(key))", "the key is given twice")
            }
            keys.append(key)
        }
        self.keys = keys
        self.entries = entries
        file = cursor.file
    }

    private static func entry(_ cursor: inout GGUFCursor, _ place: String) throws -> Entry {
        func type() throws -> GGUFType {
            let number = try cursor.integer(UInt32.self, place)
            guard let type = GGUFType(rawValue: number) else {
                throw cursor.fault(place, "the type \(number) of its value is none of 0 to 12")
            }
            return type
        }
        let own = try type()
        guard own == .array else {
            return Entry(type: own, count: nil, range: try cursor.values(own, count: 1, place))
        }
        let element = try type()
        guard element != .array else {
            throw cursor.fault(place, "an array of arrays", "no known model has one: check the source")
        }
        let count = try cursor.integer(UInt64.self, place)
        let range = try cursor.values(element, count: count, place)
        return Entry(type: element, count: Int(count), range: range)
    }

    package func has(_ key: String) -> Bool { entries[ExactName(key)] != nil }

    /// False for a key that is not there.
    package func isArray(_ key: String) -> Bool { entries[ExactName(key)]?.count != nil }

    /// The value as it is; nil for a key that is not there.
    package func value(_ key: String) throws -> GGUFValue? {
        guard let entry = entries[ExactName(key)] else { return nil }
        let array = try array(key, entry)
        return entry.count == nil ? array.only : .array(array)
    }

    package func string(_ key: String) throws -> String? {
        try find(key, "a string", isArray: false, Self.isString).flatMap { try strings(key, $0).first }
    }

    package func int(_ key: String) throws -> Int? {
        try find(key, "an integer", isArray: false, Self.isInteger).flatMap { try integers(key, $0).first }
    }

    package func double(_ key: String) throws -> Double? {
        try find(key, "a floating-point number", isArray: false, Self.isFloat).flatMap { doubles($0).first }
    }

    package func bool(_ key: String) throws -> Bool? {
        try find(key, "true or false", isArray: false, Self.isBool).flatMap { try bools(key, $0).first }
    }

    package func strings(_ key: String) throws -> [String]? {
        try find(key, "an array of strings", isArray: true, Self.isString).map { try strings(key, $0) }
    }

    package func ints(_ key: String) throws -> [Int]? {
        try find(key, "an array of integers", isArray: true, Self.isInteger).map { try integers(key, $0) }
    }

    package func doubles(_ key: String) throws -> [Double]? {
        try find(key, "an array of floating-point numbers", isArray: true, Self.isFloat).map(doubles)
    }

    /// An array of f32 alone.
    package func floats(_ key: String) throws -> [Float]? {
        try find(key, "an array of f32", isArray: true) { $0 == .float32 }.map { entry in
            numbers(entry, UInt32.self).map(Float.init(bitPattern:))
        }
    }

    package func bools(_ key: String) throws -> [Bool]? {
        try find(key, "an array of true and false", isArray: true, Self.isBool).map { try bools(key, $0) }
    }

    /// What is wrong with the value of a key, by whoever knows what it means.
    package func fault(_ key: String, _ problem: String, advice: String) -> ModelFileError {
        ModelFileError(file: file.path, place: "key \(quoted(key))", problem: problem, advice: advice)
    }

    // MARK: Decoding

    private static func isString(_ type: GGUFType) -> Bool { type == .string }
    private static func isBool(_ type: GGUFType) -> Bool { type == .bool }
    private static func isFloat(_ type: GGUFType) -> Bool { type == .float32 || type == .float64 }

    private static func isInteger(_ type: GGUFType) -> Bool {
        switch type {
        case .uint8, .int8, .uint16, .int16, .uint32, .int32, .uint64, .int64: true
        case .float32, .float64, .bool, .string, .array: false
        }
    }

    private func find(
        _ key: String, _ wanted: String, isArray: Bool, _ fits: (GGUFType) -> Bool
    ) throws -> Entry? {
        guard let entry = entries[ExactName(key)] else { return nil }
        guard (entry.count != nil) == isArray, fits(entry.type) else {
            throw fault(
                key, "the value is \(entry.summary), not \(wanted)",
                advice: "convert the model anew with llama.cpp's convert_hf_to_gguf.py")
        }
        return entry
    }

    private func numbers<Number: FixedWidthInteger & BitwiseCopyable>(
        _ entry: Entry, _: Number.Type
    ) -> [Number] {
        let size = MemoryLayout<Number>.size
        return (0..<(entry.count ?? 1)).map { index in
            let offset = entry.range.lowerBound + index * size
            return Number(littleEndian: file.bytes.loadUnaligned(fromByteOffset: offset, as: Number.self))
        }
    }

    private func integers(_ key: String, _ entry: Entry) throws -> [Int] {
        switch entry.type {
        case .uint8: numbers(entry, UInt8.self).map(Int.init)
        case .int8: numbers(entry, Int8.self).map(Int.init)
        case .uint16: numbers(entry, UInt16.self).map(Int.init)
        case .int16: numbers(entry, Int16.self).map(Int.init)
        case .uint32: numbers(entry, UInt32.self).map(Int.init)
        case .int32: numbers(entry, Int32.self).map(Int.init)
        case .uint64:
            try numbers(entry, UInt64.self).map { number in
                guard let int = Int(exactly: number) else {
                    throw fault(
                        key, "the integer \(number) is beyond 63 bits", advice: GGUFCursor.rewrite)
                }
                return int
            }
        case .int64: numbers(entry, Int64.self).map(Int.init)
        case .float32, .float64, .bool, .string, .array: preconditionFailure("\(entry.type) is no integer")
        }
    }

    private func doubles(_ entry: Entry) -> [Double] {
        entry.type == .float32
            ? numbers(entry, UInt32.self).map { Double(Float(bitPattern: $0)) }
            : numbers(entry, UInt64.self).map(Double.init(bitPattern:))
    }

    private func bools(_ key: String, _ entry: Entry) throws -> [Bool] {
        try numbers(entry, UInt8.self).map { byte in
            guard byte <= 1 else {
                throw fault(
                    key, "the byte \(byte) stands for neither true nor false", advice: GGUFCursor.rewrite)
            }
            return byte == 1
        }
    }

    private func strings(_ key: String, _ entry: Entry) throws -> [String] {
        var offset = entry.range.lowerBound
        return try (0..<(entry.count ?? 1)).map { index in
            // Every length was checked when the file was opened.
            let length = UInt64(
                littleEndian: file.bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            let start = offset + 8
            offset = start + Int(length)
            guard let text = String(validating: file.bytes[start..<offset], as: UTF8.self) else {
                let which = entry.count.map { "string \(index) of \($0)" } ?? "the string"
                throw fault(key, "\(which) is not valid UTF-8", advice: GGUFCursor.rewrite)
            }
            return text
        }
    }

    private func array(_ key: String, _ entry: Entry) throws -> GGUFArray {
        switch entry.type {
        case .uint8: .uint8(numbers(entry, UInt8.self))
        case .int8: .int8(numbers(entry, Int8.self))
        case .uint16: .uint16(numbers(entry, UInt16.self))
        case .int16: .int16(numbers(entry, Int16.self))
        case .uint32: .uint32(numbers(entry, UInt32.self))
        case .int32: .int32(numbers(entry, Int32.self))
        case .uint64: .uint64(numbers(entry, UInt64.self))
        case .int64: .int64(numbers(entry, Int64.self))
        case .float32: .float32(numbers(entry, UInt32.self).map(Float.init(bitPattern:)))
        case .float64: .float64(numbers(entry, UInt64.self).map(Double.init(bitPattern:)))
        case .bool: .bool(try bools(key, entry))
        case .string: .string(try strings(key, entry))
        case .array: preconditionFailure("arrays of arrays are refused on opening")
        }
    }
}
