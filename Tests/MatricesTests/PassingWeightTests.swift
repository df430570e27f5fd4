import Matrices
import Synchronization
import Testing

/// Weights that are read in passing: the bits of those that stay laid out, and nothing kept.
@Suite struct PassingWeightTests {
    private static func open(_ format: String, _ rows: Int, _ columns: Int) throws -> any FrozenMatrix {
        let kind = try #require(WeightFormat.named(format))
        return kind.open(
            rows: rows, columns: columns,
            WeightBytes(copying: try PackedValues.random(rows, columns, format, seed: 8)))
    }

    /// Its free buffers are full of NaN, so that reading one before it is written shows.
    private static func poisonedPool() -> BufferPool {
        let pool = BufferPool()
        var size = 64
        while size < 1 << 20 {
            let matrices = (0..<3).map { _ in pool.matrix(rows: 1, columns: size) }
            for matrix in matrices { matrix.fill(.nan) }
            size = BufferPool.capacity(for: size + 1)
        }
        return pool
    }

    /// Everything a run asks of a weight, of one row and of many, into memory that held something else.
    private static func products(_ weight: any FrozenMatrix, _ pool: BufferPool) -> [[Float]] {
        var found: [[Float]] = []
        for rows in [1, 7, 64, 139] {
            let x = normalMatrix(rows, weight.columns, seed: 9)
            let g = normalMatrix(rows, weight.rows, seed: 10)
            for adding in [false, true] {
                let out = normalMatrix(rows, weight.rows, seed: 11)
                weight.multiplyTransposed(x, into: out, adding: adding, pool: pool)
                let byRow = normalMatrix(rows, weight.rows, seed: 11)
                weight.multiplyTransposedByRow(x, into: byRow, adding: adding, pool: pool)
                let back = normalMatrix(rows, weight.columns, seed: 12)
                weight.multiply(g, into: back, adding: adding, pool: pool)
                found += [out.values, byRow.values, back.values]
            }
        }
        return found
    }

    /// Widths that fill vectors and panels, and odd ones; shared dimensions in one part and in several.
    @Test(arguments: ["F32", "BF16", "Q8_0"], [(64, 256), (130, 1536), (1100, 96), (71, 32)])
    func hasTheBitsOfOneThatIsKept(_ format: String, shape: (Int, Int)) throws {
        let (rows, columns) = shape
        for inBFloat16 in [false, true] {
            let plain = try Self.open(format, rows, columns)
            let weight: any FrozenMatrix = inBFloat16 ? BFloat16Products(plain) : plain
            let expected = Self.products(weight, BufferPool())
            let pool = Self.poisonedPool()
            #expect(Self.products(weight.readInPassing(), pool) == expected)
            // In either order
            if inBFloat16 {
                #expect(Self.products(BFloat16Products(plain.readInPassing()), pool) == expected)
            }
        }
    }

    /// One weight, as shards on several threads read it at a time.
    @Test(arguments: [false, true]) func threadsReadOneWeight(inBFloat16: Bool) throws {
        let plain = try Self.open("F32", 96, 80)
        let weight = (inBFloat16 ? BFloat16Products(plain) : plain).readInPassing()
        let expected = Self.products(weight, BufferPool())
        let found = Workers(count: 4).map(tasks: 16) { _ in Self.products(weight, BufferPool()) }
        #expect(found.allSatisfy { $0 == expected })
    }

    /// What a product takes comes from the pool and goes back; the estimate of memory hears of it there.
    @Test(arguments: [false, true]) func keepsNothing(inBFloat16: Bool) throws {
        let plain = try Self.open("F32", 128, 64)
        let weight = (inBFloat16 ? BFloat16Products(plain) : plain).readInPassing()
        #expect(weight.productMemory(isBackward: true).bytes == 0)
        weight.layOut()
        let pool = BufferPool()
        let (x, out) = (normalMatrix(3, 128, seed: 1), Matrix(rows: 3, columns: 64))
        let events = pool.record { weight.multiply(x, into: out, adding: false, pool: pool) }
        #expect(out.values.allSatisfy { $0 == 0 })
        weight.multiply(x, into: out, adding: false, pool: pool)
        let asked = events.reduce(0) { sum, event in
            if case .take(let floats) = event { sum + floats } else { sum }
        }
        if inBFloat16 {
            #expect(asked >= 128 * 64 / 2)
        } else {
            #expect(asked == (PackedWeight.isSupported ? 128 * 64 + 16 : 0))
        }
        let before = pool.allocations
        weight.multiply(x, into: out, adding: false, pool: pool)
        #expect(pool.allocations == before)
    }
}
