import CVectorKernels
import GoldenFiles
import Matrices
import ModelFiles
import Testing

/// Frozen weights in every format: the bits they unpack to, and products, rows and checks against those.
@Suite struct WeightFormatTests {
    private static func random(_ rows: Int, _ columns: Int, _ format: String) throws -> any FrozenMatrix {
        let kind = try #require(WeightFormat.named(format))
        let bytes = try PackedValues.random(rows, columns, format, seed: 60)
        return kind.open(rows: rows, columns: columns, WeightBytes(copying: bytes))
    }

    @Test(arguments: ["F16", "BF16", "Q8_0", "Q8_0.any"]) func unpacksToTheBitsOfGGML(name: String) throws {
        let golden = try Golden.tensors("weights/formats.safetensors")
        let format = try #require(WeightFormat.named(String(name.prefix { $0 != "." })))
        try Self.expectBits(golden, name, format, columns: 96)
    }

    @Test(arguments: WeightFormat.all.map(\.name).filter { PackedValues.scales[$0] != nil || $0 == "MXFP4" })
    func arbitraryBlocksUnpackToTheBitsOfGGML(name: String) throws {
        let golden = try Golden.tensors(
            name == "Q8_0" ? "weights/formats.safetensors" : "weights/blocks.safetensors")
        let format = try #require(WeightFormat.named(name))
        try Self.expectBits(golden, name, format, columns: name == "Q8_0" ? 96 : 2 * format.blockWeights)
    }

    private static func expectBits(
        _ golden: TensorStore, _ name: String, _ format: WeightFormat, columns: Int
    ) throws {
        let expected = try golden.floats(name + ".values")
        let bytes = try golden.bytes(name)
        let rows = expected.count / columns
        // Files need not align them.
        for offset in [0, 1] {
            let raw = WeightBytes(copying: Array(repeating: 0xAA, count: offset) + bytes)
            let shifted = WeightBytes(
                UnsafeRawBufferPointer(rebasing: raw.raw[offset...]), of: raw.owner, release: {})
            let matrix = format.open(rows: rows, columns: columns, shifted)
            #expect(matrix.format == format.name && matrix.releasePages() == bytes.count)
            #expect(matrix.dense().values.map(\.bitPattern) == expected.map(\.bitPattern), "\(offset)")
            var row = [Float](repeating: .nan, count: 2 * columns)
            row.withUnsafeMutableBufferPointer { buffer in
                if let base = buffer.baseAddress { matrix.unpack(3..<5, into: base) }
            }
            #expect(row.map(\.bitPattern) == expected[(3 * columns)..<(5 * columns)].map(\.bitPattern))
        }
    }

    @Test func theTestsQuantiserIsGGMLs() throws {
        let golden = try Golden.tensors("weights/formats.safetensors")
        let values = try golden.floats("values")
        for format in ["F16", "BF16", "Q8_0"] {
            #expect(try PackedValues.packed(values, format) == golden.bytes(format), "\(format)")
        }
    }

    /// Swift's own Float16 is the reference; NaNs compare by being NaN, since hardware may quiet them.
    @Test func everyHalfAndEveryBFloat16() {
        let bits = Array(0...UInt16.max)
        var (halves, brains) = ([Float](repeating: 0, count: 65_536), [Float](repeating: 0, count: 65_536))
        avk_from_float16(bits, &halves, bits.count)
        avk_from_bfloat16(bits, &brains, bits.count)
        let wrong = bits.filter {
            let expected = Float(Float16(bitPattern: $0))
            let found = halves[Int($0)]
            return expected.isNaN ? !found.isNaN : expected.bitPattern != found.bitPattern
        }
        #expect(wrong == [])
        #expect(bits.filter { brains[Int($0)].bitPattern != UInt32($0) << 16 } == [])
    }

    /// Tails of vectors, and nothing beyond the end.
    @Test(arguments: kernelSizes) func kernelsWriteWhatTheyAreAsked(count: Int) throws {
        let values = normalValues(count * 32, seed: 61)
        var out = [Float](repeating: 7, count: count * 32 + 1)
        avk_from_q8_0(PackedValues.quantised(values), &out, count)
        // d is rounded to 11 bits and q to half a step of the largest magnitude, which is below 6, over 127.
        #expect(zip(values, out).allSatisfy { abs($0 - $1) < 6 / 127 * 0.6 })
        #expect(out[count * 32] == 7)
        avk_from_float16(values.map { Float16($0) }, &out, count)
        #expect(out[..<count].elementsEqual(values[..<count].map { Float(Float16($0)) }))
        avk_from_bfloat16(try PackedValues.packed(Array(values[..<count]), "BF16"), &out, count)
        #expect(zip(values[..<count], out).allSatisfy { abs($0 - $1) <= abs($0) * 0x1p-8 })
    }

