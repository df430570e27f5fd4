import Matrices

/// A named matrix or vector of a model, as its checkpoint has it: frozen until it is thawed.
///
/// Unchecked Sendable: thawed or replaced only between steps, when no shard is running.
package final class Weight: Operand, @unchecked Sendable {
    package let name: String
    package let savedShape: [Int]
    package let rows: Int
    package let columns: Int
    package let isStoredTransposed: Bool
    /// Products keep nothing in memory, and pages of a mapped file go back as soon as an operation has read them, for runs that
    /// save memory: only what is read at the moment stays, and the system's cache has the rest.
    package private(set) var isReadInPassing = false
    private var content: Content

    private enum Content {
        case matrix(any FrozenMatrix)
        /// Norms and biases are small: Float32, whatever the file has.
        case vector(Matrix)
        case thawed(Parameter)
    }

    /// A matrix [O, I].
    ///
    /// - Parameters:
    ///   - isStoredTransposed: files have it as [I, O].
    ///   - savedShape: as files have it, where that is neither [O, I] nor [I, O].
    package init(
        name: String, matrix: any FrozenMatrix, isStoredTransposed: Bool = false, savedShape: [Int]? = nil
    ) {
        self.name = name
        self.savedShape =
            savedShape
            ?? (isStoredTransposed ? [matrix.columns, matrix.rows] : [matrix.rows, matrix.columns])
        (rows, columns) = (matrix.rows, matrix.columns)
        self.isStoredTransposed = isStoredTransposed
        content = .matrix(matrix)
    }

    /// A vector [1, C].
    ///
    /// - Parameter savedShape: as files have it, where that is not [C]: a single number may have no dimension.
    package init(name: String, vector: Matrix, savedShape: [Int]? = nil) {
        self.name = name
        self.savedShape = savedShape ?? [vector.count]
        (rows, columns) = (vector.rows, vector.columns)
        isStoredTransposed = false
        content = .vector(vector)
    }

    package var parameter: Parameter? {
        if case .thawed(let parameter) = content { parameter } else { nil }
    }

    /// The format of a frozen matrix.
    package var format: String? {
        if case .matrix(let matrix) = content { matrix.format } else { nil }
    }

    /// Whether its elements are numbers by themselves, and no codes of a packed format.
    package var isOfFloats: Bool {
        guard let format else { return true }
        let whole = [Float32Weight.format, Float16Weight.format, BFloat16Weight.format]
        return whole.contains { $0.name == format }
    }

    /// What products put in memory, as `FrozenMatrix` says; nothing for a thawed one.
    package func productMemory(isBackward: Bool) -> ProductMemory {
        if case .matrix(let matrix) = content {
            matrix.productMemory(isBackward: isBackward)
        } else {
            .none
        }
    }

    /// The same values to be trained, from now on in the place of the frozen ones.
    @discardableResult
    package func thaw() -> Parameter {
        if case .thawed(let parameter) = content { return parameter }
        let parameter = Parameter(
            name: name, savedShape: savedShape, isStoredTransposed: isStoredTransposed, values: dense())
        releasePages()
        content = .thawed(parameter)
        return parameter
    }

    /// Lets go of what comes back from a file when it is read again, and says how many bytes that are.
    @discardableResult
    package func releasePages() -> Int {
        if case .matrix(let matrix) = content { matrix.releasePages() } else { 0 }
    }

    /// A frozen matrix is read in passing from now on.
    package func readInPassing() {
        guard case .matrix(let matrix) = content else { return }
        isReadInPassing = true
        content = .matrix(matrix.readInPassing())
    }

    /// Makes what products with the frozen matrix put in memory, which the first of them would do.
    package func layOut() {
        if case .matrix(let matrix) = content { matrix.layOut() }
    }

    package func leave() {
        if isReadInPassing { releasePages() }
    }

    /// The same matrix in another format, whose values are near; pages of the one before go back.
    package func keep(as matrix: any FrozenMatrix) {
        precondition(
            matrix.rows == rows && matrix.columns == columns,
            "\(name) [\(rows), \(columns)] kept as [\(matrix.rows), \(matrix.columns)]")
        guard case .matrix(let before) = content else {
            preconditionFailure("\(name) is no frozen matrix")
        }
        before.releasePages()
        content = .matrix(matrix)
    }

    /// Products of a frozen matrix run in bf16 from now on; its values stay as they are.
    package func multiplyInBFloat16() {
        guard case .matrix(let matrix) = content, !(matrix is BFloat16Products) else { return }
        content = .matrix(BFloat16Products(matrix))
    }

    /// Other values, as Float32.
    package func replace(with values: Matrix) {
        precondition(
            values.rows == rows && values.columns == columns,
            "\(name) [\(rows), \(columns)] replaced by [\(values.rows), \(values.columns)]")
        switch content {
        case .matrix: content = .matrix(Float32Weight(values))
        case .vector: content = .vector(values)
        case .thawed(let parameter): parameter.replace(with: values)
        }
    }

    package func dense() -> Matrix {
        let matrix = Matrix(rows: rows, columns: columns)
        forEachTile { first, values in
            if let base = values.baseAddress { matrix.row(first).update(from: base, count: values.count) }
        }
        return matrix
    }

    package var floats: [Float] {
        [Float](unsafeUninitializedCapacity: count) { buffer, filled in
            forEachTile { _, values in
                guard let source = values.baseAddress, let start = buffer.baseAddress else { return }
                (start + filled).initialize(from: source, count: values.count)
                filled += values.count
            }
        }
    }

    /// All values as Float32, some rows at a time, as `FrozenMatrix.forEachTile`.
    package func forEachTile(_ body: (Int, UnsafeBufferPointer<Float>) -> Void) {
        switch content {
        case .matrix(let matrix): matrix.forEachTile(body)
        case .vector(let values): body(0, values.buffer)
        case .thawed(let parameter): body(0, parameter.values.buffer)
        }
    }

    // MARK: - What operations ask

    package var vector: Matrix {
        switch content {
        case .vector(let values): return values
        case .thawed(let parameter): return parameter.vector
        case .matrix: preconditionFailure("\(name) [\(rows), \(columns)] is read as a vector")
        }
    }

    package func multiplyTransposed(_ x: Matrix, into out: Matrix, adding: Bool, pool: BufferPool) {
        switch content {
        case .matrix(let matrix):
            matrix.multiplyTransposed(x, into: out, adding: adding, pool: pool)
            leave()
        case .thawed(let parameter):
            parameter.multiplyTransposed(x, into: out, adding: adding, pool: pool)
        case .vector: preconditionFailure("\(name) is a vector, and taken for a matrix")
        }
    }

    package func multiplyTransposedByRow(_ x: Matrix, into out: Matrix, adding: Bool, pool: BufferPool) {
        switch content {
        case .matrix(let matrix):
            matrix.multiplyTransposedByRow(x, into: out, adding: adding, pool: pool)
            leave()
        case .thawed(let parameter):
            parameter.multiplyTransposedByRow(x, into: out, adding: adding, pool: pool)
        case .vector: preconditionFailure("\(name) is a vector, and taken for a matrix")
        }
    }

    package func multiply(_ g: Matrix, into out: Matrix, adding: Bool, pool: BufferPool) {
        switch content {
        case .matrix(let matrix):
            matrix.multiply(g, into: out, adding: adding, pool: pool)
            leave()
        case .thawed(let parameter): parameter.multiply(g, into: out, adding: adding, pool: pool)
        case .vector: preconditionFailure("\(name) is a vector, and taken for a matrix")
        }
    }

    package func multiplyTransposed(_ x: Matrix, rows: Range<Int>, into out: Matrix, pool: BufferPool) {
        switch content {
        case .matrix(let matrix): matrix.multiplyTransposed(x, rows: rows, into: out, pool: pool)
        case .thawed(let parameter): parameter.multiplyTransposed(x, rows: rows, into: out, pool: pool)
        case .vector: preconditionFailure("\(name) is a vector, and taken for a matrix")
        }
    }

    package func multiply(
        _ g: Matrix, rows: Range<Int>, into out: Matrix, adding: Bool, pool: BufferPool
    ) {
        switch content {
        case .matrix(let matrix): matrix.multiply(g, rows: rows, into: out, adding: adding, pool: pool)
        case .thawed(let parameter):
            parameter.multiply(g, rows: rows, into: out, adding: adding, pool: pool)
        case .vector: preconditionFailure("\(name) is a vector, and taken for a matrix")
        }
    }

    package func gather(_ indices: [Int32], into out: Matrix, adding: Bool, pool: BufferPool) {
        switch content {
        case .matrix(let matrix): matrix.gather(indices, into: out, adding: adding, pool: pool)
        case .thawed(let parameter): parameter.gather(indices, into: out, adding: adding, pool: pool)
        case .vector: preconditionFailure("\(name) is a vector, and taken for a table")
        }
    }
}
