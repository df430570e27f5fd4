import Charts
import Foundation

/// Ranks as a picture, layers from left to right and roles from top to bottom, a square for each matrix.
struct RankImage {
    let width: Int
    let height: Int
    /// Portable Network Graphics, 8-bit RGB; the pixels stand in it as they are, for such pictures are small.
    let png: Data

    /// - Parameters:
    ///   - ranks: by row and column; nil where the model has no such matrix.
    ///   - largest: the rank of the last color.
    init(_ ranks: [[Int?]], largest: Int) {
        let side = 16
        let columns = ranks.map(\.count).max() ?? 0
        (width, height) = (columns * side, ranks.count * side)
        var rows = Data()
        for row in ranks {
            var line = Data([0])  // no filter
            for column in 0..<columns {
                let pixel = Self.pixel(column < row.count ? row[column] : nil, largest: largest)
                for _ in 0..<side { line += pixel }
            }
            for _ in 0..<side { rows += line }
        }
        png = Self.encoded(rows, width: width, height: height)
    }

    private static func pixel(_ rank: Int?, largest: Int) -> Data {
        guard let rank else { return Data([255, 255, 255]) }
        let color = Palette.color(at: Double(rank) / Double(max(largest, 1)), diverging: false)
        return Data([color.red, color.green, color.blue])
    }

    private static func encoded(_ rows: Data, width: Int, height: Int) -> Data {
        var file = Data([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A])
        file += chunk("IHDR", bigEndian(UInt32(width)) + bigEndian(UInt32(height)) + Data([8, 2, 0, 0, 0]))
        file += chunk("IDAT", stored(rows))
        file += chunk("IEND", Data())
        return file
    }

    private static func chunk(_ name: String, _ content: Data) -> Data {
        let named = Data(name.utf8) + content
        return bigEndian(UInt32(content.count)) + named + bigEndian(CRC.png.sum(named))
    }

    /// A zlib stream of stored blocks (RFC 1950 and 1951).
    private static func stored(_ bytes: Data) -> Data {
        var stream = Data([0x78, 0x01])
        var offset = 0
        repeat {
            let block = bytes.dropFirst(offset).prefix(65_535)
            offset += block.count
            let length = UInt16(block.count)
            stream.append(offset == bytes.count ? 1 : 0)
            for value in [length, ~length] {
                stream += Data([UInt8(truncatingIfNeeded: value), UInt8(truncatingIfNeeded: value >> 8)])
            }
            stream += block
        } while offset < bytes.count
        // Adler-32
        var (a, b): (UInt32, UInt32) = (1, 0)
        for byte in bytes {
            a = (a + UInt32(byte)) % 65_521
            b = (b + a) % 65_521
        }
        return stream + bigEndian(b << 16 | a)
    }

    private static func bigEndian(_ value: UInt32) -> Data {
        withUnsafeBytes(of: value.bigEndian) { Data($0) }
    }
}
