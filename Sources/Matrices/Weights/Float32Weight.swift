import CVectorKernels
import Synchronization

/// Float32, where the file is mapped or in memory of its own. Products go through copies that are laid out for oneDNN
/// where this machine has kernels for them, made at the first product of each kind.
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
    private let transposed = LaidOut(transposed: true)
    private let plain = LaidOut(transposed: false)

    /// Values that nobody will change.
    package init(_ values: Matrix) {
        self.values = values
        bytes = nil
    }

    /// Mapped values, or a copy if they do not lie at a multiple of 4 bytes.
    init(rows: Int, columns: Int, _ bytes: WeightBytes) {
        guard let base = bytes.raw.baseAddress, UInt(bitPattern: base).isMultiple(of: 4) else {
            values = Matrix(rows: rows, columns: columns)
            UnsafeMutableRawBufferPointer(start: values.pointer, count: bytes.count).copyMemory(
                from: bytes.raw)
            self.bytes = nil
            return
        }
        let pointer = UnsafeMutablePointer(mutating: base.assumingMemoryBound(to: Float.self))
        values = Matrix(rows: rows, columns: columns, borrowing: pointer, from: bytes.owner)
        self.bytes = bytes
    }

    /// The same values without the copies that products have made.
    init(sharing other: Float32Weight) {
        values = other.values
        bytes = other.bytes
    }

    package var rows: Int { values.rows }
    package var columns: Int { values.columns }
    /// Whether the values leave memory once they are laid out anew.
    var isMapped: Bool { bytes?.isReleasable ?? false }

    package func layOut() { _ = transposed.copy(of: values) { bytes?.releasePages() } }

    package func unpack(_ rows: Range<Int>, into out: UnsafeMutablePointer<Float>) {
        out.update(from: values.row(rows.lowerBound), count: rows.count * columns)
    }

    package func multiplyTransposed(_ x: Matrix, into out: Matrix, adding: Bool, pool: BufferPool) {
        if pool.isOnlyMeasured { return }
        if let packed = transposed.copy(of: values, whenMade: { bytes?.releasePages() }) {
            if !adding { out.fill(0) }
            return packed.add(x, into: out)
        }
        Product.multiplyTransposed(x, values, into: out, beta: adding ? 1 : 0)
    }

    /// oneDNN's kernels sum each element over the shared dimension in one order for any number of rows; OpenBLAS's do not.
    package func multiplyTransposedByRow(_ x: Matrix, into out: Matrix, adding: Bool, pool: BufferPool) {
        if transposed.copy(of: values, whenMade: { bytes?.releasePages() }) != nil {
            return multiplyTransposed(x, into: out, adding: adding, pool: pool)
        }
        multiplyTransposedInPanels(x, into: out, adding: adding, pool: pool)
    }

    package func multiply(_ g: Matrix, into out: Matrix, adding: Bool, pool: BufferPool) {
        if pool.isOnlyMeasured { return }
        if let packed = plain.copy(of: values, whenMade: { bytes?.releasePages() }) {
            if !adding { out.fill(0) }
            return packed.add(g, into: out)
        }
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
        return Self.packedMemory(
            rows: rows, columns: columns, isMapped: isMapped, isBackward: isBackward)
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

/// A copy that is made when it is first asked for; nil on machines that gain nothing by one.
private final class LaidOut: Sendable {
    private enum State {
        case unknown, useless
        case made(PackedWeight)
    }

    private let isTransposed: Bool
    private let state = Mutex(State.unknown)

    init(transposed: Bool) { isTransposed = transposed }

    func copy(of values: Matrix, whenMade: () -> Void) -> PackedWeight? {
        state.withLock { state in
            switch state {
            case .made(let packed): return packed
            case .useless: return nil
            case .unknown:
                guard let packed = PackedWeight(values, transposed: isTransposed) else {
                    state = .useless
                    return nil
                }
                whenMade()
                state = .made(packed)
                return packed
            }
        }
    }
}
