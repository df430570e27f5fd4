/// A dense row-major matrix of Float32, `[rows, columns]`, with reference semantics: kernels write into it.
///
/// Memory is allocated here, taken from a `BufferPool` (and given back when the matrix goes away), or
/// borrowed from an owner such as a mapped file or a larger matrix.
///
/// Unchecked Sendable: threads share a matrix only while nobody writes to it; the training step hands each
/// shard matrices of its own.
package final class Matrix: @unchecked Sendable {
    package let rows: Int
    package let columns: Int
    package let pointer: UnsafeMutablePointer<Float>

    private enum Memory {
        case allocated
        case pooled(BufferPool, capacity: Int)
        case borrowed(AnyObject)
    }
    private let memory: Memory

    package var count: Int { rows * columns }

    /// All zeros.
    package init(rows: Int, columns: Int) {
        precondition(rows >= 0 && columns >= 0, "matrix of \(rows) × \(columns)")
        self.rows = rows
        self.columns = columns
        pointer = .allocate(capacity: max(rows * columns, 1))
        pointer.initialize(repeating: 0, count: max(rows * columns, 1))
        memory = .allocated
    }

    package convenience init(rows: Int, columns: Int, values: [Float]) {
        precondition(values.count == rows * columns, "\(values.count) values for \(rows) × \(columns)")
        self.init(rows: rows, columns: columns)
        values.withUnsafeBufferPointer { source in
            if let base = source.baseAddress { pointer.update(from: base, count: source.count) }
        }
    }

    package convenience init(copying other: Matrix) {
        self.init(rows: other.rows, columns: other.columns)
        copyValues(from: other)
    }

    /// Memory of `owner`, which is kept alive. Read-only memory may be borrowed if nobody writes.
    package init(
        rows: Int, columns: Int, borrowing pointer: UnsafeMutablePointer<Float>, from owner: AnyObject
    ) {
        self.rows = rows
        self.columns = columns
        self.pointer = pointer
        memory = .borrowed(owner)
    }

    init(rows: Int, columns: Int, pool: BufferPool, pointer: UnsafeMutablePointer<Float>, capacity: Int) {
        self.rows = rows
        self.columns = columns
        self.pointer = pointer
        memory = .pooled(pool, capacity: capacity)
    }

    deinit {
        switch memory {
        case .allocated: pointer.deallocate()
        case .pooled(let pool, let capacity): pool.giveBack(pointer, capacity: capacity)
        case .borrowed: break
        }
    }

    /// `rows × columns` elements from `offset` on, sharing this memory.
    package func view(offset: Int, rows: Int, columns: Int) -> Matrix {
        precondition(
            offset >= 0 && offset + rows * columns <= count,
            "view of \(rows) × \(columns) at \(offset) in \(count) elements")
        return Matrix(rows: rows, columns: columns, borrowing: pointer + offset, from: self)
    }

    /// Some rows, sharing this memory.
    package func rows(_ range: Range<Int>) -> Matrix {
        view(offset: range.lowerBound * columns, rows: range.count, columns: columns)
    }

    package func row(_ index: Int) -> UnsafeMutablePointer<Float> { pointer + index * columns }

    package var buffer: UnsafeBufferPointer<Float> { UnsafeBufferPointer(start: pointer, count: count) }

    package var values: [Float] { Array(buffer) }

    package func copyValues(from other: Matrix) {
        precondition(count == other.count, "copy of \(other.count) elements into \(count)")
        pointer.update(from: other.pointer, count: count)
    }

    package func copyValues(from values: [Float]) {
        precondition(count == values.count, "copy of \(values.count) elements into \(count)")
        values.withUnsafeBufferPointer { source in
            if let base = source.baseAddress { pointer.update(from: base, count: source.count) }
        }
    }

    /// self[M, N] = other[N, M]ᵀ
    package func copyTransposed(from other: Matrix) {
        precondition(
            rows == other.columns && columns == other.rows,
            "transpose of [\(other.rows), \(other.columns)] into [\(rows), \(columns)]")
        for row in 0..<rows {
            let target = self.row(row)
            for column in 0..<columns { target[column] = other.pointer[column * rows + row] }
        }
    }

    package func fill(_ value: Float) { pointer.update(repeating: value, count: count) }

    /// Sum of squares in Double, since it decides clipping.
    package var sumOfSquares: Double {
        var sum = 0.0
        for value in buffer { sum += Double(value) * Double(value) }
        return sum
    }
}
