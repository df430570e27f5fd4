/// A format of frozen weights: blocks of so many weights of a row in so many bytes.
package struct WeightFormat: Sendable {
    /// As safetensors and GGUF files call it
    package let name: String
    package let blockWeights: Int
    package let blockBytes: Int
    /// Float32 values of whole rows [rows, columns] into as many bytes as `byteCount` says, by ggml's reference rounding: the
    /// same bytes on every machine. nil where this version only reads the format.
    ///
    /// Callers refuse values that are not finite. Such values crash nothing, but what a block that holds one is packed to is
    /// of no use. A finite one too large for the format, or for its half-precision scales, becomes infinite, and the matrix that
    /// is opened from the bytes says so in `isFinite`.
    package let pack: Pack?
    private let make: @Sendable (_ rows: Int, _ columns: Int, WeightBytes) -> any FrozenMatrix

    package typealias Pack =
        @Sendable (
            _ values: UnsafePointer<Float>, _ rows: Int, _ columns: Int, _ out: UnsafeMutableRawPointer
        ) -> Void

    init(
        _ name: String, blockWeights: Int = 1, blockBytes: Int, pack: Pack? = nil,
        make: @escaping @Sendable (Int, Int, WeightBytes) -> any FrozenMatrix
    ) {
        self.name = name
        self.blockWeights = blockWeights
        self.blockBytes = blockBytes
        self.pack = pack
        self.make = make
    }

    /// Bytes of a matrix; nil when its rows are no whole blocks.
    package func byteCount(rows: Int, columns: Int) -> Int? {
        columns.isMultiple(of: blockWeights) ? rows * (columns / blockWeights) * blockBytes : nil
    }

    /// A matrix out of as many bytes as `byteCount` says.
    package func open(rows: Int, columns: Int, _ bytes: WeightBytes) -> any FrozenMatrix {
        precondition(
            byteCount(rows: rows, columns: columns) == bytes.count,
            "\(bytes.count) bytes for \(rows) × \(columns) weights of \(name)")
        return make(rows, columns, bytes)
    }
}
