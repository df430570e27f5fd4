import Matrices
import Testing

@Suite struct BufferPoolTests {
    @Test func capacityClasses() {
        var previous = 0
        var classes: Set<Int> = []
        for count in 0...200_000 {
            let capacity = BufferPool.capacity(for: count)
            #expect(capacity >= count && capacity >= previous)
            // Small buffers share one class; above it a quarter of a power of two is at most a third too much.
            #expect(count < 64 || Double(capacity) < 1.34 * Double(count))
            #expect(capacity == previous || BufferPool.capacity(for: capacity) == capacity)
            previous = capacity
            if count > 65_536 && count <= 131_072 { classes.insert(capacity) }
        }
        #expect(classes.count == 4, "four classes per power of two")
        #expect(BufferPool.capacity(for: 0) > 0)
        #expect(BufferPool.capacity(for: 1 << 40) == 1 << 40)
    }

    private func round(_ pool: BufferPool) {
        let outer = pool.matrix(rows: 10, columns: 100)
        for size in 1..<20 {
            let inner = pool.matrix(rows: size, columns: 37)
            inner.fill(Float(size))
            outer.pointer[size] = inner.pointer[0]
        }
    }

    @Test func aSecondIdenticalRoundAllocatesNothing() {
        let pool = BufferPool()
        round(pool)
        let (allocations, elements) = (pool.allocations, pool.allocatedElements)
        #expect(allocations > 0 && elements >= 1000)
        for _ in 0..<5 { round(pool) }
        #expect(pool.allocations == allocations && pool.allocatedElements == elements)
    }

    @Test func aBufferReturnsWhenItsMatrixGoesAway() {
        let pool = BufferPool()
        var first: Matrix? = pool.matrix(rows: 3, columns: 50)
        let address = first?.pointer
        first = nil
        // 150 and 155 floats are of one class.
        let second = pool.matrix(rows: 5, columns: 31)
        #expect(second.pointer == address && pool.allocations == 1)
        let third = pool.matrix(rows: 5, columns: 31)
        #expect(third.pointer != second.pointer && pool.allocations == 2)
    }

    @Test func aViewKeepsItsBufferOutOfThePool() {
        let pool = BufferPool()
        var whole: Matrix? = pool.matrix(rows: 4, columns: 25)
        whole?.fill(3)
        let view = whole?.view(offset: 25, rows: 2, columns: 25)
        whole = nil
        pool.matrix(rows: 4, columns: 25).fill(9)
        #expect(pool.allocations == 2)
        #expect(view?.values == [Float](repeating: 3, count: 50))
    }

    @Test func zeroedOnRequest() {
        let pool = BufferPool()
        pool.matrix(rows: 9, columns: 9).fill(.nan)
        #expect(pool.matrix(rows: 9, columns: 9, zeroed: true).values.allSatisfy { $0 == 0 })
        #expect(pool.allocations == 1)
    }
}

@Suite struct MatrixTests {
    @Test func startsAtZeroAndHoldsRowMajorValues() {
        #expect(Matrix(rows: 2, columns: 3).values == [0, 0, 0, 0, 0, 0])
        let matrix = Matrix(rows: 2, columns: 3, values: [1, 2, 3, 4, 5, 6])
        #expect(matrix.row(1)[0] == 4 && matrix.count == 6)
        #expect(
            Matrix(rows: 0, columns: 3).values.isEmpty && Matrix(rows: 3, columns: 0, values: []).count == 0)
    }

    @Test func viewsShareMemory() {
        let matrix = Matrix(rows: 3, columns: 4)
        let view = matrix.view(offset: 5, rows: 1, columns: 3)
        view.copyValues(from: [7, 8, 9])
        #expect(matrix.values == [0, 0, 0, 0, 0, 7, 8, 9, 0, 0, 0, 0])
        #expect(matrix.view(offset: 12, rows: 0, columns: 4).values.isEmpty)
        view.view(offset: 1, rows: 1, columns: 1).fill(-1)
        #expect(matrix.row(1)[2] == -1)
        let other = Matrix(rows: 4, columns: 3)
        other.copyValues(from: matrix)
        #expect(other.values == matrix.values)
    }

    private final class Owner {
        let onEnd: () -> Void
        let memory = UnsafeMutablePointer<Float>.allocate(capacity: 4)
        init(onEnd: @escaping () -> Void) {
            self.onEnd = onEnd
            memory.initialize(repeating: 5, count: 4)
        }
        deinit {
            memory.deallocate()
            onEnd()
        }
    }

    @Test func borrowedMemoryKeepsItsOwner() {
        var ended = false
        var owner: Owner? = Owner { ended = true }
        var matrix = owner.map { Matrix(rows: 2, columns: 2, borrowing: $0.memory, from: $0) }
        owner = nil
        #expect(!ended && matrix?.values == [5, 5, 5, 5])
        matrix = nil
        #expect(ended)
    }

    @Test func sumOfSquaresIsInDouble() {
        // In Float32 the ones would be lost beside 1e8².
        let matrix = Matrix(rows: 1, columns: 5, values: [1e5, 1, 1, 1, 1])
        #expect(matrix.sumOfSquares == 1e10 + 4)
        let large = Matrix(rows: 1, columns: 2, values: [1e30, 1e30])
        // 1e30 in Float32 is off by 1e-8 of itself.
        #expect(abs(large.sumOfSquares / 2e60 - 1) < 1e-6)
        matrix.pointer[2] = .nan
        #expect(matrix.sumOfSquares.isNaN)
    }
}
