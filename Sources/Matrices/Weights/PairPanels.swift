import CVectorKernels

/// A right factor [K, N] in bf16 as `avk_pair_product` reads it: panels of 64 columns, each [K / 2, 64] of two neighbours
/// of the shared dimension in 32 bits.
///
/// Unchecked Sendable: written only while it is made, by who makes it.
final class PairPanels: @unchecked Sendable {
    /// K
    let rows: Int
    /// N
    let columns: Int
    private let storage: UnsafeMutablePointer<Float>
    /// Where `storage` lies; nil for memory of its own
    private let space: Matrix?

    static let width = avk_pair_columns()
    /// Rows of W that are unpacked at a time, and transposed fast
    static let unpackedRows = 16
    /// Rows of the left factor that go through all panels before the next ones: rounded once, they stay in the second cache.
    static let leftRows = 96
    /// Pairs that all rows of the left factor read before the next ones, at most: 256 KB of a panel.
    private static let depth = 1024

    /// Pairs in so many numbers.
    static func pairs(_ count: Int) -> Int { (count + 1) / 2 }

    /// The shared dimension, in pairs, in parts of about the same size.
    static func blocks(of pairs: Int) -> [Range<Int>] {
        let parts = (pairs + depth - 1) / depth
        return (0..<parts).map { pairs * $0 / parts..<pairs * ($0 + 1) / parts }
    }

    static func bytes(rows: Int, columns: Int) -> Int {
        pairs(rows) * ((columns + width - 1) / width * width) * MemoryLayout<Float>.size
    }

    /// For the panels of one product.
    static func space(rows: Int, columns: Int, _ pool: BufferPool) -> Matrix {
        pool.matrix(rows: 1, columns: bytes(rows: rows, columns: columns) / MemoryLayout<Float>.size)
    }

    private init(rows: Int, columns: Int, in space: Matrix?) {
        self.rows = rows
        self.columns = columns
        self.space = space
        if let space {
            storage = space.pointer
            return
        }
        let bytes = Self.bytes(rows: rows, columns: columns)
        let memory = UnsafeMutableRawPointer.allocate(byteCount: max(bytes, 64), alignment: 64)
        storage = memory.initializeMemory(
            as: Float.self, repeating: 0, count: bytes / MemoryLayout<Float>.size)
    }

    deinit { if space == nil { storage.deallocate() } }

    private func panel(_ index: Int) -> UnsafeMutablePointer<Float> {
        storage + index * Self.pairs(rows) * Self.width
    }

    private var panelCount: Int { (columns + Self.width - 1) / Self.width }

    /// Wᵀ as a right factor, of W [N, K].
    convenience init(transposing matrix: any FrozenMatrix) {
        self.init(rows: matrix.columns, columns: matrix.rows, in: nil)
        let rows = PairRows(matrix, pool: BufferPool())
        for index in 0..<panelCount {
            let start = index * Self.width
            rows.fill(start..<min(start + Self.width, matrix.rows), into: panel(index))
        }
    }

    /// W [K, N] as a right factor.
    ///
    /// - Parameter space: what `space` gives; nil for memory of its own.
    convenience init(_ matrix: any FrozenMatrix, in space: Matrix? = nil) {
        self.init(rows: matrix.rows, columns: matrix.columns, in: space)
        let unpacked = Matrix(rows: Self.unpackedRows, columns: columns)
        for row in stride(from: 0, to: rows, by: Self.unpackedRows) {
            let some = min(Self.unpackedRows, rows - row)
            matrix.unpack(row..<row + some, into: unpacked.pointer)
            avk_into_pair_panels(unpacked.pointer, some, columns, storage, Self.pairs(rows), row / 2)
        }
    }

    /// out[M, N] = x[M, K] · self[K, N]; with `adding` it is added to what is there.
    func multiply(_ x: Matrix, into out: Matrix, adding: Bool, pool: BufferPool) {
        precondition(
            x.columns == rows && out.columns == columns && x.rows == out.rows,
            "[\(x.rows), \(x.columns)] · [\(rows), \(columns)] into [\(out.rows), \(out.columns)]")
        let pairs = Self.pairs(rows)
        let left = pool.matrix(rows: Self.leftRows, columns: pairs)
        if pool.isOnlyMeasured { return }
        let blocks = Self.blocks(of: pairs)
        for start in stride(from: 0, to: x.rows, by: Self.leftRows) {
            let count = min(Self.leftRows, x.rows - start)
            avk_to_bfloat16_pairs(x.row(start), rows, count, rows, left.pointer, pairs)
            for index in 0..<panelCount {
                let first = index * Self.width
                for block in blocks {
                    avk_pair_product(
                        left.pointer + block.lowerBound, pairs, count, block.count,
                        panel(index) + block.lowerBound * Self.width, out.row(start) + first, columns,
                        min(Self.width, columns - first), adding || block.lowerBound > 0 ? 1 : 0)
                }
            }
        }
    }
}

/// Rows of a matrix, unpacked and rounded some at a time, to panels of its transpose.
struct PairRows {
    private let matrix: any FrozenMatrix
    private let unpacked: Matrix
    private let paired: Matrix

    init(_ matrix: any FrozenMatrix, pool: BufferPool) {
        self.matrix = matrix
        unpacked = pool.matrix(rows: PairPanels.unpackedRows, columns: matrix.columns)
        paired = pool.matrix(rows: PairPanels.unpackedRows, columns: PairPanels.pairs(matrix.columns))
    }

    /// Up to 64 rows to a panel [I / 2, 64].
    func fill(_ rows: Range<Int>, into panel: UnsafeMutablePointer<Float>) {
        for row in stride(from: 0, to: rows.count, by: PairPanels.unpackedRows) {
            let some = min(PairPanels.unpackedRows, rows.count - row)
            let first = rows.lowerBound + row
            matrix.unpack(first..<first + some, into: unpacked.pointer)
            avk_to_bfloat16_pairs(
                unpacked.pointer, matrix.columns, some, matrix.columns, paired.pointer, paired.columns)
            avk_transpose(
                paired.pointer, paired.columns, some, paired.columns, panel + row, PairPanels.width)
        }
    }
}
