import Foundation

/// A small picture as a PNG whose data is not compressed, for tests that need many.
struct PNGImage {
    let width: Int
    let height: Int
    /// Red, green and blue of each pixel, rows from the top
    let samples: [UInt8]

    init(width: Int, height: Int, _ pixel: (_ x: Int, _ y: Int) -> (UInt8, UInt8, UInt8)) {
        (self.width, self.height) = (width, height)
        samples = (0..<height).flatMap { y in
            (0..<width).flatMap { x in
                let (red, green, blue) = pixel(x, y)
                return [red, green, blue]
            }
        }
    }

    var data: Data {
        let header: [UInt8] =
            Self.bigEndian(UInt32(width)) + Self.bigEndian(UInt32(height)) + [8, 2, 0, 0, 0]
        var rows: [UInt8] = []
        for row in 0..<height {
            rows.append(0)
            rows += samples[row * width * 3..<(row + 1) * width * 3]
        }
        var file = Data([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A] as [UInt8])
        file.append(contentsOf: Self.chunk("IHDR", header))
        file.append(contentsOf: Self.chunk("IDAT", Self.stored(rows)))
        file.append(contentsOf: Self.chunk("IEND", []))
        return file
    }

    /// One block of deflate that holds bytes as they are, in zlib's frame.
    private static func stored(_ bytes: [UInt8]) -> [UInt8] {
        precondition(bytes.count < 65_536, "one block holds no \(bytes.count) bytes")
        let count = UInt16(bytes.count)
        func little(_ value: UInt16) -> [UInt8] { [UInt8(value & 0xFF), UInt8(value >> 8)] }
        var (a, b): (UInt32, UInt32) = (1, 0)
        for byte in bytes {
            a = (a + UInt32(byte)) % 65_521
            b = (b + a) % 65_521
        }
        var block: [UInt8] = [0x78, 0x01, 0x01]
        block += little(count)
        block += little(~count)
        block += bytes
        block += bigEndian(b << 16 | a)
        return block
    }

    static func chunk(_ name: String, _ bytes: [UInt8]) -> [UInt8] {
        let body: [UInt8] = Array(name.utf8) + bytes
        var chunk = bigEndian(UInt32(bytes.count))
        chunk += body
        chunk += bigEndian(checksum(body))
        return chunk
    }

    /// CRC-32
    private static func checksum(_ bytes: [UInt8]) -> UInt32 {
        var sum = UInt32.max
        for byte in bytes {
            sum ^= UInt32(byte)
            for _ in 0..<8 { sum = sum & 1 == 1 ? (sum >> 1) ^ 0xEDB8_8320 : sum >> 1 }
        }
        return ~sum
    }

    static func bigEndian(_ value: UInt32) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(value >> $0 & 0xFF) }
    }
}
