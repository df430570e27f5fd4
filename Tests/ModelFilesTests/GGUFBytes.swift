/// GGUF files put together by hand, right or wrong.
enum GGUFBytes {
    static func number(_ value: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }

    static func text(_ text: String) -> [UInt8] { number(UInt64(text.utf8.count)) + text.utf8 }

    /// - Parameter value: what follows the number of the type.
    static func key(_ name: String, _ type: UInt32, _ value: [UInt8]) -> [UInt8] {
        text(name) + number(type) + value
    }

    static func array(_ name: String, of type: UInt32, count: UInt64, _ values: [UInt8]) -> [UInt8] {
        key(name, 9, number(type) + number(count) + values)
    }

    /// - Parameter sizes: fastest dimension first.
    static func tensor(_ name: String, _ sizes: [Int64], type: UInt32 = 0, at offset: UInt64 = 0) -> [UInt8] {
        text(name) + number(UInt32(sizes.count)) + sizes.flatMap { number($0) } + number(type)
            + number(offset)
    }

    /// A file of these keys and tensors, with data behind the padding.
    static func file(
        version: UInt32 = 3, _ keys: [[UInt8]] = [], _ tensors: [[UInt8]] = [], data: Int = 0,
        keyCount: Int64? = nil, tensorCount: Int64? = nil, alignment: Int = 32
    ) -> [UInt8] {
        var bytes = Array("GGUF".utf8) + number(version)
        bytes += number(tensorCount ?? Int64(tensors.count)) + number(keyCount ?? Int64(keys.count))
        bytes += (keys + tensors).joined()
        guard data > 0 else { return bytes }
        bytes += repeatElement(0, count: (alignment - bytes.count % alignment) % alignment)
        return bytes + (0..<data).map { UInt8(truncatingIfNeeded: $0) }
    }
}
