import CVectorKernels
import Matrices

/// Named numbers that train: those of adapters and heads, and thawed weights. They have a place in the gradient once a
/// `ParameterVector` owns them.
///
/// Unchecked Sendable: the trainer changes values only between steps, when no shard is running.
package final class Parameter: Operand, @unchecked Sendable {
    package let name: String
    package let savedShape: [Int]
    package let isStoredTransposed: Bool
    package var values: Matrix
    /// Where this parameter's gradient starts in the flat gradient vector; nil before it has a place there.
    package var gradientOffset: Int?

    /// A matrix.
    package convenience init(name: String, values: Matrix) {
        self.init(name: name, savedShape: [values.rows, values.columns], values: values)
    }

    /// A vector [1, C].
    package convenience init(name: String, vector: Matrix) {
        self.init(name: name, savedShape: [vector.count], values: vector)
    }

    /// - Parameter savedShape: as files have it.
    init(name: String, savedShape: [Int], isStoredTransposed: Bool = false, values: Matrix) {
        self.name = name
        self.savedShape = savedShape
        self.isStoredTransposed = isStoredTransposed
        self.values = values
    }

    package var rows: Int { values.rows }
    package var columns: Int { values.columns }
    package var parameter: Parameter? { self }
    package var vector: Matrix { values }
    package var floats: [Float] { values.values }
    package func dense() -> Matrix { Matrix(copying: values) }

    package func replace(with values: Matrix) {
        precondition(
            values.rows == rows && values.columns == columns && !isTrainable,
            "\(name) [\(rows), \(columns)]\(isTrainable ? ", in training" : ""), replaced by "
                + "[\(values.rows), \(values.columns)]")
        self.values = values
    }

    package func multiplyTransposed(_ x: Matrix, into out: Matrix, adding: Bool, pool: BufferPool) {
        Product.multiplyTransposed(x, values, into: out, beta: adding ? 1 : 0)
    }

    /// A row at a time: what trains is not read by row.
    package func multiplyTransposedByRow(_ x: Matrix, into out: Matrix, adding: Bool, pool: BufferPool) {
        for row in 0..<x.rows {
            Product.multiplyTransposed(
                x.rows(row..<row + 1), values, into: out.rows(row..<row + 1), beta: adding ? 1 : 0)
        }
    }

    package func multiply(_ g: Matrix, into out: Matrix, adding: Bool, pool: BufferPool) {
        Product.multiply(g, values, into: out, beta: adding ? 1 : 0)
    }

    package func multiplyTransposed(_ x: Matrix, rows: Range<Int>, into out: Matrix, pool: BufferPool) {
        Product.multiplyTransposed(x, values.rows(rows), into: out)
    }

    package func multiply(
        _ g: Matrix, rows: Range<Int>, into out: Matrix, adding: Bool, pool: BufferPool
    ) {
        Product.multiply(g, values.rows(rows), into: out, beta: adding ? 1 : 0)
    }

    package func gather(_ indices: [Int32], into out: Matrix, adding: Bool, pool: BufferPool) {
        for (position, index) in indices.enumerated() {
            let row = values.row(Int(index))
            if adding {
                avk_add(row, out.row(position), columns)
            } else {
                out.row(position).update(from: row, count: columns)
            }
        }
    }
}

/// All trainable parameters, end to end in one flat array, in registration order.
///
/// Gradients, Adam moments and what is exchanged between machines are arrays of the same layout, so clipping,
/// the optimizer and the summation of shards are single loops.
package final class ParameterVector: @unchecked Sendable {
    package let parameters: [Parameter]
    package let values: Matrix
    package var count: Int { values.count }

    /// Moves the parameters' values into one array; each keeps its values and becomes a view into it.
    package init(_ parameters: [Parameter]) {
        self.parameters = parameters
        let count = parameters.reduce(0) { $0 + $1.values.count }
        values = Matrix(rows: 1, columns: count)
        var offset = 0
        for parameter in parameters {
            let old = parameter.values
            let view = values.view(offset: offset, rows: old.rows, columns: old.columns)
            view.copyValues(from: old)
            parameter.values = view
            parameter.gradientOffset = offset
            offset += old.count
        }
    }

    /// Where `parameter` lies in the flat arrays.
    package func range(of parameter: Parameter) -> Range<Int> {
        guard let offset = parameter.gradientOffset else {
            preconditionFailure("\(parameter.name) is frozen and has no place in the parameter vector")
        }
        return offset..<(offset + parameter.values.count)
    }
}
