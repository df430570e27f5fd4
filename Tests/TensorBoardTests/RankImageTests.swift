import CZlib
import Charts
import Foundation
import TensorBoard
import Testing

@Suite struct RankImageTests {
    /// The picture as a reader of PNG finds it: chunks with lengths and sums, and in them rows of pixels.
    @Test func pixelsAreTheRanksColors() throws {
        let image = RankImage([[0, 4, nil], [2, 1, 3]], largest: 4)
        #expect(image.width == 48 && image.height == 32)
        let png = [UInt8](image.png)
        #expect(png.prefix(8) == [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A])
        func number(_ offset: Int) -> Int { png[offset..<offset + 4].reduce(0) { $0 << 8 | Int($1) } }
        var chunks: [(name: String, content: [UInt8])] = []
        var offset = 8
        while offset < png.count {
            let length = number(offset)
            let named = Array(png[offset + 4..<offset + 8 + length])
            #expect(Int(crc32(0, named, uInt(named.count))) == number(offset + 8 + length))
            chunks.append((String(decoding: named.prefix(4), as: UTF8.self), Array(named.dropFirst(4))))
            offset += 12 + length
        }
        #expect(chunks.map(\.name) == ["IHDR", "IDAT", "IEND"])
        #expect(chunks[0].content == [0, 0, 0, 48, 0, 0, 0, 32, 8, 2, 0, 0, 0])
        // The sum that the format's text gives for the chunk without content.
        #expect(number(png.count - 4) == 0xAE42_6082)

        var rows = [UInt8](repeating: 0, count: 32 * (1 + 48 * 3))
        var length = uLong(rows.count)
        let status = uncompress(&rows, &length, chunks[1].content, uLong(chunks[1].content.count))
        try #require(status == Z_OK && Int(length) == rows.count)
        func pixel(_ x: Int, _ y: Int) -> [UInt8] {
            let start = y * (1 + 48 * 3) + 1 + 3 * x
            return Array(rows[start..<start + 3])
        }
        func color(_ share: Double) -> [UInt8] {
            let color = Palette.color(at: share, diverging: false)
            return [color.red, color.green, color.blue]
        }
        #expect(pixel(0, 0) == color(0) && pixel(31, 15) == color(1) && pixel(47, 0) == [255, 255, 255])
        #expect(pixel(0, 31) == color(0.5) && pixel(16, 16) == color(0.25) && pixel(47, 31) == color(0.75))
    }
}
