import Matrices
import ModelFiles

/// Rows of a model may stand in another order than in transformers' files (llama.cpp's queries and keys), and so do those
/// of an adapter's B. In PEFT's files they stand as in transformers', so that an adapter fits the model there.
enum PEFTRows {
    /// Tensors of an adapter, with a row for each output of its matrix in transformers' order.
    static func written(_ tensors: [TensorToWrite], of layer: AdaptedLayer) -> [TensorToWrite] {
        guard let order = layer.rowOrder else { return tensors }
        return tensors.map { tensor in
            guard isByOutput(tensor.name), tensor.shape.first == order.count, let values = tensor.floats
            else { return tensor }
            let width = values.count / order.count
            var sorted = values
            for (place, row) in order.enumerated() {
                sorted.replaceSubrange(
                    row * width..<(row + 1) * width, with: values[place * width..<(place + 1) * width])
            }
            return TensorToWrite(name: tensor.name, shape: tensor.shape, values: sorted)
        }
    }

    /// The other way round.
    ///
    /// - Parameter matrix: [O, R], or [1, O]
    static func read(_ matrix: Matrix, order: [Int]?) -> Matrix {
        guard let order, !order.isEmpty else { return matrix }
        let width = matrix.count / order.count
        let sorted = Matrix(rows: matrix.rows, columns: matrix.columns)
        for (place, row) in order.enumerated() {
            (sorted.pointer + place * width).update(from: matrix.pointer + row * width, count: width)
        }
        return sorted
    }

    private static func isByOutput(_ name: String) -> Bool {
        name.hasSuffix(".lora_B") || name.hasSuffix(".lora_B.weight") || name.hasSuffix(RowMagnitude.suffix)
            || name.hasSuffix(AxisScale.suffix)
    }
}
