import CImageCodecs
import Foundation
import Messages
import ModelFiles

/// Image files to pixels, as transformers' `load_image` reads them: upright by their EXIF data, as red, green and blue. Equal to
/// PIL's `exif_transpose` and `convert("RGB")` to the bit: what is transparent keeps the colour that is stored beneath, grey is
/// three times itself, CMYK is taken for inverted. Colour profiles and gamma are not looked at.
///
/// Refused by name: animations, of which nobody knows which frame is meant; grey of 16 bits, of which PIL makes white where
/// it is above 255; whatever is damaged or cut off, of which PIL shows half.
package enum ImageFile {
    /// - Parameter whitens: whether the one colour that a PNG calls transparent, where it does, becomes white.
    /// - Throws: `ImageError`.
    package static func read(
        _ url: URL, limits: ImageLimits = ImageLimits(), whitens: Bool = false
    ) throws -> RGBImage {
        try decode(try bytes(url, limits), name: url.relativePath, limits: limits, whitens: whitens)
    }

    /// What a file is, without its pixels.
    ///
    /// - Throws: `ImageError` for what `read` refuses before it decodes any.
    package static func header(_ url: URL, limits: ImageLimits = ImageLimits()) throws -> ImageHeader {
        try ImageHeader(try bytes(url, limits), name: url.relativePath, limits)
    }

    /// The format by the first bytes of a file, of which no more is read.
    ///
    /// - Throws: `ImageError` where there is none, or nobody may read it, or it is something else.
    package static func format(_ url: URL) throws -> ImageFormat {
        try format(start: try start(url), name: url.relativePath)
    }

    /// The first bytes, enough to tell what a file is.
    package static func start(_ url: URL) throws -> [UInt8] {
        try located(url.relativePath) { try FileBytes.start(url, count: ImageFormat.startLength) }
    }

    /// Reads from memory; `name` stands for the file in messages.
    package static func decode(
        _ bytes: [UInt8], name: String, limits: ImageLimits = ImageLimits(), whitens: Bool = false
    ) throws -> RGBImage {
        let header = try ImageHeader(bytes, name: name, limits)
        let image = header.orientation.upright(try pixels(bytes, header, name: name))
        return whitens ? header.transparentColor.map(image.whitened) ?? image : image
    }

    private static func pixels(_ bytes: [UInt8], _ header: ImageHeader, name: String) throws -> RGBImage {
        let count = 3 * header.storedHeight * header.storedWidth
        var failure: CodecFailure?
        let samples = [UInt8](unsafeUninitializedCapacity: count) { target, filled in
            failure = CodecFailure { message in
                bytes.withUnsafeBufferPointer {
                    header.format.decode($0.baseAddress, $0.count, target.baseAddress, count, message)
                }
            }
            filled = failure == nil ? count : 0
        }
        if let failure { throw failure.error(header.format, name: name) }
        return RGBImage(height: header.storedHeight, width: header.storedWidth, samples: samples)
    }

    private static func bytes(_ url: URL, _ limits: ImageLimits) throws -> [UInt8] {
        try located(url.relativePath) { try FileBytes.read(url, byteLimit: limits.fileBytes) }
    }

    /// What cannot be read at all.
    private static func located<Value>(_ name: String, _ body: () throws -> Value) throws -> Value {
        do {
            return try body()
        } catch let error as ModelFileError {
            let kind: ImageError.Kind =
                switch error.kind {
                case .missing: .missing
                case .invalid: .invalid
                default: .unreadable
                }
            throw ImageError(kind: kind, file: name, problem: error.problem, advice: error.advice)
        }
    }

    static func format(start: [UInt8], name: String) throws -> ImageFormat {
        if let format = ImageFormat(start: start) { return format }
        let advice: String
        let what = ForeignContent.name(start: start)
        switch what {
        case "an empty file"?: advice = "write or download it again, or leave it out"
        case "a pointer to a file of Git LFS"?: advice = "fetch the file itself with git lfs pull"
        case let what? where ForeignContent.isPicture(what): advice = "convert it to PNG, JPEG or WebP"
        default: advice = "give a JPEG, PNG or WebP image"
        }
        throw ImageError(
            file: name, problem: "this is \(what ?? "no image that can be read")", advice: advice,
            isOfPicture: what.map(ForeignContent.isPicture) ?? false)
    }
}