    /// One tile; four of uneven size; a few rows; rows longer than a tile.
    private static let shapes = [(24, 64), (900, 1024), (5, 32), (11, 1 << 15)]

    /// Few rows and many go different ways.
    @Test(arguments: WeightFormat.all.map(\.name), shapes)
    func productsAreThoseOfTheUnpackedMatrix(format: String, shape: (Int, Int)) throws {
        for samples in [3, 17] { try Self.checkProducts(format, shape, samples) }
    }

    private static func checkProducts(_ format: String, _ shape: (Int, Int), _ samples: Int) throws {
        let rows = shape.0
        let columns = max(shape.1, try #require(WeightFormat.named(format)).blockWeights)
        let weight = try Self.random(rows, columns, format)
        let dense = weight.dense()
        let x = normalMatrix(samples, columns, seed: 62)
        let g = normalMatrix(samples, rows, seed: 63)
        let pool = BufferPool()
        for adding in [false, true] {
            let out = normalMatrix(samples, rows, seed: 64)
            let expected = Matrix(copying: out)
            if !adding { out.fill(.nan) }
            weight.multiplyTransposed(x, into: out, adding: adding, pool: pool)
            Product.multiplyTransposed(x, dense, into: expected, beta: adding ? 1 : 0)
            Self.expectClose(out, expected, terms: columns)
            let back = normalMatrix(samples, columns, seed: 65)
            let expectedBack = Matrix(copying: back)
            if !adding { back.fill(.nan) }
            weight.multiply(g, into: back, adding: adding, pool: pool)
            Product.multiply(g, dense, into: expectedBack, beta: adding ? 1 : 0)
            Self.expectClose(back, expectedBack, terms: rows)
        }
        // Some rows, from the first, in the middle, none.
        for part in [0..<rows / 2, 1..<rows, 2..<2] {
            let some = dense.view(offset: part.lowerBound * columns, rows: part.count, columns: columns)
            let (out, expected) = (
                Matrix(rows: samples, columns: part.count), Matrix(rows: samples, columns: part.count)
            )
            out.fill(.nan)
            weight.multiplyTransposed(x, rows: part, into: out, pool: pool)
            Product.multiplyTransposed(x, some, into: expected)
            Self.expectClose(out, expected, terms: columns)
            let (back, expectedBack) = (
                Matrix(rows: samples, columns: columns), normalMatrix(samples, columns, seed: 68)
            )
            let share = normalMatrix(samples, part.count, seed: 69)
            for adding in [false, true] {
                back.copyValues(from: expectedBack)
                weight.multiply(share, rows: part, into: back, adding: adding, pool: pool)
                let wanted = Matrix(copying: expectedBack)
                Product.multiply(share, some, into: wanted, beta: adding ? 1 : 0)
                Self.expectClose(back, wanted, terms: rows)
            }
        }
    }

    /// Sums of `terms` products of unit normals in two orders. Partial sums are of order √terms and rounded as many times,
    /// which errs by about √terms · √terms · 6e-8; a weight left out or taken twice is of order 1.
    private static func expectClose(_ out: Matrix, _ expected: Matrix, terms: Int) {
        let tolerance = 2e-7 * Float(terms) + 1e-5
        let misses = zip(out.values, expected.values).count { !(abs($0 - $1) <= tolerance) }
        #expect(misses == 0, "\(misses) of \(out.count)")
    }

    /// Same bits from tile to tile of one product or many, and no memory once a step has had its buffers.
    @Test func productsTakeTheirTilesFromThePool() throws {
        let weight = try Self.random(900, 1024, "BF16")
        let x = normalMatrix(5, 1024, seed: 66)
        let pool = BufferPool()
        var results: [[Float]] = []
        var allocations: [Int] = []
        for _ in 0..<3 {
            let out = pool.matrix(rows: 5, columns: 900)
            weight.multiplyTransposed(x, into: out, adding: false, pool: pool)
            results.append(out.values)
            allocations.append(pool.allocations)
        }
        #expect(results[1] == results[0] && results[2] == results[0])
        // What is written, a panel, the rows that are laid out in it, and x in two parts, since it is wide.
        #expect(allocations == [4, 4, 4])
        // Not the matrix.
        #expect(pool.allocatedElements < 900 * 1024 / 2)
    }

    /// While a pool is only measured products compute nothing, and ask for the same buffers.
    @Test(arguments: ["F32", "BF16", "Q4_0"], [false, true])
    func measuredProductsAskForTheSame(format: String, inBFloat16: Bool) throws {
        let plain = try Self.random(900, 1024, format)
        let weight: any FrozenMatrix = inBFloat16 ? BFloat16Products(plain) : plain
        let (x, g) = (normalMatrix(7, 1024, seed: 71), normalMatrix(7, 900, seed: 72))
        func multiply(_ pool: BufferPool, _ isForward: Bool) -> Matrix {
            let out = Matrix(rows: 7, columns: isForward ? 900 : 1024)
            if isForward {
                weight.multiplyTransposed(x, into: out, adding: false, pool: pool)
            } else {
                weight.multiply(g, into: out, adding: false, pool: pool)
            }
            return out
        }
        for isForward in [true, false] {
            let (measured, used) = (BufferPool(), BufferPool())
            var left = [Float]()
            let events = measured.record { left = multiply(measured, isForward).values }
            #expect(left.allSatisfy { $0 == 0 })
            #expect(multiply(used, isForward).values.contains { $0 != 0 })
            #expect(measured.allocations == used.allocations)
            #expect(measured.allocatedElements == used.allocatedElements)
            let takes = events.count { if case .take = $0 { true } else { false } }
            #expect(takes == used.allocations)
            // Afterwards it is a pool as any other.
            #expect(multiply(measured, isForward).values == multiply(used, isForward).values)
        }
    }

    @Test(arguments: WeightFormat.all.map(\.name)) func rowsAreReadFromTheFormat(format: String) throws {
        let weight = try Self.random(6, 256, format)
        let dense = weight.dense()
        let pool = BufferPool()
        let out = Matrix(rows: 4, columns: 256)
        out.fill(.nan)
        let indices: [Int32] = [5, 0, 0, 3]
        weight.gather(indices, into: out, adding: false, pool: pool)
        let once = out.values
        #expect(once == indices.flatMap { dense.view(offset: Int($0) * 256, rows: 1, columns: 256).values })
        weight.gather(indices, into: out, adding: true, pool: pool)
        #expect(out.values == once.map { $0 + $0 })
    }

    @Test(arguments: WeightFormat.all.map(\.name)) func tilesAreAllValuesInOrder(format: String) throws {
        // Rows of an odd number of weights, where the format has such.
        let columns = try #require(WeightFormat.named(format)).blockWeights == 1 ? 1023 : 1024
        let weight = try Self.random(900, columns, format)
        var values: [Float] = []
        var counts: [Int] = []
        weight.forEachTile { first, tile in
            #expect(first * columns == values.count)
            values += Array(tile)
            counts.append(tile.count)
        }
        #expect(values == weight.dense().values)
        #expect(counts.dropLast().allSatisfy { $0 % 2 == 0 })
        #expect(counts.count == (format == "F32" ? 1 : 4), "\(counts)")
    }

    @Test(arguments: WeightFormat.all.map(\.name)) func whatIsNotFiniteIsSeen(format: String) throws {
        // 900 × 1024 are several tiles; the last weight, or each scale of the last block.
        let kind = try #require(WeightFormat.named(format))
        let good = try PackedValues.random(900, 1024, format, seed: 67)
        #expect(kind.open(rows: 900, columns: 1024, WeightBytes(copying: good)).isFinite)
        for (place, value) in try PackedValues.notFinite(format) {
            var bytes = good
            let start = bytes.count - kind.blockBytes + place
            bytes.replaceSubrange(start..<start + value.count, with: value)
            #expect(
                !kind.open(rows: 900, columns: 1024, WeightBytes(copying: bytes)).isFinite,
                "\(value) at \(place)")
        }
    }

