import CVectorKernels

/// A matrix W [O, I] of a model that nobody changes, in the format that its file has: what products ask of it.
///
/// A format needs `unpack`; all the rest then goes through tiles of Float32. `WeightFormat` opens them.
package protocol FrozenMatrix: AnyObject, Sendable {
    /// O
    var rows: Int { get }
    /// I
    var columns: Int { get }
    /// The name of the format
    var format: String { get }

    /// Rows as Float32, into out[rows.count, I].
    func unpack(_ rows: Range<Int>, into out: UnsafeMutablePointer<Float>)

    /// out[T, O] = x[T, I] · Wᵀ; with `adding` it is added to what is there.
    func multiplyTransposed(_ x: Matrix, into out: Matrix, adding: Bool, pool: BufferPool)

    /// The same with bits of each row of out that depend on its row of x alone, not on how many rows stand beside it, and
    /// where.
    func multiplyTransposedByRow(_ x: Matrix, into out: Matrix, adding: Bool, pool: BufferPool)

    /// out[T, I] = g[T, O] · W; with `adding` it is added to what is there.
    func multiply(_ g: Matrix, into out: Matrix, adding: Bool, pool: BufferPool)

    /// out[T, N] = x[T, I] · W[rows]ᵀ, N rows of a large W that is not laid out for products (a vocabulary).
    func multiplyTransposed(_ x: Matrix, rows: Range<Int>, into out: Matrix, pool: BufferPool)

    /// out[T, I] = g[T, N] · W[rows]; with `adding` it is added to what is there. As above.
    func multiply(_ g: Matrix, rows: Range<Int>, into out: Matrix, adding: Bool, pool: BufferPool)

    /// out[t] = W[indices[t]], [T, I]; with `adding` it is added to what is there.
    func gather(_ indices: [Int32], into out: Matrix, adding: Bool, pool: BufferPool)

    /// All values as Float32, some rows at a time: first row and values, an even number of them but in the last tile.
    func forEachTile(_ body: (Int, UnsafeBufferPointer<Float>) -> Void)

    /// Makes what products with Wᵀ put in memory, which the first of them would do.
    func layOut()

    /// The same matrix, whose products have the same bits and keep nothing in memory.
    func readInPassing() -> any FrozenMatrix

    /// What products put in memory, to stay.
    ///
    /// - Parameter isBackward: both products are taken, not only that with Wᵀ.
    func productMemory(isBackward: Bool) -> ProductMemory

    /// Lets go of what comes back from a file when it is read again, and says how many bytes that are: none of values in
    /// memory of their own.
    @discardableResult
    func releasePages() -> Int
}

/// What the first products with a weight put in memory, to stay.
package struct ProductMemory: Sendable, Equatable {
    /// Rows and columns of a right factor
    package struct Shape: Hashable, Sendable {
        let rows: Int
        let columns: Int
    }

    /// Beside the values; less where these leave memory once they are laid out anew
    package var bytes = 0
    /// Right factors of products that kernels are compiled for
    package var kernels: Set<Shape> = []

    /// Products by tiles leave nothing behind.
    package static let none = ProductMemory()
}

extension FrozenMatrix {
    package func layOut() {}

    package func readInPassing() -> any FrozenMatrix { self }

    /// A copy as Float32.
    package func dense() -> Matrix {
        let matrix = Matrix(rows: rows, columns: columns)
        unpack(0..<rows, into: matrix.pointer)
        return matrix
    }

    package var isFinite: Bool {
        var isFinite = true
        forEachTile { isFinite = isFinite && avk_all_finite($1.baseAddress, $1.count) != 0 }
        return isFinite
    }

    package func productMemory(isBackward: Bool) -> ProductMemory { .none }
}

// MARK: - Rows

/// Floats in a tile, more or less: a megabyte, which stays in the cache of a core.
private let tileElements = 1 << 18

extension FrozenMatrix {
    package func gather(_ indices: [Int32], into out: Matrix, adding: Bool, pool: BufferPool) {
        let row = adding ? pool.matrix(rows: 1, columns: columns) : nil
        for (position, index) in indices.enumerated() {
            let index = Int(index)
            unpack(index..<(index + 1), into: row?.pointer ?? out.row(position))
            if let row { avk_add(row.pointer, out.row(position), columns) }
        }
    }

    package func forEachTile(_ body: (Int, UnsafeBufferPointer<Float>) -> Void) {
        let tile = Matrix(rows: tileRows(of: rows), columns: columns)
        for start in stride(from: 0, to: rows, by: tile.rows) {
            let end = min(start + tile.rows, rows)
            unpack(start..<end, into: tile.pointer)
            body(start, UnsafeBufferPointer(start: tile.pointer, count: (end - start) * columns))
        }
    }

    /// Rows of each tile of so many rows: tiles of about the same size, of whole vectors of rows. By the shape alone, so that
    /// each product has the same bits every time.
    private func tileRows(of count: Int) -> Int {
        let most = max(8, tileElements / max(columns, 1))
        let tiles = max(1, (count + most - 1) / most)
        let share = (count + tiles - 1) / tiles
        return max(8, (share + 7) / 8 * 8)
    }
}
