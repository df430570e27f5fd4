import CZlib
import Charts
import Foundation
import TensorBoard
import Testing

@Suite struct RankImageTests {
    /// The picture as a reader of PNG finds it: chunks with lengths and sums, and in them rows of pixels.
    private struct Pixels {
        let width: Int
        private let rows: [UInt8]

        init(_ image: RankImage) throws {
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
            #expect(number(16) == image.width && number(20) == image.height)
            #expect(chunks[0].content.dropFirst(8) == [8, 2, 0, 0, 0])
            // The sum that the format's text gives for the chunk without content.
            #expect(number(png.count - 4) == 0xAE42_6082)
            var rows = [UInt8](repeating: 0, count: image.height * (1 + image.width * 3))
            var length = uLong(rows.count)
            let status = uncompress(&rows, &length, chunks[1].content, uLong(chunks[1].content.count))
            try #require(status == Z_OK && Int(length) == rows.count)
            (width, self.rows) = (image.width, rows)
        }

        func color(_ x: Int, _ y: Int) -> RGB {
            let start = y * (1 + width * 3) + 1 + 3 * x
            return RGB(rows[start..<start + 3].reduce(0) { $0 << 8 | UInt32($1) })
        }
    }

    private static let layers = ["0", "1"]
    private static let roles = ["query", "attn-out", "q_proj"]

    /// As in the report: layers below each other, roles beside each other, 0 set apart.
    @Test func cellsHaveTheRanksColors() throws {
        let image = RankImage([[0, 4, nil], [2, 1, 9]], layers: Self.layers, roles: Self.roles, largest: 4)
        let pixels = try Pixels(image)
        // Beside the number in the middle of the cell.
        func cell(_ row: Int, _ column: Int) -> RGB {
            pixels.color(
                RankImage.left(Self.layers) + column * RankImage.cellWidth(Self.roles) + 3,
                RankImage.top + row * RankImage.cellHeight + 3)
        }
        #expect(cell(0, 0) == Palette.light.background)
        #expect(cell(0, 1) == RankImage.color(4, of: 4) && cell(1, 0) == RankImage.color(2, of: 4))
        #expect(cell(1, 1) == RankImage.color(1, of: 4))
        // Beyond the scale there is no darker color.
        #expect(cell(1, 2) == RankImage.color(4, of: 4))
        let weights = (1...4).map { RankImage.color($0, of: 4).luminance }
        #expect(zip(weights, weights.dropFirst()).allSatisfy { $0 > $1 })
    }

    /// The same ranks have the same colors whatever else a picture shows.
    @Test func theScaleIsTheOneGiven() throws {
        let few = RankImage([[1, 2]], layers: ["0"], roles: ["a", "b"], largest: 8)
        let many = RankImage([[1, 8]], layers: ["0"], roles: ["a", "b"], largest: 8)
        let (x, y) = (RankImage.left(["0"]) + 3, RankImage.top + 3)
        #expect(try Pixels(few).color(x, y) == Pixels(many).color(x, y))
        #expect(few.width == many.width && few.height == many.height)
    }

    @Test func namesAndNumbersAreWritten() throws {
        let image = RankImage([[1, 0, 3], [1, 0, 3]], layers: Self.layers, roles: Self.roles, largest: 3)
        let pixels = try Pixels(image)
        func inks(_ x: Range<Int>, _ y: Range<Int>) -> Int {
            y.reduce(0) { sum, y in sum + x.count { pixels.color($0, y) != RGB(0xFFFFFF) } }
        }
        let (left, cell) = (RankImage.left(Self.layers), RankImage.cellWidth(Self.roles))
        for column in 0..<3 { #expect(inks(left + column * cell..<left + (column + 1) * cell, 0..<22) > 40) }
        for row in 0..<2 {
            let y = RankImage.top + row * RankImage.cellHeight
            #expect(inks(0..<left - 4, y..<y + RankImage.cellHeight) > 20)
        }
        // The scale below: its name, 0 and three ranks.
        #expect(inks(0..<left - 4, image.height - 40..<image.height) > 60)
    }

    @Test func largeAndEmptyModelsHavePictures() throws {
        let layers = (0..<80).map { "\($0)" }
        let large = RankImage(
            layers.map { _ in [120, 1, 1000] }, layers: layers, roles: Self.roles, largest: 120)
        _ = try Pixels(large)
        _ = try Pixels(RankImage([], layers: [], roles: [], largest: 0))
    }
}
