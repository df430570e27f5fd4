extension RGBImage {
    /// The same picture with other sides, to the bit as `PIL.Image.resize` of Pillow 13 makes it: first across, then down, each
    /// pass rounded to 8 bits; the other way round where more than twice as many rows go as columns. Versions before always began
    /// across: where the order differs so do samples, of photographs by 1 of 255, of noise by up to 17.
    package func resized(height newHeight: Int, width newWidth: Int, _ filter: ResampleFilter) -> RGBImage {
        precondition(newHeight > 0 && newWidth > 0, "a size of \(newHeight) × \(newWidth)")
        if newHeight == height && newWidth == width { return self }
        var image = self
        guard let columns = ResampleWeights(from: width, to: newWidth, filter),
            let rows = ResampleWeights(from: height, to: newHeight, filter)
        else { return nearest(height: newHeight, width: newWidth) }
        let (fewerRows, fewerColumns) = (height - newHeight, width - newWidth)
        let downFirst = fewerRows > 0 && fewerRows > 2 * fewerColumns
        if downFirst { image = image.down(rows) }
        if newWidth != width { image = image.across(columns) }
        return newHeight != height && !downFirst ? image.down(rows) : image
    }

    private static let half: Int32 = 1 << (ResampleWeights.precision - 1)

    private static func clipped(_ sum: Int32) -> UInt8 {
        UInt8(max(0, min(255, sum >> ResampleWeights.precision)))
    }

    private func across(_ weights: ResampleWeights) -> RGBImage {
        let newWidth = weights.starts.count
        let made = [UInt8](unsafeUninitializedCapacity: 3 * height * newWidth) { target, filled in
            samples.withUnsafeBufferPointer { source in
                weights.values.withUnsafeBufferPointer { values in
                    var at = 0
                    for y in 0..<height {
                        let row = 3 * y * width
                        for x in 0..<newWidth {
                            var (red, green, blue) = (Self.half, Self.half, Self.half)
                            var from = row + 3 * weights.starts[x]
                            let first = x * weights.stride
                            for tap in first..<first + weights.counts[x] {
                                let weight = values[tap]
                                red &+= Int32(source[from]) &* weight
                                green &+= Int32(source[from + 1]) &* weight
                                blue &+= Int32(source[from + 2]) &* weight
                                from += 3
                            }
                            target[at] = Self.clipped(red)
                            target[at + 1] = Self.clipped(green)
                            target[at + 2] = Self.clipped(blue)
                            at += 3
                        }
                    }
                }
            }
            filled = 3 * height * newWidth
        }
        return RGBImage(height: height, width: newWidth, samples: made)
    }

    private func down(_ weights: ResampleWeights) -> RGBImage {
        let newHeight = weights.starts.count
        let rowLength = 3 * width
        var sums = [Int32](repeating: 0, count: rowLength)
        let made = [UInt8](unsafeUninitializedCapacity: newHeight * rowLength) { target, filled in
            samples.withUnsafeBufferPointer { source in
                sums.withUnsafeMutableBufferPointer { sums in
                    for y in 0..<newHeight {
                        sums.update(repeating: Self.half)
                        for tap in 0..<weights.counts[y] {
                            let weight = weights.values[y * weights.stride + tap]
                            let from = (weights.starts[y] + tap) * rowLength
                            for x in 0..<rowLength { sums[x] &+= Int32(source[from + x]) &* weight }
                        }
                        for x in 0..<rowLength { target[y * rowLength + x] = Self.clipped(sums[x]) }
                    }
                }
            }
            filled = newHeight * rowLength
        }
        return RGBImage(height: newHeight, width: width, samples: made)
    }

    /// Each pixel is one of the source: PIL's `ImagingScaleAffine`, whose places grow by addition, and which leaves black where
    /// such a place comes to lie outside.
    private func nearest(height newHeight: Int, width newWidth: Int) -> RGBImage {
        let rows = Self.places(from: height, to: newHeight)
        let columns = Self.places(from: width, to: newWidth)
        var made = [UInt8](repeating: 0, count: 3 * newHeight * newWidth)
        for (y, row) in rows.enumerated() where row < height {
            for (x, column) in columns.enumerated() where column < width {
                let (to, from) = (3 * (y * newWidth + x), 3 * (row * width + column))
                made[to] = samples[from]
                made[to + 1] = samples[from + 1]
                made[to + 2] = samples[from + 2]
            }
        }
        return RGBImage(height: newHeight, width: newWidth, samples: made)
    }

    private static func places(from source: Int, to target: Int) -> [Int] {
        let step = Double(source) / Double(target)
        var place = step * 0.5
        return (0..<target).map { _ in
            defer { place += step }
            return Int(place)
        }
    }
}
