import CZlib

/// The chunks of a PNG file (W3C PNG 3, 5.3) beside its pixels: what tells the orientation, what is transparent, and whether it is
/// animated.
struct PNGChunks {
    private(set) var metadata = ImageMetadata()
    /// Frames of an animation; nil for a picture.
    private(set) var frames: Int?
    /// Bits of a sample, and the kind of colours, as the header has them.
    private let depth: UInt8
    private let color: UInt8
    private var palette: [UInt8] = []
    private var transparency: [UInt8] = []
    /// EXIF as ImageMagick once wrote it.
    private var profile: [UInt8]?

    /// Packed texts of more bytes are not looked at; PIL refuses them.
    private static let longestText = 1 << 20
    private static let xmpKey = Array("XML:com.adobe.xmp".utf8)
    private static let profileKey = Array("Raw profile type exif".utf8)

    /// - Throws: `BrokenMetadata` for a chunk that is not what was written: its checksum is wrong.
    init(_ bytes: [UInt8]) throws {
        (depth, color) = bytes.count > 25 ? (bytes[24], bytes[25]) : (0, 0)
        var at = 8
        while at + 12 <= bytes.count {
            let length = Self.number(bytes[at..<at + 4])
            guard length <= bytes.count - at - 12 else { break }
            let name = String(decoding: bytes[at + 4..<at + 8], as: UTF8.self)
            let content = bytes[at + 8..<at + 8 + length]
            let next = at + 12 + length
            if ["eXIf", "tEXt", "zTXt", "iTXt", "acTL", "PLTE", "tRNS"].contains(name) {
                guard Self.checksum(bytes[at + 4..<at + 8 + length]) == Self.number(bytes[next - 4..<next])
                else {
                    throw BrokenMetadata(problem: "the chunk '\(name)' is damaged: its checksum is wrong")
                }
                try read(name, content)
            }
            if name == "IEND" { break }
            at = next
        }
        if metadata.exif == nil, let profile { metadata.exif = try Self.decoded(profile) }
    }

    /// The one colour that is transparent while all others are not, as PIL finds it: also where it compares 8 bits of samples that
    /// have more or fewer. nil where there is none.
    var transparentColor: [UInt8]? {
        switch color {
        case 0 where transparency.count >= 2:
            let grey = min(Self.number(transparency[..<2]), 255)
            if depth == 1 { return grey == 0 ? [0, 0, 0] : nil }
            return [UInt8](repeating: UInt8(grey), count: 3)
        case 2 where transparency.count >= 6: return [1, 3, 5].map { transparency[$0] }
        case 3:
            let clear = transparency.indices.filter { transparency[$0] != 255 }
            guard clear.count == 1, transparency[clear[0]] == 0, 3 * clear[0] + 3 <= palette.count else {
                return nil
            }
            return Array(palette[3 * clear[0]..<3 * clear[0] + 3])
        default: return nil
        }
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> Int { bytes.reduce(0) { $0 << 8 | Int($1) } }

    private static func checksum(_ bytes: ArraySlice<UInt8>) -> Int {
        bytes.withUnsafeBufferPointer { Int(crc32(0, $0.baseAddress, UInt32($0.count))) }
    }

    private mutating func read(_ name: String, _ content: ArraySlice<UInt8>) throws {
        switch name {
        case "eXIf": metadata.exif = Array(content)
        case "PLTE": palette = Array(content)
        case "tRNS": transparency = Array(content)
        case "acTL": frames = Self.number(content.prefix(4))
        default:
            guard let end = content.firstIndex(of: 0) else { return }
            let key = content[..<end]
            guard key.elementsEqual(Self.xmpKey) || key.elementsEqual(Self.profileKey),
                let text = try Self.text(name, content[(end + 1)...])
            else { return }
            if key.elementsEqual(Self.xmpKey) { metadata.xmp = text } else { profile = text }
        }
    }

    /// What follows the key, unpacked. nil for what is no text.
    private static func text(_ name: String, _ rest: ArraySlice<UInt8>) throws -> [UInt8]? {
        switch name {
        case "zTXt": return rest.first == 0 ? try unpacked(rest.dropFirst()) : nil
        case "iTXt":
            // Whether it is packed and how, language, key in that language: the last two end with 0.
            guard rest.count >= 2, let isPacked = rest.first else { return nil }
            var text = rest.dropFirst(2)
            for _ in 0..<2 {
                guard let end = text.firstIndex(of: 0) else { return nil }
                text = text[(end + 1)...]
            }
            return isPacked == 0 ? Array(text) : try unpacked(text)
        default: return Array(rest)
        }
    }

    private static func unpacked(_ packed: ArraySlice<UInt8>) throws -> [UInt8]? {
        var status = Z_OK
        let text = [UInt8](unsafeUninitializedCapacity: longestText) { target, count in
            var length = UInt(longestText)
            status = packed.withUnsafeBufferPointer {
                uncompress(target.baseAddress, &length, $0.baseAddress, UInt($0.count))
            }
            count = status == Z_OK ? Int(length) : 0
        }
        if status == Z_BUF_ERROR {
            throw BrokenMetadata(
                problem:
                    "a packed text is cut off, or of more than \(longestText) bytes, and it may say which way is up"
            )
        }
        return status == Z_OK ? text : nil
    }

    /// `\nexif\n      38\n4578…`: the name, how many bytes, and those in hexadecimal digits.
    private static func decoded(_ profile: [UInt8]) throws -> [UInt8] {
        let lines = profile.split(separator: 0x0A, omittingEmptySubsequences: false)
        let digits = lines.dropFirst(3).joined().filter { ![0x20, 0x09, 0x0D].contains($0) }
        let values = digits.compactMap { Character(UnicodeScalar($0)).hexDigitValue }
        guard values.count == digits.count, values.count % 2 == 0, digits.allSatisfy({ $0 < 0x80 }) else {
            throw BrokenMetadata(
                problem: "the EXIF data are no hexadecimal digits, and they may say which way is up")
        }
        return stride(from: 0, to: values.count, by: 2).map { UInt8(values[$0] << 4 | values[$0 + 1]) }
    }
}
