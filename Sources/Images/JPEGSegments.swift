/// The segments of a JPEG file before its pixels (ITU T.81, B.1.1), as far as they tell the orientation.
enum JPEGSegments {
    /// EXIF that is spread over several segments is one.
    static func metadata(_ bytes: [UInt8]) -> ImageMetadata {
        var metadata = ImageMetadata()
        let exif = Array("Exif\0\0".utf8)
        let xmp = Array("http://ns.adobe.com/xap/1.0/\0".utf8)
        var at = 2
        while at + 1 < bytes.count {
            // Between segments there may be bytes that fill, or that nobody knows.
            guard bytes[at] == 0xFF, bytes[at + 1] != 0xFF, bytes[at + 1] != 0 else {
                at += 1
                continue
            }
            let marker = bytes[at + 1]
            at += 2
            if marker == 0xDA { break }
            if marker == 0x01 || (0xD0...0xD8).contains(marker) { continue }
            guard at + 2 <= bytes.count else { break }
            let length = Int(bytes[at]) << 8 | Int(bytes[at + 1])
            guard length >= 2, at + length <= bytes.count else { break }
            let content = bytes[at + 2..<at + length]
            at += length
            guard marker == 0xE1 else { continue }
            if content.starts(with: exif) {
                metadata.exif = metadata.exif.map { $0 + content.dropFirst(exif.count) } ?? Array(content)
            } else if content.starts(with: xmp) {
                metadata.xmp = Array(content.dropFirst(xmp.count))
            }
        }
        return metadata
    }
}
