/// A format of image files that is read, told by what a file begins with, never by its name.
package enum ImageFormat: String, Sendable, CaseIterable {
    case jpeg = "JPEG"
    case png = "PNG"
    case webp = "WebP"

    /// nil for anything else.
    package init?(start: [UInt8]) {
        if start.starts(with: [0xFF, 0xD8, 0xFF]) {
            self = .jpeg
        } else if start.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) {
            self = .png
        } else if start.starts(with: "RIFF".utf8), start.dropFirst(8).starts(with: "WEBP".utf8) {
            self = .webp
        } else {
            return nil
        }
    }

    /// Bytes of a file that are enough to tell.
    package static let startLength = 64

    /// The endings by which people know images, for files that are none.
    package static let usualEndings: Set<String> = [
        "jpg", "jpeg", "jpe", "jfif", "png", "webp", "gif", "bmp", "tif", "tiff", "heic", "heif", "avif",
        "jp2",
        "jxl", "ico", "ppm", "pgm", "pbm", "svg", "psd", "tga",
    ]
}

/// What a file is that is no image of ours.
enum ForeignContent {
    /// nil for what nobody knows.
    static func name(start: [UInt8]) -> String? {
        if start.isEmpty { return "an empty file" }
        for (name, offset, mark) in marks where start.dropFirst(offset).starts(with: mark.utf8) {
            return name
        }
        if start.dropFirst(4).starts(with: "ftyp".utf8) {
            let brand = String(decoding: start.dropFirst(8).prefix(4), as: UTF8.self)
            if ["heic", "heix", "hevc", "mif1", "msf1", "heim", "heis"].contains(brand) {
                return "a HEIC image"
            }
            return ["avif", "avis"].contains(brand) ? "an AVIF image" : "a video"
        }
        if start.starts(with: [0x49, 0x49, 0x2A, 0]) || start.starts(with: [0x4D, 0x4D, 0, 0x2A]) {
            return "a TIFF image"
        }
        if start.starts(with: [0, 0, 0, 0x0C, 0x6A, 0x50]) || start.starts(with: [0xFF, 0x4F, 0xFF, 0x51]) {
            return "a JPEG 2000 image"
        }
        if start.starts(with: [0xFF, 0x0A]) || start.starts(with: [0, 0, 0, 0x0C, 0x4A, 0x58]) {
            return "a JPEG XL image"
        }
        if start.starts(with: [0, 0, 1, 0]) { return "an icon" }
        if start.starts(with: [0x1F, 0x8B]) { return "packed by gzip" }
        return nil
    }

    /// Whether it is a picture for people, so that leaving it out would lose one.
    static func isPicture(_ name: String) -> Bool { name.hasSuffix(" image") || name == "an icon" }

    private static let marks: [(name: String, offset: Int, mark: String)] = [
        ("a GIF image", 0, "GIF8"), ("a BMP image", 0, "BM"), ("a Photoshop image", 0, "8BPS"),
        ("a PDF", 0, "%PDF"), ("a ZIP archive", 0, "PK\u{3}\u{4}"), ("an SVG image", 0, "<svg"),
        ("a web page", 0, "<!DOCTYPE html"), ("a web page", 0, "<!doctype html"), ("a web page", 0, "<html"),
        ("an XML file", 0, "<?xml"), ("a pointer to a file of Git LFS", 0, "version https://git-lfs"),
        ("a netpbm image", 0, "P4\n"), ("a netpbm image", 0, "P5\n"), ("a netpbm image", 0, "P6\n"),
        ("a sound", 8, "WAVE"), ("a video", 8, "AVI "),
    ]
}