    /// A scale that is no number is seen whatever the weights of its block are: 0 times infinity is NaN.
    @Test(arguments: WeightFormat.all.map(\.name).filter { PackedValues.scales[$0] != nil || $0 == "MXFP4" })
    func scalesAreSeenInBlocksOfZeros(format: String) throws {
        let kind = try #require(WeightFormat.named(format))
        for (place, value) in try PackedValues.notFinite(format) {
            var bytes = [UInt8](repeating: 0, count: kind.blockBytes)
            bytes.replaceSubrange(place..<place + value.count, with: value)
            #expect(
                !kind.open(rows: 1, columns: kind.blockWeights, WeightBytes(copying: bytes)).isFinite,
                "\(value) at \(place)")
        }
    }

    @Test func sizesAndNames() throws {
        #expect(
            WeightFormat.all.map(\.name) == [
                "F32", "BF16", "F16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q2_K", "Q3_K", "Q4_K", "Q5_K",
                "Q6_K", "IQ4_NL", "IQ4_XS", "MXFP4",
            ])
        #expect(WeightFormat.named("I64") == nil)
        let q8 = try #require(WeightFormat.named("Q8_0"))
        #expect(q8.byteCount(rows: 3, columns: 64) == 3 * 2 * 34 && q8.byteCount(rows: 3, columns: 48) == nil)
        #expect(WeightFormat.named("BF16")?.byteCount(rows: 3, columns: 5) == 30)
    }

    @Test func bytesOfAnotherSizeTrap() async {
        await #expect(processExitsWith: .failure) {
            _ = WeightFormat.named("F16")?.open(rows: 2, columns: 2, WeightBytes(copying: [1, 2, 3]))
        }
    }
}

