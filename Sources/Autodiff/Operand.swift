import Matrices

/// What operations read beside their inputs: a `Weight` of a model, or a `Parameter` that trains.
package protocol Operand: AnyObject, Sendable {
    var name: String { get }
    var rows: Int { get }
    var columns: Int { get }
    /// As files have it: one dimension for a vector
    var savedShape: [Int] { get }
    /// Whether files have the matrix as [I, O] (transformers' `Conv1D`).
    var isStoredTransposed: Bool { get }
    /// What its gradient belongs to; nil for what is frozen.
    var parameter: Parameter? { get }
    /// The values of a vector, [1, C].
    var vector: Matrix { get }
    /// All values, row-major: a copy.
    var floats: [Float] { get }
    /// The same as a matrix
    func dense() -> Matrix
    /// Takes other values of the same shape, which nobody may change afterwards but who trains them.
    func replace(with values: Matrix)

    /// out[T, O] = x[T, I] · self[O, I]ᵀ; with `adding` it is added to what is there.
    func multiplyTransposed(_ x: Matrix, into out: Matrix, adding: Bool, pool: BufferPool)
    /// The same with bits of each row of out that depend on its row of x alone.
    func multiplyTransposedByRow(_ x: Matrix, into out: Matrix, adding: Bool, pool: BufferPool)
    /// out[T, I] = g[T, O] · self[O, I]; with `adding` it is added to what is there.
    func multiply(_ g: Matrix, into out: Matrix, adding: Bool, pool: BufferPool)
    /// out[T, N] = x[T, I] · self[rows]ᵀ, N rows of a large matrix that is not laid out for products (a vocabulary).
    func multiplyTransposed(_ x: Matrix, rows: Range<Int>, into out: Matrix, pool: BufferPool)
    /// out[T, I] = g[T, N] · self[rows]; with `adding` it is added to what is there. As above.
    func multiply(_ g: Matrix, rows: Range<Int>, into out: Matrix, adding: Bool, pool: BufferPool)
    /// out[T, C] = the rows that `indices` names; with `adding` they are added to what is there.
    func gather(_ indices: [Int32], into out: Matrix, adding: Bool, pool: BufferPool)
    /// What was read so far of a matrix that is larger than a cache is not needed soon.
    func leave()
}

extension Operand {
    package var count: Int { rows * columns }
    package var isTrainable: Bool { parameter?.gradientOffset != nil }
    package var isStoredTransposed: Bool { false }
    package func leave() {}

    /// All values as a tensor of `savedShape` has them: a copy.
    package var savedFloats: [Float] {
        guard isStoredTransposed else { return floats }
        let stored = Matrix(rows: columns, columns: rows)
        stored.copyTransposed(from: dense())
        return stored.values
    }

    /// Takes the values of a tensor of `savedShape`, as `replace`.
    package func replace(withSaved values: Matrix) {
        guard isStoredTransposed else { return replace(with: values) }
        let matrix = Matrix(rows: rows, columns: columns)
        matrix.copyTransposed(from: values)
        replace(with: matrix)
    }
}
