/// Buffers of one worker, reused from step to step. Not for use by two threads at a time.
///
/// Sizes are rounded up to four classes per power of two, so that shards of slightly different token counts
/// share buffers; a training loop stops allocating after its first steps (`allocations` counts).
public final class BufferPool: @unchecked Sendable {
    private var free: [Int: [UnsafeMutablePointer<Float>]] = [:]
    /// How often memory had to be taken from the system.
    public private(set) var allocations = 0
    /// Floats taken from the system so far.
    public private(set) var allocatedElements = 0

    public init() {}

    deinit {
        for pointers in free.values { for pointer in pointers { pointer.deallocate() } }
    }

    /// A matrix whose contents are undefined unless `zeroed`; its memory returns here when it goes away.
    public func matrix(rows: Int, columns: Int, zeroed: Bool = false) -> Matrix {
        var capacity = Self.capacity(for: rows * columns)
        let pointer: UnsafeMutablePointer<Float>
        if let reused = takeFree(from: capacity) {
            (pointer, capacity) = reused
        } else {
            pointer = .allocate(capacity: capacity)
            // Touched once here: a page of undefined contents must never look like a number that was computed.
            pointer.initialize(repeating: 0, count: capacity)
            allocations += 1
            allocatedElements += capacity
        }
        if zeroed { pointer.update(repeating: 0, count: rows * columns) }
        return Matrix(rows: rows, columns: columns, pool: self, pointer: pointer, capacity: capacity)
    }

    /// A free buffer of this class, or of a larger one up to twice the size: shards of changing token counts
    /// would otherwise leave a full set of buffers in every class.
    private func takeFree(from smallest: Int) -> (UnsafeMutablePointer<Float>, Int)? {
        var capacity = smallest
        while capacity <= 2 * smallest {
            if let pointer = free[capacity]?.popLast() { return (pointer, capacity) }
            capacity = Self.capacity(for: capacity + 1)
        }
        return nil
    }

    func giveBack(_ pointer: UnsafeMutablePointer<Float>, capacity: Int) {
        free[capacity, default: []].append(pointer)
    }

    package static func capacity(for count: Int) -> Int {
        if count <= 64 { return 64 }
        let power = 1 << (Int.bitWidth - 1 - count.leadingZeroBitCount)
        let quarter = power / 4
        return power + (count - power + quarter - 1) / quarter * quarter
    }
}
