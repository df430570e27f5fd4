/// Pixels as they are stored in a picture: samples [H, W, 3] of red, green and blue from 0 to 255, rows from the top.
package struct RGBImage: Sendable, Equatable {
    package let height: Int
    package let width: Int
    package let samples: [UInt8]

    package init(height: Int, width: Int, samples: [UInt8]) {
        precondition(
            samples.count == 3 * height * width, "\(samples.count) samples for [\(height), \(width), 3]")
        self.height = height
        self.width = width
        self.samples = samples
    }

    /// The pixel at each place is that of the place which `source` tells: row and column of the result to those here.
    func rearranged(height: Int, width: Int, source: (_ y: Int, _ x: Int) -> (y: Int, x: Int)) -> RGBImage {
        let samples = [UInt8](unsafeUninitializedCapacity: 3 * height * width) { target, count in
            self.samples.withUnsafeBufferPointer { own in
                var at = 0
                for y in 0..<height {
                    for x in 0..<width {
                        let (row, column) = source(y, x)
                        let from = 3 * (row * self.width + column)
                        target[at] = own[from]
                        target[at + 1] = own[from + 1]
                        target[at + 2] = own[from + 2]
                        at += 3
                    }
                }
            }
            count = 3 * height * width
        }
        return RGBImage(height: height, width: width, samples: samples)
    }

    /// Left and right changed.
    package func mirrored() -> RGBImage {
        rearranged(height: height, width: width) { y, x in (y, width - 1 - x) }
    }

    /// White wherever there was this colour.
    func whitened(_ color: [UInt8]) -> RGBImage {
        var samples = samples
        for start in stride(from: 0, to: samples.count, by: 3)
        where samples[start] == color[0] && samples[start + 1] == color[1] && samples[start + 2] == color[2] {
            for channel in 0..<3 { samples[start + channel] = 255 }
        }
        return RGBImage(height: height, width: width, samples: samples)
    }

    /// What lies in a rectangle of this image.
    package func cropped(to place: PixelRectangle) -> RGBImage {
        precondition(place.isInside(height: height, width: width), "\(place) is not in [\(height), \(width)]")
        var cut: [UInt8] = []
        cut.reserveCapacity(3 * place.height * place.width)
        for y in place.top..<place.top + place.height {
            let start = 3 * (y * width + place.left)
            cut += samples[start..<start + 3 * place.width]
        }
        return RGBImage(height: place.height, width: place.width, samples: cut)
    }

    /// The middle, with black around it where the image is smaller: transformers' `center_crop` of arrays. Where a border is odd,
    /// one row more is cut below, or put above; transformers' torchvision backend puts it below.
    package func centerCropped(height newHeight: Int, width newWidth: Int) -> RGBImage {
        let rows = Self.middle(of: height, newHeight)
        let columns = Self.middle(of: width, newWidth)
        var cut = [UInt8](repeating: 0, count: 3 * newHeight * newWidth)
        for row in 0..<rows.count {
            let from = 3 * ((rows.source + row) * width + columns.source)
            let to = 3 * ((rows.target + row) * newWidth + columns.target)
            cut.replaceSubrange(to..<to + 3 * columns.count, with: samples[from..<from + 3 * columns.count])
        }
        return RGBImage(height: newHeight, width: newWidth, samples: cut)
    }

    /// Where the middle begins here and in the result, and how much of it there is.
    private static func middle(of length: Int, _ wanted: Int) -> (source: Int, target: Int, count: Int) {
        length >= wanted
            ? ((length - wanted) / 2, 0, wanted) : (0, (wanted - length + 1) / 2, length)
    }
}

/// A rectangle of whole pixels.
package struct PixelRectangle: Sendable, Equatable {
    package let top: Int
    package let left: Int
    package let height: Int
    package let width: Int

    package init(top: Int, left: Int, height: Int, width: Int) {
        self.top = top
        self.left = left
        self.height = height
        self.width = width
    }

    func isInside(height: Int, width: Int) -> Bool {
        top >= 0 && left >= 0 && self.height > 0 && self.width > 0 && top + self.height <= height
            && left + self.width <= width
    }
}
