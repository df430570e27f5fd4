import CVectorKernels

/// ggml's Q8_0: 32 weights of a row are a half-precision scale d and 32 signed bytes q, weight = d · q.
package final class Q8_0Weight: FrozenMatrix {
    static let format = WeightFormat("Q8_0", blockWeights: 32, blockBytes: 34) { rows, columns, bytes in
        Q8_0Weight(rows: rows, columns: columns, bytes)
    }

    package let rows: Int
    package let columns: Int
    package var format: String { Self.format.name }
    private let bytes: WeightBytes

    init(rows: Int, columns: Int, _ bytes: WeightBytes) {
        self.rows = rows
        self.columns = columns
        self.bytes = bytes
    }

    package func unpack(_ rows: Range<Int>, into out: UnsafeMutablePointer<Float>) {
        guard let base = bytes.raw.baseAddress else { return }
        let blocks = columns / Self.format.blockWeights
        avk_from_q8_0(
            base + rows.lowerBound * blocks * Self.format.blockBytes, out, rows.count * blocks)
    }

    package func releasePages() -> Int { bytes.releasePages() }
}
