/// A format of frozen weights: blocks of so many weights of a row in so many bytes.
package struct WeightFormat: Sendable {
    /// As safetensors and GGUF files call it
    package let name: String
    package let blockWeights: Int
    package let blockBytes: Int
    private let make: @Sendable (_ rows: Int, _ columns: Int, WeightBytes) -> any FrozenMatrix

    init(
        _ name: String, blockWeights: Int = 1, blockBytes: Int,
        make: @escaping @Sendable (Int, Int, WeightBytes) -> any FrozenMatrix
    ) {
        self.name = name
        self.blockWeights = blockWeights
        self.blockBytes = blockBytes
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
