import CVectorKernels

/// BF16, the upper half of a Float32: 2 bytes a weight, unpacked exactly.
package final class BFloat16Weight: FrozenMatrix {
    package static let format = WeightFormat(
        "BF16", blockBytes: 2,
        pack: { values, rows, columns, out in avk_to_bfloat16(values, out, rows * columns) },
        make: { BFloat16Weight(rows: $0, columns: $1, $2) })

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
        avk_from_bfloat16(base + 2 * rows.lowerBound * columns, out, rows.count * columns)
    }

    package func releasePages() -> Int { bytes.releasePages() }
}
