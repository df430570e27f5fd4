/// An image as a model reads it: values [C, H, W], channel after channel, rows from the top, after resizing, cropping, rescaling and normalising.
package struct PixelImage: Sendable, Equatable {
    package let channels: Int
    package let height: Int
    package let width: Int
    package let values: [Float]

    package init(channels: Int, height: Int, width: Int, values: [Float]) {
        precondition(
            values.count == channels * height * width,
            "\(values.count) values for [\(channels), \(height), \(width)]")
        self.channels = channels
        self.height = height
        self.width = width
        self.values = values
    }
}
