import CZlib
import Charts
import Foundation

/// Ranks as a picture, layers from left to right and roles from top to bottom, a square for each matrix.
package struct RankImage {
    package let width: Int
    package let height: Int
    /// Portable Network Graphics, 8-bit RGB
    package let png: Data

    /// - Parameters:
    ///   - ranks: by row and column; nil where the model has no such matrix.
    ///   - largest: the rank of the last color.
    package init(_ ranks: [[Int?]], largest: Int) {
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
        file += chunk("IDAT", compressed(rows))
        file += chunk("IEND", Data())
        return file
    }

    private static func chunk(_ name: String, _ content: Data) -> Data {
        let named = Data(name.utf8) + content
        return bigEndian(UInt32(content.count)) + named
            + bigEndian(UInt32(crc32(0, [UInt8](named), uInt(named.count))))
    }

    private static func compressed(_ bytes: Data) -> Data {
        let bytes = [UInt8](bytes)
        var length = compressBound(uLong(bytes.count))
        var stream = [UInt8](repeating: 0, count: Int(length))
        let status = compress2(&stream, &length, bytes, uLong(bytes.count), Z_BEST_COMPRESSION)
        precondition(status == Z_OK, "zlib has no memory for \(bytes.count) bytes")
        return Data(stream.prefix(Int(length)))
    }

    private static func bigEndian(_ value: UInt32) -> Data {
        withUnsafeBytes(of: value.bigEndian) { Data($0) }
    }
}
