import CVectorKernels

/// F16, IEEE 754's half precision: 2 bytes a weight, unpacked exactly.
package final class Float16Weight: FrozenMatrix {
    package static let format = WeightFormat(
        "F16", blockBytes: 2,
        pack: { values, rows, columns, out in avk_to_float16(values, out, rows * columns) },
        make: { Float16Weight(rows: $0, columns: $1, $2) })

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
        avk_from_float16(base + 2 * rows.lowerBound * columns, out, rows.count * columns)
    }

    package func releasePages() -> Int { bytes.releasePages() }
}
