import CImageCodecs

/// The libraries that read images, for reports of problems.
package enum ImageLibraries {
    /// Name, version and how the name of its file begins.
    package static var all: [(name: String, version: String, file: String)] {
        [
            ("libjpeg-turbo", text(aic_jpeg_version), "libjpeg."),
            ("libpng", text(aic_png_version), "libpng16."),
            ("libwebp", text(aic_webp_version), "libwebp."),
        ]
    }

    private static func text(_ tell: (UnsafeMutablePointer<CChar>?) -> Void) -> String {
        var text = [CChar](repeating: 0, count: Int(AIC_MESSAGE_LENGTH))
        tell(&text)
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
