import CVectorKernels

/// The scales of the blocks of an NF4 matrix: Float32 each, or packed themselves ("double quantisation"): scale =
/// map[code] · s + offset, with s for each 256 of them.
package struct NF4Scales: Sendable {
    private enum Storage {
        case plain(WeightBytes)
        case packed(Packed)
    }

    package struct Packed: Sendable {
        /// A byte for each scale
        package let codes: WeightBytes
        /// Float32 for each block of scales
        package let scales: WeightBytes
        /// What the 256 codes stand for
        package let map: [Float]
        /// Scales of a block
        package let blockScales: Int
        package let offset: Float

        package init(
            codes: WeightBytes, scales: WeightBytes, map: [Float], blockScales: Int = 256, offset: Float
        ) {
            precondition(
                map.count == 256 && blockScales > 0
                    && scales.count == 4 * ((codes.count + blockScales - 1) / blockScales),
                "\(map.count) values and \(scales.count) bytes of scales for \(codes.count) scales of NF4")
            self.codes = codes
            self.scales = scales
            self.map = map
            self.blockScales = blockScales
            self.offset = offset
        }
    }

    private let storage: Storage
    package let count: Int

    /// Float32, little-endian, not always aligned.
    package init(_ values: WeightBytes) {
        precondition(values.count.isMultiple(of: 4), "\(values.count) bytes of Float32")
        storage = .plain(values)
        count = values.count / 4
    }

    package init(_ packed: Packed) {
        storage = .packed(packed)
        count = packed.codes.count
    }

    func unpack(_ blocks: Range<Int>, into out: UnsafeMutablePointer<Float>) {
        switch storage {
        case .plain(let values):
            UnsafeMutableRawBufferPointer(start: out, count: 4 * blocks.count).copyMemory(
                from: UnsafeRawBufferPointer(
                    rebasing: values.raw[4 * blocks.lowerBound..<4 * blocks.upperBound]))
        case .packed(let packed):
            guard let codes = packed.codes.raw.assumingMemoryBound(to: UInt8.self).baseAddress else { return }
            avk_nf4_scales(
                codes, packed.map, packed.scales.raw.baseAddress, blocks.lowerBound, packed.blockScales,
                packed.offset, out, blocks.count)
        }
    }

    func releasePages() -> Int {
        switch storage {
        case .plain(let values): values.releasePages()
        case .packed(let packed): packed.codes.releasePages() + packed.scales.releasePages()
        }
    }
}
