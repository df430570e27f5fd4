/// Buffers of one worker, reused from step to step. Not for use by two threads at a time.
///
/// Sizes are rounded up to four classes per power of two, so that shards of slightly different token counts
/// share buffers; a training loop stops allocating after its first steps (`allocations` counts).
package final class BufferPool: @unchecked Sendable {
    private var free = FreeBuffers<UnsafeMutablePointer<Float>>()
    private var recording: Recording?
    /// What is asked of this pool is written down, and nobody reads what is computed: large products may be left out once they
    /// have asked for their buffers.
    private(set) var isOnlyMeasured = false
    /// How often memory had to be taken from the system.
    package private(set) var allocations = 0
    /// Floats taken from the system so far.
    package private(set) var allocatedElements = 0

    package init() {}

    deinit {
        for pointer in free.all { pointer.deallocate() }
    }

    /// A matrix whose contents are undefined unless `zeroed`; its memory returns here when it goes away.
    package func matrix(rows: Int, columns: Int, zeroed: Bool = false) -> Matrix {
        var capacity = Self.capacity(for: rows * columns)
        let pointer: UnsafeMutablePointer<Float>
        if let reused = free.take(from: capacity) {
            (pointer, capacity) = reused
        } else {
            pointer = .allocate(capacity: capacity)
            // Touched once here: a page of undefined contents must never look like a number that was computed.
            pointer.initialize(repeating: 0, count: capacity)
            allocations += 1
            allocatedElements += capacity
        }
        if zeroed { pointer.update(repeating: 0, count: rows * columns) }
        recording?.take(pointer, rows * columns)
        return Matrix(rows: rows, columns: columns, pool: self, pointer: pointer, capacity: capacity)
    }

    func giveBack(_ pointer: UnsafeMutablePointer<Float>, capacity: Int) {
        recording?.giveBack(pointer)
        free.give(pointer, capacity: capacity)
    }

    /// What `body` asks of this pool, in order. Products with frozen weights are left out.
    package func record(_ body: () -> Void) -> [Event] {
        (recording, isOnlyMeasured) = (Recording(), true)
        body()
        defer { (recording, isOnlyMeasured) = (nil, false) }
        return recording?.events ?? []
    }

    /// Runs one round of a loop whose rounds all ask for the same and give it back: of them the first alone is recorded, so
    /// that what is recorded does not depend on how many there are.
    package func round(_ number: Int, _ body: () -> Void) {
        guard number > 0, let recorded = recording else { return body() }
        recording = nil
        body()
        recording = recorded
    }

    /// A buffer of so many floats is taken, or that of an earlier event comes back.
    package enum Event: Sendable, Equatable {
        case take(Int)
        case giveBack(event: Int)
    }

    private struct Recording {
        var events: [Event] = []
        private var taken: [UnsafeMutablePointer<Float>: Int] = [:]

        mutating func take(_ pointer: UnsafeMutablePointer<Float>, _ count: Int) {
            taken[pointer] = events.count
            events.append(.take(count))
        }

        mutating func giveBack(_ pointer: UnsafeMutablePointer<Float>) {
            if let event = taken.removeValue(forKey: pointer) { events.append(.giveBack(event: event)) }
        }
    }

    /// Floats in a buffer for so many.
    package static func capacity(for count: Int) -> Int { capacity(ofClass: sizeClass(of: count)) }

    /// Four of each power of two, from 64 floats on.
    static func sizeClass(of count: Int) -> Int {
        if count <= 64 { return 0 }
        let exponent = Int.bitWidth - 1 - count.leadingZeroBitCount
        let quarter = 1 << (exponent - 2)
        return 4 * (exponent - 6) + (count - 4 * quarter + quarter - 1) / quarter
    }

    static func capacity(ofClass sizeClass: Int) -> Int { (4 + sizeClass % 4) * (16 << (sizeClass / 4)) }
}

/// Buffers that nobody uses, by capacity. An array, since each change of a dictionary's entry allocates.
package struct FreeBuffers<Buffer> {
    /// By size class.
    private var buffers: [[Buffer]] = []

    package init() {}

    var all: [Buffer] { buffers.flatMap(\.self) }

    package mutating func give(_ buffer: Buffer, capacity: Int) {
        let sizeClass = BufferPool.sizeClass(of: capacity)
        while buffers.count <= sizeClass { buffers.append([]) }
        buffers[sizeClass].append(buffer)
    }

    /// A buffer of this class, or of a larger one up to twice the size: shards of changing token counts would otherwise
    /// leave a full set of buffers in every class.
    package mutating func take(from smallest: Int) -> (Buffer, capacity: Int)? {
        let first = BufferPool.sizeClass(of: smallest)
        for sizeClass in first..<max(first, min(first + 5, buffers.count)) {
            if let buffer = buffers[sizeClass].popLast() {
                return (buffer, BufferPool.capacity(ofClass: sizeClass))
            }
        }
        return nil
    }
}
