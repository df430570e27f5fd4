import CVectorKernels

/// NF4, the 4-bit type of QLoRA (Dettmers et al. 2023), as bitsandbytes has it: weight = level · scale.
///
/// The 16 levels are quantiles of the normal distribution. Blocks that share a scale run over the flattened matrix, so that
/// rows may begin within one, and the last may be short.
package final class NF4Weight: FrozenMatrix {
    package static let formatName = "NF4"
    /// What bitsandbytes' blocks may have
    package static let blockSizes = [32, 64, 128, 256, 512, 1024, 2048, 4096]

    package let rows: Int
    package let columns: Int
    package var format: String { Self.formatName }
    package let codes: WeightBytes
    package let scales: NF4Scales
    /// Weights of a block
    package let blockWeights: Int
    package let rounding: NF4Rounding

    /// - Parameters:
    ///   - codes: two weights a byte, the first in its high half; half a byte over where their number is odd.
    ///   - scales: as many as there are blocks.
    ///   - rounding: what bitsandbytes rounds each weight to once it is unpacked.
    package init(
        rows: Int, columns: Int, codes: WeightBytes, scales: NF4Scales, blockWeights: Int = 64,
        rounding: NF4Rounding = .none
    ) {
        let count = rows * columns
        precondition(
            codes.count == Self.byteCount(rows: rows, columns: columns)
                && scales.count == (count + blockWeights - 1) / blockWeights,
            "\(codes.count) bytes and \(scales.count) scales for \(rows) × \(columns) weights of NF4")
        self.rows = rows
        self.columns = columns
        self.codes = codes
        self.scales = scales
        self.blockWeights = blockWeights
        self.rounding = rounding
    }

    /// Bytes of the codes alone.
    package static func byteCount(rows: Int, columns: Int) -> Int { (rows * columns + 1) / 2 }

    /// The levels, from −1 to 1.
    package static var levels: [Float] { Array(UnsafeBufferPointer(start: avk_nf4_levels(), count: 16)) }

    /// Scales that are unpacked at once: they take as much of the stack as needs no allocation.
    private static let scalesAtOnce = 256

    package func unpack(_ rows: Range<Int>, into out: UnsafeMutablePointer<Float>) {
        guard let base = codes.raw.baseAddress else { return }
        var out = out
        var place = rows.lowerBound * columns
        let end = rows.upperBound * columns
        withUnsafeTemporaryAllocation(of: Float.self, capacity: Self.scalesAtOnce) { buffer in
            guard let own = buffer.baseAddress else { return }
            while place < end {
                let first = place / blockWeights
                let part = min(end, (first + Self.scalesAtOnce) * blockWeights) - place
                let last = (place + part - 1) / blockWeights
                scales.unpack(first..<last + 1, into: own)
                avk_from_nf4(base, place, own, blockWeights, out, part)
                rounding.round(out, part)
                out += part
                place += part
            }
        }
    }

    package func releasePages() -> Int { codes.releasePages() + scales.releasePages() }
}

/// The type that weights had before they were packed: bitsandbytes rounds what it unpacks to that again.
package enum NF4Rounding: Sendable, CaseIterable {
    /// Float32
    case none
    case bfloat16, float16

    func round(_ values: UnsafeMutablePointer<Float>, _ count: Int) {
        switch self {
        case .none: break
        case .bfloat16: avk_round_to_bfloat16(values, count)
        case .float16: avk_round_to_float16(values, count)
        }
    }
}
