import Matrices
import Testing

/// The packed product against `Product.multiply`, on machines that have one.
@Suite(.enabled(if: PackedWeight.isSupported))
struct PackedWeightTests {
    private static func random(_ rows: Int, _ columns: Int, _ name: String) -> Matrix {
        let matrix = Matrix(rows: rows, columns: columns)
        var stream = RandomStream(seed: 3, purpose: name, indices: [rows, columns])
        stream.fillNormal(matrix, deviation: 1)
        return matrix
    }

    /// Whole blocks, tails, single rows and widths that fill no vector.
    @Test(arguments: [1, 5, 63, 64, 65, 200], [(64, 64), (384, 96), (36, 100), (7, 1), (1, 13)])
    func addsTheSameProduct(rows: Int, shape: (Int, Int)) throws {
        let (inner, columns) = shape
        let x = Self.random(rows, inner, "x")
        let weight = Self.random(inner, columns, "weight")
        let transposed = Matrix(rows: columns, columns: inner)
        transposed.copyTransposed(from: weight)
        let start = Self.random(rows, columns, "start")
        let expected = Matrix(copying: start)
        Product.multiply(x, weight, into: expected, beta: 1)
        for (matrix, isTransposed) in [(weight, false), (transposed, true)] {
            let packed = try #require(PackedWeight(matrix, transposed: isTransposed))
            #expect(packed.rows == inner && packed.columns == columns)
            let out = Matrix(copying: start)
            packed.add(x, into: out)
            // Sums of `inner` products of unit normals, in another order: a few units in the last place of √inner.
            let tolerance = 1e-5 * Float(inner).squareRoot()
            for index in 0..<out.count {
                #expect(abs(out.pointer[index] - expected.pointer[index]) <= tolerance)
            }
        }
    }

    /// Shards run on several threads at once, and must give the same bits as one after the other.
    @Test func threadsShareOneWeight() throws {
        let packed = try #require(PackedWeight(Self.random(96, 80, "shared"), transposed: false))
        let x = Self.random(150, 96, "rows")
        let alone = Matrix(rows: 150, columns: 80)
        packed.add(x, into: alone)
        let expected = alone.values
        let results = Workers(count: 4).map(tasks: 32) { _ in
            let out = Matrix(rows: 150, columns: 80)
            packed.add(x, into: out)
            return out.values
        }
        #expect(results.count == 32 && results.allSatisfy { $0 == expected })
    }

    @Test func emptyMatricesAreNotPacked() {
        #expect(PackedWeight(Matrix(rows: 0, columns: 4), transposed: false) == nil)
    }

    /// A copy of its own: what happens to the original afterwards does not matter.
    @Test func packingCopies() throws {
        let weight = Self.random(64, 64, "copied")
        let x = Self.random(3, 64, "x")
        let expected = Matrix(rows: 3, columns: 64)
        Product.multiply(x, weight, into: expected)
        let packed = try #require(PackedWeight(weight, transposed: false))
        weight.fill(0)
        let out = Matrix(rows: 3, columns: 64)
        packed.add(x, into: out)
        for index in 0..<out.count { #expect(abs(out.pointer[index] - expected.pointer[index]) < 1e-4) }
    }

    /// Made before the first product, in Float32 and in bf16, from several threads.
    @Test func layingOutFirstChangesNoBit() {
        let values = Self.random(96, 80, "weight")
        let x = Self.random(20, 80, "x")
        let pool = BufferPool()
        func product(_ matrix: any FrozenMatrix, first: Bool) -> [Float] {
            if first { Workers(count: 3).run(tasks: 6) { _, _ in matrix.layOut() } }
            let out = Matrix(rows: 20, columns: 96)
            matrix.multiplyTransposed(x, into: out, adding: false, pool: pool)
            return out.values
        }
        #expect(
            product(Float32Weight(values), first: true) == product(Float32Weight(values), first: false))
        #expect(
            product(BFloat16Products(Float32Weight(values)), first: true)
                == product(BFloat16Products(Float32Weight(values)), first: false))
    }
}
