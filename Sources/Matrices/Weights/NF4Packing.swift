import CVectorKernels

/// Float32 to NF4 as bitsandbytes packs it: each block's largest magnitude is its scale, each weight the nearest level.
package enum NF4Packing {
    /// The codes and scales of these values, which begin with a block. Parts of a matrix may be packed one after the other if
    /// each but the last has whole blocks.
    ///
    /// Callers refuse values that are not finite: nothing crashes, but their blocks are of no use.
    package static func pack(
        _ values: UnsafeBufferPointer<Float>, blockWeights: Int = 64
    ) -> (codes: [UInt8], scales: [Float]) {
        var codes = [UInt8](repeating: 0, count: (values.count + 1) / 2)
        var scales = [Float](repeating: 0, count: (values.count + blockWeights - 1) / blockWeights)
        if let base = values.baseAddress {
            avk_to_nf4(base, values.count, blockWeights, &codes, &scales)
        }
        return (codes, scales)
    }

    /// The scales of a whole matrix as bytes of their own ("double quantisation"): what they differ by from their mean, by the
    /// nearest value of the dynamic map.
    package static func packScales(_ scales: [Float], blockScales: Int = 256) -> NF4Scales.Packed {
        let sum = scales.reduce(0) { $0 + Double($1) }
        let offset = scales.isEmpty ? 0 : Float(sum / Double(scales.count))
        let map = dynamicMap
        var codes: [UInt8] = []
        var tops: [Float] = []
        for start in stride(from: 0, to: scales.count, by: blockScales) {
            let block = scales[start..<min(start + blockScales, scales.count)].map { $0 - offset }
            let top = block.reduce(0) { max($0, abs($1)) }
            tops.append(top)
            codes += block.map { code(top > 0 ? $0 / top : 0, map) }
        }
        return NF4Scales.Packed(
            codes: WeightBytes(copying: codes),
            scales: WeightBytes(copying: tops.withUnsafeBytes { Array($0) }), map: map,
            blockScales: blockScales, offset: offset)
    }

    /// The nearest value, of two as near the lower; `map` ascends.
    private static func code(_ value: Float, _ map: [Float]) -> UInt8 {
        var (below, above) = (0, map.count - 1)
        while above - below > 1 {
            let middle = (below + above) / 2
            if map[middle] > value { above = middle } else { below = middle }
        }
        return UInt8(map[above] - value < value - map[below] ? above : below)
    }

    /// bitsandbytes' signed dynamic map of 8 bits (Dettmers 2015, "8-Bit Approximations for Parallelism in Deep Learning"): for each
    /// of seven powers of ten, twice as many values as for the one below, evenly between a tenth and all of it.
    package static let dynamicMap: [Float] = {
        var values: [Double] = [0, 1]
        var power = 1e-6
        for exponent in 0..<7 {
            let count = 1 << exponent
            for item in 0..<count {
                let value = power * (0.1 + 0.9 * (Double(item) + 0.5) / Double(count))
                values += [value, -value]
            }
            power *= 10
        }
        return values.sorted().map { Float($0) }
    }()
}
