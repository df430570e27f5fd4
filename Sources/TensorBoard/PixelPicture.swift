import CZlib
import Charts
import Foundation

/// A picture of pixels with letters, and its PNG.
struct PixelPicture {
    let width: Int
    let height: Int
    /// Row by row, red, green and blue.
    private var pixels: [UInt8]

    /// White.
    init(width: Int, height: Int) {
        (self.width, self.height) = (width, height)
        pixels = [UInt8](repeating: 255, count: 3 * width * height)
    }

    /// Fills a rectangle; what lies outside the picture is left out.
    mutating func fill(_ x: Int, _ y: Int, _ width: Int, _ height: Int, _ color: RGB) {
        for row in max(y, 0)..<max(min(y + height, self.height), max(y, 0)) {
            for column in max(x, 0)..<max(min(x + width, self.width), max(x, 0)) {
                let at = 3 * (row * self.width + column)
                (pixels[at], pixels[at + 1], pixels[at + 2]) = (color.red, color.green, color.blue)
            }
        }
    }

    /// The width of a text, in pixels.
    static func width(_ text: String) -> Int { max(text.count * 6 - 1, 0) * PixelFont.scale }

    static let letterHeight = 7 * PixelFont.scale

    /// Writes a text with its upper left corner at a place.
    mutating func write(_ text: String, _ x: Int, _ y: Int, _ color: RGB) {
        let scale = PixelFont.scale
        for (index, character) in text.enumerated() {
            for (column, bits) in PixelFont.columns(character).enumerated() {
                for row in 0..<7 where bits >> row & 1 == 1 {
                    fill(x + (6 * index + column) * scale, y + row * scale, scale, scale, color)
                }
            }
        }
    }

    /// Portable Network Graphics, 8-bit RGB
    func png() -> Data {
        var rows = Data()
        for row in 0..<height {
            rows.append(0)  // no filter
            rows += pixels[3 * row * width..<3 * (row + 1) * width]
        }
        var file = Data([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A])
        file += Self.chunk(
            "IHDR", Self.bigEndian(UInt32(width)) + Self.bigEndian(UInt32(height)) + Data([8, 2, 0, 0, 0]))
        file += Self.chunk("IDAT", Self.compressed(rows))
        file += Self.chunk("IEND", Data())
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

/// Letters of 5 by 7 pixels, for names of roles and numbers.
enum PixelFont {
    /// Pixels of the picture to one of a letter, across and down.
    static let scale = 2

    /// Five columns from left to right, the upper row in the lowest bit. Capitals are written small; what has no letter
    /// here is a question mark.
    static func columns(_ character: Character) -> [UInt8] {
        let small = Character(character.lowercased().first.map(String.init) ?? "?")
        return letters[small] ?? [0x02, 0x01, 0x51, 0x09, 0x06]
    }

    private static let letters: [Character: [UInt8]] = [
        " ": [0, 0, 0, 0, 0], "-": [0x08, 0x08, 0x08, 0x08, 0x08], ".": [0x00, 0x60, 0x60, 0x00, 0x00],
        "_": [0x40, 0x40, 0x40, 0x40, 0x40], "/": [0x20, 0x10, 0x08, 0x04, 0x02],
        "0": [0x3E, 0x51, 0x49, 0x45, 0x3E], "1": [0x00, 0x42, 0x7F, 0x40, 0x00],
        "2": [0x42, 0x61, 0x51, 0x49, 0x46], "3": [0x21, 0x41, 0x45, 0x4B, 0x31],
        "4": [0x18, 0x14, 0x12, 0x7F, 0x10], "5": [0x27, 0x45, 0x45, 0x45, 0x39],
        "6": [0x3C, 0x4A, 0x49, 0x49, 0x30], "7": [0x01, 0x71, 0x09, 0x05, 0x03],
        "8": [0x36, 0x49, 0x49, 0x49, 0x36], "9": [0x06, 0x49, 0x49, 0x29, 0x1E],
        "a": [0x20, 0x54, 0x54, 0x54, 0x78], "b": [0x7F, 0x48, 0x44, 0x44, 0x38],
        "c": [0x38, 0x44, 0x44, 0x44, 0x20], "d": [0x38, 0x44, 0x44, 0x48, 0x7F],
        "e": [0x38, 0x54, 0x54, 0x54, 0x18], "f": [0x08, 0x7E, 0x09, 0x01, 0x02],
        "g": [0x0C, 0x52, 0x52, 0x52, 0x3E], "h": [0x7F, 0x08, 0x04, 0x04, 0x78],
        "i": [0x00, 0x44, 0x7D, 0x40, 0x00], "j": [0x20, 0x40, 0x44, 0x3D, 0x00],
        "k": [0x7F, 0x10, 0x28, 0x44, 0x00], "l": [0x00, 0x41, 0x7F, 0x40, 0x00],
        "m": [0x7C, 0x04, 0x18, 0x04, 0x78], "n": [0x7C, 0x08, 0x04, 0x04, 0x78],
        "o": [0x38, 0x44, 0x44, 0x44, 0x38], "p": [0x7C, 0x14, 0x14, 0x14, 0x08],
        "q": [0x08, 0x14, 0x14, 0x18, 0x7C], "r": [0x7C, 0x08, 0x04, 0x04, 0x08],
        "s": [0x48, 0x54, 0x54, 0x54, 0x20], "t": [0x04, 0x3F, 0x44, 0x40, 0x20],
        "u": [0x3C, 0x40, 0x40, 0x20, 0x7C], "v": [0x1C, 0x20, 0x40, 0x20, 0x1C],
        "w": [0x3C, 0x40, 0x30, 0x40, 0x3C], "x": [0x44, 0x28, 0x10, 0x28, 0x44],
        "y": [0x0C, 0x50, 0x50, 0x50, 0x3C], "z": [0x44, 0x64, 0x54, 0x4C, 0x44],
    ]
}
