import CVectorKernels

/// LLM.int8's weights (Dettmers et al. 2022) as bitsandbytes keeps them: signed bytes q and a Float32 s for each row, weight =
/// q · s / 127.
package final class Int8RowWeight: FrozenMatrix {
    package static let formatName = "INT8"

    package let rows: Int
    package let columns: Int
    package var format: String { Self.formatName }
    private let bytes: WeightBytes
    private let scales: WeightBytes

    /// - Parameters:
    ///   - bytes: one for each weight.
    ///   - scales: Float32, little-endian, not always aligned; one for each row.
    package init(rows: Int, columns: Int, _ bytes: WeightBytes, scales: WeightBytes) {
        precondition(
            bytes.count == rows * columns && scales.count == 4 * rows,
            "\(bytes.count) bytes and \(scales.count) of scales for \(rows) × \(columns) weights")
        self.rows = rows
        self.columns = columns
        self.bytes = bytes
        self.scales = scales
    }

    package func unpack(_ rows: Range<Int>, into out: UnsafeMutablePointer<Float>) {
        guard let base = bytes.raw.baseAddress else { return }
        for row in rows {
            let scale = scales.raw.loadUnaligned(fromByteOffset: 4 * row, as: Float.self)
            avk_from_int8(base + row * columns, scale, out + (row - rows.lowerBound) * columns, columns)
        }
    }

    package func releasePages() -> Int { bytes.releasePages() + scales.releasePages() }
}
