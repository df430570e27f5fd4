/// What a file says beside its pixels: which way is up, what is transparent.
struct ImageMetadata {
    /// As TIFF, with or without `Exif\0\0` before it.
    var exif: [UInt8]?
    /// As XML
    var xmp: [UInt8]?
    /// Red, green and blue
    var transparentColor: [UInt8]?

    /// By EXIF, or where that has no such tag by XMP: as PIL finds it, also where several types of numbers could stand for it.
    ///
    /// - Throws: `BrokenMetadata` for EXIF of which PIL can make nothing: whoever ignored that would turn some pictures and
    ///   not others.
    func orientation() throws -> Orientation {
        if let exif, let value = try ExifDirectory(exif)?.orientation {
            guard let value = value.number, let whole = Int(exactly: value) else { return .upright }
            return Orientation(rawValue: whole) ?? .upright
        }
        return xmp.flatMap(Self.orientation(xmp:)) ?? .upright
    }

    /// `tiff:Orientation="6"` or `<tiff:Orientation>6<`, the first of them.
    private static func orientation(xmp: [UInt8]) -> Orientation? {
        let name = Array("tiff:Orientation".utf8)
        var at = 0
        while at + name.count < xmp.count {
            guard xmp[at] == name[0], xmp[at...].starts(with: name) else {
                at += 1
                continue
            }
            at += name.count
            let rest = xmp[at...]
            let digit =
                rest.starts(with: "=\"".utf8)
                ? rest.dropFirst(2).first : rest.first == 0x3E ? rest.dropFirst().first : nil
            if let digit, (0x30...0x39).contains(digit) { return Orientation(rawValue: Int(digit) - 0x30) }
        }
        return nil
    }
}

/// Why what stands beside the pixels cannot be read.
struct BrokenMetadata: Error { let problem: String }

/// The first directory of EXIF data (TIFF 6.0), as far as it tells the orientation.
///
/// Read as PIL does, which leaves out tags that it cannot read and stops at the end of the data.
struct ExifDirectory {
    /// A number, or something else that a tag should not hold.
    struct Value: Equatable { let number: Double? }

    /// nil without the tag.
    private(set) var orientation: Value?
    private let bytes: [UInt8]
    private let isBigEndian: Bool

    private static let marks: [[UInt8]] = [
        [0x4D, 0x4D, 0, 0x2A], [0x49, 0x49, 0x2A, 0], [0x4D, 0x4D, 0x2A, 0], [0x49, 0x49, 0, 0x2A],
        [0x4D, 0x4D, 0, 0x2B],
    ]
    private static let tag = 274

    /// nil for no data at all.
    ///
    /// - Throws: `BrokenMetadata` where they do not begin as TIFF does.
    init?(_ data: [UInt8]) throws {
        let prefix = Array("Exif\0\0".utf8)
        var bytes = data[...]
        for _ in 0..<2 where bytes.starts(with: prefix) { bytes = bytes.dropFirst(prefix.count) }
        guard !bytes.isEmpty else { return nil }
        guard bytes.count >= 8, Self.marks.contains(where: bytes.starts) else {
            throw BrokenMetadata(
                problem: "the EXIF data do not begin as TIFF does, and they may say which way is up")
        }
        self.bytes = Array(bytes)
        isBigEndian = bytes.first == 0x4D
        orientation = Self.find(self)
    }

    /// `count` bytes as an unsigned number; nil beyond the end.
    private func number(at offset: Int, _ count: Int) -> UInt64? {
        guard offset >= 0, offset <= bytes.count - count else { return nil }
        let own = bytes[offset..<offset + count]
        return (isBigEndian ? Array(own) : own.reversed()).reduce(0) { $0 << 8 | UInt64($1) }
    }

    private static func find(_ data: ExifDirectory) -> Value? {
        guard let start = data.number(at: 4, 4).map({ Int($0) }), let count = data.number(at: start, 2) else {
            return nil
        }
        var outside = 0
        for entry in 0..<Int(count) {
            let at = start + 2 + 12 * entry
            guard let tag = data.number(at: at, 2), let type = data.number(at: at + 2, 2).map({ Int($0) }),
                let values = data.number(at: at + 4, 4).map({ Int($0) }), data.number(at: at + 8, 4) != nil
            else { return nil }
            guard let unit = units[type] else { continue }
            let size = values * unit
            var place = at + 8
            if size > 4 {
                outside += size
                if outside > data.bytes.count { continue }
                place = Int(data.number(at: at + 8, 4) ?? 0)
                guard place <= data.bytes.count - size else { return nil }
            }
            if tag == Self.tag, size > 0 { return Value(number: data.value(type, at: place)) }
        }
        return nil
    }

    /// Bytes of a value of each of TIFF's types.
    private static let units = [
        1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8,
    ]

    /// The first value; nil for texts and bytes.
    private func value(_ type: Int, at place: Int) -> Double? {
        func bits(_ count: Int, from offset: Int = 0) -> UInt64 { number(at: place + offset, count) ?? 0 }
        return switch type {
        case 3: Double(bits(2))
        case 4, 13: Double(bits(4))
        case 16: Double(bits(8))
        case 5: Double(bits(4)) / Double(bits(4, from: 4))
        case 6: Double(Int8(truncatingIfNeeded: bits(1)))
        case 8: Double(Int16(truncatingIfNeeded: bits(2)))
        case 9: Double(Int32(truncatingIfNeeded: bits(4)))
        case 10:
            Double(Int32(truncatingIfNeeded: bits(4))) / Double(Int32(truncatingIfNeeded: bits(4, from: 4)))
        case 11: Double(Float(bitPattern: UInt32(bits(4))))
        case 12: Double(bitPattern: bits(8))
        default: nil
        }
    }
}
