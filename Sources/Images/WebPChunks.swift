/// The chunks of a WebP file (RFC 9649, 2.3), as far as they tell the orientation.
enum WebPChunks {
    /// Chunks that the header does not announce are none, as for libwebp.
    static func metadata(_ bytes: [UInt8]) -> ImageMetadata {
        var metadata = ImageMetadata()
        var flags: UInt8 = 0
        var at = 12
        while at + 8 <= bytes.count {
            let name = String(decoding: bytes[at..<at + 4], as: UTF8.self)
            let length = (0..<4).reduce(0) { $0 | Int(bytes[at + 4 + $1]) << (8 * $1) }
            let start = at + 8
            guard length <= bytes.count - start else { break }
            let content = bytes[start..<start + length]
            switch name {
            case "VP8X": flags = content.first ?? 0
            case "EXIF" where flags & 0x08 != 0 && metadata.exif == nil: metadata.exif = Array(content)
            case "XMP " where flags & 0x04 != 0 && metadata.xmp == nil: metadata.xmp = Array(content)
            default: break
            }
            at = start + length + length % 2
        }
        return metadata
    }
}
