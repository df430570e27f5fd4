/// A matrix in one of ggml's formats, where rows are blocks of weights that share scales: products go through tiles of
/// Float32.
package final class BlockWeight: FrozenMatrix {
    /// Blocks to Float32: where they begin, need not be aligned; where the weights go; how many blocks.
    typealias Unpack = @Sendable (UnsafeRawPointer?, UnsafeMutablePointer<Float>?, Int) -> Void

    /// Weights to blocks: where they are; where the blocks go, need not be aligned; how many blocks.
    typealias Pack = @Sendable (UnsafePointer<Float>?, UnsafeMutableRawPointer?, Int) -> Void

    package let rows: Int
    package let columns: Int
    package let format: String
    private let bytes: WeightBytes
    private let rowBlocks: Int
    private let blockBytes: Int
    private let unpackBlocks: Unpack

    fileprivate init(
        rows: Int, columns: Int, _ bytes: WeightBytes, format: String, blockWeights: Int, blockBytes: Int,
        unpack: @escaping Unpack
    ) {
        self.rows = rows
        self.columns = columns
        self.bytes = bytes
        self.format = format
        self.blockBytes = blockBytes
        rowBlocks = columns / blockWeights
        unpackBlocks = unpack
    }

    package func unpack(_ rows: Range<Int>, into out: UnsafeMutablePointer<Float>) {
        guard let base = bytes.raw.baseAddress else { return }
        unpackBlocks(base + rows.lowerBound * rowBlocks * blockBytes, out, rows.count * rowBlocks)
    }

    package func releasePages() -> Int { bytes.releasePages() }
}

extension WeightFormat {
    init(
        _ name: String, blockWeights: Int, blockBytes: Int, unpack: @escaping BlockWeight.Unpack,
        pack: BlockWeight.Pack? = nil
    ) {
        let packRows = pack.map { pack -> Pack in
            { values, rows, columns, out in pack(values, out, rows * (columns / blockWeights)) }
        }
        self.init(name, blockWeights: blockWeights, blockBytes: blockBytes, pack: packRows) {
            rows, columns, bytes in
            BlockWeight(
                rows: rows, columns: columns, bytes, format: name, blockWeights: blockWeights,
                blockBytes: blockBytes, unpack: unpack)
        }
    }
}
