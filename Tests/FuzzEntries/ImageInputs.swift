import Images
import ModelFiles

/// Inputs that are images, or say how pixels are made of them.
enum ImageInputs {
    /// Small enough for a fuzzer's memory and time: a few bytes may spell many pixels.
    private static let limits = ImageLimits(pixels: 1 << 18, fileBytes: 1 << 20)

    static func decode(_ bytes: [UInt8]) throws {
        let image = try ImageFile.decode(bytes, name: "image", limits: limits)
        try require(image.height > 0 && image.width > 0, "no pixels")
        try require(image.height * image.width <= limits.pixels, "\(image.height * image.width) pixels")
        let small = image.resized(height: 3, width: 5, .bicubic)
        try require(small.samples.count == 45, "\(small.samples.count) samples")
    }

    private static let image = RGBImage(height: 3, width: 4, samples: (0..<36).map { UInt8(7 * $0) })

    static func preprocess(_ bytes: [UInt8]) throws {
        let json: JSONValue
        do {
            json = try JSONValue.parse(bytes)
        } catch let error as JSONError {
            throw ModelFileError(file: "preprocessor_config.json", problem: error.problem, advice: "check it")
        }
        let preprocessing = try ImagePreprocessing(
            json: json.object ?? JSONObject(), file: "preprocessor_config.json", limits: limits)
        if let size = preprocessing.outputSize, size.height * size.width > limits.pixels { return }
        let pixels = try preprocessing.pixels(image, name: "image")
        try require(pixels.height > 0 && pixels.width > 0, "no pixels")
    }
}
