import CImageCodecs
import Messages

/// What an image file is, checked before anything is decoded.
package struct ImageHeader: Sendable {
    package let format: ImageFormat
    package let orientation: Orientation
    /// Of the pixels as they are stored, before they are turned upright.
    let storedHeight: Int
    let storedWidth: Int
    /// The one colour that is transparent; nil where there is none.
    let transparentColor: [UInt8]?

    /// Of the upright image.
    package var height: Int { orientation.swapsSides ? storedWidth : storedHeight }
    package var width: Int { orientation.swapsSides ? storedHeight : storedWidth }

    /// - Throws: `ImageError` for what is no image, damaged before its pixels, too large, or of a kind that is not read.
    init(_ bytes: [UInt8], name: String, _ limits: ImageLimits) throws {
        let format = try ImageFile.format(start: Array(bytes.prefix(ImageFormat.startLength)), name: name)
        var header = aic_header()
        let failure = CodecFailure { message in
            bytes.withUnsafeBufferPointer { format.header($0.baseAddress, $0.count, &header, message) }
        }
        if let failure { throw failure.error(format, name: name) }
        (storedHeight, storedWidth) = (Int(header.height), Int(header.width))
        self.format = format
        try Self.check(header, format, name: name, limits)
        do {
            let metadata = try Self.metadata(bytes, format, name: name)
            orientation = try metadata.orientation()
            transparentColor = metadata.transparentColor
        } catch let error as BrokenMetadata {
            throw ImageError(
                file: name, problem: error.problem, advice: "save the picture again, or without such data")
        }
    }

    private static func check(
        _ header: aic_header, _ format: ImageFormat, name: String, _ limits: ImageLimits
    ) throws {
        let (height, width) = (Int(header.height), Int(header.width))
        guard height > 0, width > 0 else {
            throw ImageError(
                file: name, problem: "the image has \(width) × \(height) pixels",
                advice: "save it again, or leave it out")
        }
        guard height <= limits.pixels / width else {
            throw ImageError(
                file: name,
                problem: "the image has \(width) × \(height) pixels, the limit is \(limits.pixels) in all",
                advice: "make it smaller, or check that it is the right file")
        }
        if header.is_animated != 0 { throw animated(format, name: name) }
        guard format != .png || header.depth != 16 || header.channels != 1 else {
            throw ImageError(
                file: name,
                problem:
                    "the image is grey of 16 bits, of which transformers makes white wherever it is above 255",
                advice: "save it with 8 bits a sample")
        }
    }

    private static func animated(_ format: ImageFormat, name: String) -> ImageError {
        ImageError(
            file: name,
            problem: "this is an animated \(format.rawValue), and nobody knows which of its frames is meant",
            advice: "save that frame as an image of its own")
    }

    private static func metadata(_ bytes: [UInt8], _ format: ImageFormat, name: String) throws
        -> ImageMetadata
    {
        switch format {
        case .jpeg: return JPEGSegments.metadata(bytes)
        case .webp: return WebPChunks.metadata(bytes)
        case .png:
            let chunks = try PNGChunks(bytes)
            if chunks.frames != nil { throw animated(format, name: name) }
            var metadata = chunks.metadata
            metadata.transparentColor = chunks.transparentColor
            return metadata
        }
    }
}