/// What is Float32's own: it is used where it lies, and laid out for oneDNN.
@Suite struct Float32WeightTests {
    private final class Releases: @unchecked Sendable {
        var count = 0
    }

    private func mapped(_ values: Matrix, offset: Int = 0) throws -> (weight: any FrozenMatrix, Releases) {
        let releases = Releases()
        let bytes = WeightBytes(
            copying: Array(repeating: 0, count: offset) + Array(UnsafeRawBufferPointer(values.buffer)))
        let raw = UnsafeRawBufferPointer(rebasing: bytes.raw[offset...])
        let weight = try #require(WeightFormat.named("F32")).open(
            rows: values.rows, columns: values.columns,
            WeightBytes(raw, of: bytes.owner) { releases.count += 1 })
        return (weight, releases)
    }

    @Test func unalignedValuesAreCopied() throws {
        let values = normalMatrix(4, 8, seed: 70)
        for offset in 0..<5 {
            let (weight, releases) = try mapped(values, offset: offset)
            #expect(weight.dense().values == values.values)
            #expect(weight.releasePages() == (offset % 4 == 0 ? 128 : 0))
            #expect(releases.count == (offset % 4 == 0 ? 1 : 0))
        }
    }

    /// Each product lays the matrix out once where oneDNN has kernels for it; the mapped values then leave memory.
    @Test func layingOutReleasesTheMappedValues() throws {
        let values = normalMatrix(96, 64, seed: 71)
        let (weight, releases) = try mapped(values)
        let (x, g, pool) = (normalMatrix(7, 64, seed: 72), normalMatrix(7, 96, seed: 73), BufferPool())
        var counts: [Int] = []
        for _ in 0..<2 {
            weight.multiplyTransposed(x, into: Matrix(rows: 7, columns: 96), adding: false, pool: pool)
            counts.append(releases.count)
            weight.multiply(g, into: Matrix(rows: 7, columns: 64), adding: false, pool: pool)
            counts.append(releases.count)
        }
        #expect(counts == (PackedWeight.isSupported ? [1, 2, 2, 2] : [0, 0, 0, 0]))
        #expect(pool.allocations == 0)
    }

    /// [O, I] = [100, 64]: forward 64 · 128 floats, backward 100 · 64, and the 64 · 100 plain ones of a mapped file go.
    @Test func productMemoryByHand() throws {
        func memory(_ isMapped: Bool, _ isBackward: Bool) -> ProductMemory {
            Float32Weight.packedMemory(rows: 100, columns: 64, isMapped: isMapped, isBackward: isBackward)
        }
        #expect(memory(false, false).bytes == 8192 * 4 && memory(false, false).kernels.count == 1)
        #expect(memory(false, true).bytes == (8192 + 6400) * 4 && memory(false, true).kernels.count == 2)
        #expect(memory(true, true).bytes == 8192 * 4)
        let (weight, _) = try mapped(normalMatrix(100, 64, seed: 74))
        let expected = PackedWeight.isSupported ? memory(true, true) : .none
        #expect(weight.productMemory(isBackward: true) == expected && weight.releasePages() == 25_600)
    }
}
