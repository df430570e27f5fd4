import Matrices
import ModelFiles
import Transformers

/// Tensors as bitsandbytes' checkpoints have them, and ggml's blocks as bytes.
enum PackedInputs {
    /// Each matrix that is spread over several of these tensors reads the same whole, row by row, and as numbers of its own.
    static func read(_ store: TensorStore) throws {
        let spread = try BitsAndBytesTensors(store)
        try check(spread) { spread.matrix($0) }
        var formats: [String: String] = [:]
        for name in store.names {
            let format = WeightFormat.all.first { $0.blockWeights > 1 && name.hasPrefix($0.name + ".") }
            formats[name] = format?.name
        }
        let blocks = try BlockTensors(store, formats: formats)
        try check(blocks) { blocks.matrix($0) }
    }

    private static func check(
        _ source: any TensorSource, matrix matrixOf: (String) -> (any FrozenMatrix)?
    ) throws {
        for name in source.names {
            guard let matrix = matrixOf(name) else { continue }
            let shape = source.tensor(name)?.shape
            try require(shape == [matrix.rows, matrix.columns], "\(name) has the shape \(shape ?? [])")
            let values = matrix.dense().values
            try require(matrix.isFinite == values.allSatisfy(\.isFinite), "\(name) is finite and is not")
            var copy = [Float](repeating: 0, count: values.count)
            try copy.withUnsafeMutableBufferPointer { try source.copyFloat32(name, into: $0) }
            var rows: [Float] = []
            for row in 0..<matrix.rows {
                rows += [Float](unsafeUninitializedCapacity: matrix.columns) { buffer, filled in
                    guard let base = buffer.baseAddress else { return }
                    matrix.unpack(row..<row + 1, into: base)
                    filled = matrix.columns
                }
            }
            for other in [copy, rows] {
                let same = zip(values, other).allSatisfy {
                    $0.bitPattern == $1.bitPattern || ($0.isNaN && $1.isNaN)
                }
                try require(same && other.count == values.count, "\(name) differs from its own copy")
            }
        }
    }
}
