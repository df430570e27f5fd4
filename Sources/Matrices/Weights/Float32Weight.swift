import CVectorKernels
import Synchronization

/// Float32, where the file is mapped or in memory of its own. Products go through copies that are laid out for oneDNN
/// where this machine has kernels for them, made at the first product of each kind, or at each if they are read in passing.
package final class Float32Weight: FrozenMatrix {
    package static let format = WeightFormat(
        "F32", blockBytes: 4,
        pack: { values, rows, columns, out in
            out.copyMemory(from: values, byteCount: rows * columns * MemoryLayout<Float>.size)
        },
        make: { Float32Weight(rows: $0, columns: $1, $2) })

    package var format: String { Self.format.name }
    private let values: Matrix
    /// The mapped ones
    private let bytes: WeightBytes?
    private let transposed: LaidOut
    private let plain: LaidOut
    let isReadInPassing: Bool

    /// Values that nobody will change.
    package convenience init(_ values: Matrix) { self.init(values, nil, isReadInPassing: false) }

    private init(_ values: Matrix, _ bytes: WeightBytes?, isReadInPassing: Bool) {
        self.values = values
        self.bytes = bytes
        self.isReadInPassing = isReadInPassing
        transposed = LaidOut(transposed: true, isKept: !isReadInPassing)
        plain = LaidOut(transposed: false, isKept: !isReadInPassing)
    }

    /// Mapped values, or a copy if they do not lie at a multiple of 4 bytes.
    convenience init(rows: Int, columns: Int, _ bytes: WeightBytes) {
        guard let base = bytes.raw.baseAddress, UInt(bitPattern: base).isMultiple(of: 4) else {
            let values = Matrix(rows: rows, columns: columns)
            UnsafeMutableRawBufferPointer(start: values.pointer, count: bytes.count).copyMemory(
                from: bytes.raw)
            self.init(values)
            return
        }
        let pointer = UnsafeMutablePointer(mutating: base.assumingMemoryBound(to: Float.self))
        self.init(
            Matrix(rows: rows, columns: columns, borrowing: pointer, from: bytes.owner), bytes,
            isReadInPassing: false)
    }

    /// The same values without the copies that products have made.
    convenience init(sharing other: Float32Weight) {
        self.init(other.values, other.bytes, isReadInPassing: other.isReadInPassing)
    }

    package func readInPassing() -> any FrozenMatrix {
        Float32Weight(values, bytes, isReadInPassing: true)
    }

    package var rows: Int { values.rows }
    package var columns: Int { values.columns }
    /// Whether the values leave memory once they are laid out anew.
    var isMapped: Bool { bytes?.isReleasable ?? false }

    package func layOut() { transposed.makeKept(of: values) { bytes?.releasePages() } }

    package func unpack(_ rows: Range<Int>, into out: UnsafeMutablePointer<Float>) {
        out.update(from: values.row(rows.lowerBound), count: rows.count * columns)
    }

    package func multiplyTransposed(_ x: Matrix, into out: Matrix, adding: Bool, pool: BufferPool) {
        if transposed.multiply(
            x, values, into: out, adding: adding, pool, whenMade: { bytes?.releasePages() })
        {
            return
        }
        if pool.isOnlyMeasured { return }
        Product.multiplyTransposed(x, values, into: out, beta: adding ? 1 : 0)
    }

    /// oneDNN's kernels sum each element over the shared dimension in one order for any number of rows; OpenBLAS's do not.
    package func multiplyTransposedByRow(_ x: Matrix, into out: Matrix, adding: Bool, pool: BufferPool) {
        if transposed.multiply(
            x, values, into: out, adding: adding, pool, whenMade: { bytes?.releasePages() })
        {
            return
        }
        multiplyTransposedInPanels(x, into: out, adding: adding, pool: pool)
    }

    package func multiply(_ g: Matrix, into out: Matrix, adding: Bool, pool: BufferPool) {
        if plain.multiply(g, values, into: out, adding: adding, pool, whenMade: { bytes?.releasePages() }) {
            return
        }
        if pool.isOnlyMeasured { return }
        Product.multiply(g, values, into: out, beta: adding ? 1 : 0)
    }

    package func multiplyTransposed(_ x: Matrix, rows: Range<Int>, into out: Matrix, pool: BufferPool) {
        if pool.isOnlyMeasured { return }
        Product.multiplyTransposed(x, values.rows(rows), into: out)
    }

    package func multiply(
        _ g: Matrix, rows: Range<Int>, into out: Matrix, adding: Bool, pool: BufferPool
    ) {
        if pool.isOnlyMeasured { return }
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

    package func forEachTile(_ body: (Int, UnsafeBufferPointer<Float>) -> Void) { body(0, values.buffer) }

    package func productMemory(isBackward: Bool) -> ProductMemory {
        guard PackedWeight.isSupported else { return .none }
        let kept = Self.packedMemory(
            rows: rows, columns: columns, isMapped: isMapped, isBackward: isBackward)
        return isReadInPassing ? ProductMemory(bytes: 0, kernels: kept.kernels) : kept
    }

    /// Of copies laid out for oneDNN beside values that leave memory if they are mapped.
    package static func packedMemory(rows: Int, columns: Int, isMapped: Bool, isBackward: Bool)
        -> ProductMemory
    {
        var shapes = [ProductMemory.Shape(rows: columns, columns: rows)]
        if isBackward { shapes.append(ProductMemory.Shape(rows: rows, columns: columns)) }
        let packed = shapes.reduce(0) { $0 + PackedWeight.elements(rows: $1.rows, columns: $1.columns) }
        return ProductMemory(
            bytes: (packed - (isMapped ? rows * columns : 0)) * MemoryLayout<Float>.size,
            kernels: Set(shapes))
    }

    package func releasePages() -> Int { bytes?.releasePages() ?? 0 }
}

/// Copies laid out for oneDNN, on machines that gain by one: one that is made when it is first asked for, or one for each product.
private final class LaidOut: Sendable {
    private let isTransposed: Bool
    private let isKept: Bool
    private let kept = Mutex<PackedWeight?>(nil)

    init(transposed: Bool, isKept: Bool) {
        isTransposed = transposed
        self.isKept = isKept
    }

    func makeKept(of values: Matrix, whenMade: () -> Void) {
        if isKept { _ = keptCopy(of: values, whenMade) }
    }

    private func keptCopy(of values: Matrix, _ whenMade: () -> Void) -> PackedWeight? {
        kept.withLock { kept in
            if let kept { return kept }
            kept = PackedWeight(values, transposed: isTransposed)
            if kept != nil { whenMade() }
            return kept
        }
    }

    /// out = x · values, or x · valuesᵀ.
    ///
    /// - Returns: false where this machine gains nothing by a copy, and nothing was done.
    func multiply(
        _ x: Matrix, _ values: Matrix, into out: Matrix, adding: Bool, _ pool: BufferPool,
        whenMade: () -> Void
    ) -> Bool {
        guard PackedWeight.isMade(of: values, transposed: isTransposed) else { return false }
        let space = isKept ? nil : PackedWeight.space(for: values, transposed: isTransposed, pool)
        if pool.isOnlyMeasured { return true }
        let copy =
            isKept
            ? keptCopy(of: values, whenMade) : PackedWeight(values, transposed: isTransposed, in: space)
        guard let copy else { return false }
        if !adding { out.fill(0) }
        copy.add(x, into: out)
        return true
    }
}
