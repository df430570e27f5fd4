import Foundation

/// The records of an event file, as TensorFlow's `TFRecord` format has them: for each, its length (8 bytes, little
/// endian), the masked CRC-32C of these, the bytes, and the masked CRC-32C of the bytes.
package enum EventRecords {
    package static func framed(_ bytes: Data) -> Data {
        let length = littleEndian(UInt64(bytes.count))
        return length + littleEndian(masked(length)) + bytes + littleEndian(masked(bytes))
    }

    /// Payloads in order, each with the offset of its record, up to the end or the first record that is torn.
    package static func read(_ file: Data) -> [(offset: Int, bytes: Data)] {
        var records: [(offset: Int, bytes: Data)] = []
        var offset = 0
        while offset + 12 <= file.count {
            let head = file.dropFirst(offset).prefix(12)
            let length = integer(head.prefix(8))
            guard UInt64(masked(head.prefix(8))) == integer(head.suffix(4)),
                length <= UInt64(file.count - offset - 12), file.count - offset - 12 - Int(length) >= 4
            else { break }
            let bytes = file.dropFirst(offset + 12).prefix(Int(length))
            let sum = file.dropFirst(offset + 12 + Int(length)).prefix(4)
            guard UInt64(masked(bytes)) == integer(sum) else { break }
            records.append((offset, Data(bytes)))
            offset += 16 + Int(length)
        }
        return records
    }

    /// Rotated and moved, so that the sum of a record that holds sums is not a sum of sums.
    private static func masked(_ bytes: Data) -> UInt32 {
        let sum = crc32c(bytes)
        return (sum >> 15 | sum << 17) &+ 0xA282_EAD8
    }

    /// CRC-32C (Castagnoli), reflected polynomial 82F63B78; zlib has another one.
    package static func crc32c(_ bytes: Data) -> UInt32 {
        var sum = UInt32.max
        for byte in bytes { sum = sum >> 8 ^ castagnoli[Int(UInt8(truncatingIfNeeded: sum) ^ byte)] }
        return ~sum
    }

    /// What each byte does to the sum.
    private static let castagnoli: [UInt32] = (0..<256).map { byte in
        (0..<8).reduce(UInt32(byte)) { value, _ in value >> 1 ^ (value & 1 == 1 ? 0x82F6_3B78 : 0) }
    }

    private static func littleEndian(_ value: some FixedWidthInteger) -> Data {
        withUnsafeBytes(of: value.littleEndian) { Data($0) }
    }

    private static func integer(_ bytes: Data) -> UInt64 {
        bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}
