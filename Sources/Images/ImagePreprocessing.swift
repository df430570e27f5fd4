import Foundation
import ModelFiles

/// Files to pixels as a model's `preprocessor_config.json` says, or the member `image_processor` of the `processor_config.json`
/// that transformers 5 writes: resizing, cropping the middle, rescaling and normalising, in this order.
///
/// transformers has two backends. Its PIL backend's samples of 8 bits after resizing and cropping are met to the bit, and so are
/// its float32 values after it. The torchvision backend, which it prefers where torchvision is installed, resizes with an
/// arithmetic of its own: it is met within 1 of 255 a sample. It also pads what is smaller than a crop one pixel further down and
/// right where the border is odd.
///
/// An image comes here as `ImageFile` reads it, as transformers' `load_image` does: always with three channels, without alpha.
/// `do_convert_rgb` is left with the one colour that some PNGs call transparent, which it makes white.
package struct ImagePreprocessing: Sendable {
    /// As it stands in an exported folder's `preprocessor_config.json`.
    package let asWritten: JSONObject
    package let limits: ImageLimits
    /// Whether the one colour that a PNG calls transparent becomes white.
    let whitens: Bool
    let size: ProcessorSize?
    let filter: ResampleFilter
    let cropSize: (height: Int, width: Int)?
    /// The value of each sample, of red, green and blue: [3][256]
    let values: [[Float]]

    /// Of every image; nil where it depends on the image.
    package var outputSize: (height: Int, width: Int)? { cropSize ?? size?.fixed }

    /// Of the values of an image.
    package static let channels = 3

    /// How far the values of two samples next to each other are apart, of red, green and blue.
    package var sampleStep: [Float] { values.map { abs($0[1] - $0[0]) } }

    /// Reads what a model folder says.
    ///
    /// - Throws: `ModelFileError` where it says nothing, or something that is not done here.
    package init(folder: URL) throws {
        let (json, file) = try Self.read(folder)
        try self.init(json: json, file: file.path, modelType: Self.modelType(folder))
    }

    /// - Parameters:
    ///   - file: stands for it in messages.
    ///   - modelType: of the model's `config.json`, for a file that names no class.
    /// - Throws: `ModelFileError`, as above.
    package init(
        json: JSONObject, file: String, modelType: String? = nil, limits: ImageLimits = ImageLimits()
    ) throws {
        let fields = ProcessorFields(json: json, file: file)
        let kind = try fields.kind(modelType: modelType)
        try fields.checkKeys()
        asWritten = json
        self.limits = limits
        whitens = try fields.bool("do_convert_rgb", kind.convertsTransparency)
        size = try fields.bool("do_resize", true) ? try fields.size(kind) : nil
        filter = try fields.filter(kind)
        cropSize = try fields.bool("do_center_crop", kind.cropsMiddle) ? try fields.cropSize(kind) : nil
        values = try fields.values(kind)
    }

    /// The values of an image file, [3, H, W].
    ///
    /// - Parameter augmentation: nil as in evaluation.
    /// - Throws: `ImageError`.
    package func pixels(_ file: URL, augmentation: Augmentation? = nil) throws -> PixelImage {
        let image = try ImageFile.read(file, limits: limits, whitens: whitens)
        return try pixels(image, augmentation: augmentation, name: file.relativePath)
    }

    /// The same of an image that was read already; `name` stands for it in messages.
    package func pixels(_ image: RGBImage, augmentation: Augmentation? = nil, name: String) throws
        -> PixelImage
    {
        let sized: RGBImage
        if let crop = augmentation?.crop {
            let cut = image.cropped(to: crop.rectangle(height: image.height, width: image.width))
            // As torchvision: what is cut out becomes the whole, whatever its proportion. Where images have sizes of their
            // own, so has this one.
            sized =
                try outputSize.map { cut.resized(height: $0.height, width: $0.width, filter) }
                ?? resized(cut, name)
        } else {
            sized = try resized(image, name)
        }
        return values(of: augmentation?.isMirrored == true ? sized.mirrored() : sized)
    }

    /// Resized and cropped, samples of 8 bits.
    func resized(_ image: RGBImage, _ name: String) throws -> RGBImage {
        var image = image
        if let size {
            let (height, width) = size.size(height: image.height, width: image.width)
            guard height > 0, width > 0, height <= limits.pixels / width else {
                throw ImageError(
                    file: name,
                    problem:
                        "resized as the model reads images its \(image.width) × \(image.height) pixels become \(width) × \(height)",
                    advice: "cut the image to a usual proportion, or leave it out")
            }
            image = image.resized(height: height, width: width, filter)
        }
        return cropSize.map { image.centerCropped(height: $0.height, width: $0.width) } ?? image
    }

    private func values(of image: RGBImage) -> PixelImage {
        let area = image.height * image.width
        let made = [Float](unsafeUninitializedCapacity: Self.channels * area) { target, count in
            image.samples.withUnsafeBufferPointer { samples in
                for channel in 0..<Self.channels {
                    values[channel].withUnsafeBufferPointer { values in
                        for pixel in 0..<area {
                            target[channel * area + pixel] = values[Int(samples[3 * pixel + channel])]
                        }
                    }
                }
            }
            count = Self.channels * area
        }
        return PixelImage(channels: Self.channels, height: image.height, width: image.width, values: made)
    }
}
