import CVectorKernels
import Matrices
import ModelFiles
import Testing

/// A number rounded to bf16, to nearest even, by the definition.
private func rounded(_ value: Float) -> Float {
    if value.isNaN || value.isInfinite { return value }
    let low = Float(bitPattern: value.bitPattern & 0xFFFF_0000)
    let step = Float(bitPattern: value.bitPattern & 0xFF80_0000) * 0x1p-7
    let part = (value - low) / step
    let isOdd = value.bitPattern >> 16 & 1 == 1
    return part > 0.5 || (part == 0.5 && isOdd) ? low + step : low
}

/// Products in bf16 with sums of Float32, beside plain loops.
@Suite struct BFloat16ProductTests {
    /// The sum as the instruction has it: each pair's second product before its first, fused.
    private static func sum(_ x: [Float], _ w: [Float]) -> Float {
        var sum: Float = 0
        for i in stride(from: 0, to: x.count, by: 2) {
            if i + 1 < x.count { sum.addProduct(rounded(x[i + 1]), rounded(w[i + 1])) }
            sum.addProduct(rounded(x[i]), rounded(w[i]))
        }
        return sum
    }

    /// Panels of a right factor [K, N].
    private static func panels(_ right: Matrix) -> Matrix {
        let width = avk_pair_columns()
        let pairs = (right.rows + 1) / 2
        let count = (right.columns + width - 1) / width
        let panels = Matrix(rows: count * pairs, columns: width)
        // In two parts
        let cut = min(right.rows, 16)
        avk_into_pair_panels(right.pointer, cut, right.columns, panels.pointer, pairs, 0)
        if right.rows > cut {
            avk_into_pair_panels(
                right.row(cut), right.rows - cut, right.columns, panels.pointer, pairs, cut / 2)
        }
        return panels
    }

    /// Every number of rows below, at and above the six that go through together; full and other panels; odd sums. The same
    /// bits by the loop, the instruction where there is one, and plain Swift.
    @Test(arguments: 1...13, [(1, 1), (5, 2), (64, 37), (33, 36), (130, 63)])
    func kernelAndPlainLoopHaveTheBitsOfTheDefinition(rows: Int, shape: (Int, Int)) {
        let (columns, inner) = shape
        let width = avk_pair_columns()
        let pairs = (inner + 1) / 2
        let x = normalMatrix(rows, inner + 3, seed: 1)
        let right = normalMatrix(inner, columns, seed: 2)
        let panels = Self.panels(right)
        let left = Matrix(rows: rows, columns: pairs + 1)
        avk_to_bfloat16_pairs(x.pointer + 1, inner + 3, rows, inner, left.pointer, pairs + 1)
        let start = normalMatrix(rows, columns + 3, seed: 3)
        for product in [avk_pair_product, avk_pair_product_plain] {
            let out = Matrix(copying: start)
            for first in stride(from: 0, to: columns, by: width) {
                product(
                    left.pointer, pairs + 1, rows, pairs, panels.row(first / width * pairs),
                    out.pointer + 2 + first, columns + 3, min(width, columns - first), 1)
            }
            for row in 0..<rows {
                let values = (0..<inner).map { x.values[row * (inner + 3) + 1 + $0] }
                for column in 0..<columns + 3 {
                    let place = row * (columns + 3) + column
                    var expected = start.values[place]
                    if (2..<columns + 2).contains(column) {
                        expected += Self.sum(
                            values, (0..<inner).map { right.values[$0 * columns + column - 2] })
                    }
                    #expect(out.values[place] == expected, "\(row), \(column)")
                }
            }
        }
    }

    /// Values of all sizes, infinities, NaN and numbers below the normal ones: what is no number stays none, the rest has the
    /// same bits.
    @Test func kernelAndPlainLoopAgreeOnUnusualNumbers() {
        let (rows, inner, columns) = (13, 24, 64)
        var stream = RandomStream(seed: 4, purpose: "any bits")
        func anything(_ rows: Int, _ columns: Int) -> Matrix {
            let values = (0..<rows * columns).map { place -> Float in
                let bits = UInt32(truncatingIfNeeded: stream.next())
                // Exponents near the ends in every third
                let value = Float(bitPattern: bits)
                return place.isMultiple(of: 3)
                    ? Float(bitPattern: bits & 0x807F_FFFF | (bits >> 8 & 31) << 23)
                    : value.isFinite && abs(value) < 0x1p60 ? value : Float(place % 7) - 3
            }
            return Matrix(rows: rows, columns: columns, values: values)
        }
        let (x, right) = (anything(rows, inner), anything(inner, columns))
        x.row(2)[5] = .nan
        x.row(3)[6] = .infinity
        x.row(4)[7] = -.greatestFiniteMagnitude
        let panels = Self.panels(right)
        let left = Matrix(rows: rows, columns: inner / 2)
        avk_to_bfloat16_pairs(x.pointer, inner, rows, inner, left.pointer, inner / 2)
        let (fast, plain) = (Matrix(rows: rows, columns: columns), Matrix(rows: rows, columns: columns))
        avk_pair_product(
            left.pointer, inner / 2, rows, inner / 2, panels.pointer, fast.pointer, columns, columns, 0)
        avk_pair_product_plain(
            left.pointer, inner / 2, rows, inner / 2, panels.pointer, plain.pointer, columns, columns, 0)
        for place in 0..<fast.count {
            let (a, b) = (fast.pointer[place], plain.pointer[place])
            #expect(a.isNaN ? b.isNaN : a == b, "\(place): \(a) and \(b)")
        }
        #expect((0..<columns).allSatisfy { fast.row(2)[$0].isNaN })
        // Infinity times a number that counts as 0 is no number.
        #expect((0..<columns).allSatisfy { !fast.row(3)[$0].isFinite })
        #expect(fast.values.contains { $0.isFinite && $0 != 0 })
    }

    @Test func pairsAreRoundedAsTheFormatIs() throws {
        var values = normalValues(40, seed: 5)
        values[0] = .nan
        values[1] = -.infinity
        values[2] = .greatestFiniteMagnitude
        values[3] = Float(bitPattern: 0x3F80_8000)
        values[4] = Float(bitPattern: 0x3F81_8000)
        let format = try #require(WeightFormat.named("BF16"))
        var packed = [UInt16](repeating: 0, count: 40)
        packed.withUnsafeMutableBytes { bytes in
            if let base = bytes.baseAddress { format.pack?(values, 4, 10, base) }
        }
        // Nine of ten columns: the last pair has 0 beside it.
        let out = Matrix(rows: 4, columns: 6)
        avk_to_bfloat16_pairs(values, 10, 4, 9, out.pointer, 6)
        let halves = UnsafeBufferPointer(
            start: UnsafeRawPointer(out.pointer).assumingMemoryBound(to: UInt16.self), count: 48)
        for row in 0..<4 {
            for column in 0..<9 {
                #expect(halves[row * 12 + column] == packed[row * 10 + column], "\(row), \(column)")
            }
            #expect(halves[row * 12 + 9] == 0)
        }
    }

    // MARK: - Frozen matrices

    private static func matrix(_ rows: Int, _ columns: Int, _ format: String) throws -> any FrozenMatrix {
        let kind = try #require(WeightFormat.named(format))
        let bytes = try PackedValues.random(rows, columns, format, seed: 60)
        return kind.open(rows: rows, columns: columns, WeightBytes(copying: bytes))
    }

    /// The definition's product with W (or Wᵀ), and what bf16 may change of the exact one.
    ///
    /// - Each factor is rounded by up to 2⁻⁸ of itself, their product by up to 2⁻⁷ + 2⁻¹⁶; sums of Float32 as usual.
    private static func expectProduct(
        _ out: Matrix, of x: Matrix, _ weight: (_ inner: Int, _ column: Int) -> Float, adding start: Float
    ) {
        for row in 0..<out.rows {
            for column in 0..<out.columns {
                var (exact, ofRounded, size) = (Double(start), Double(start), Double(abs(start)))
                for i in 0..<x.columns {
                    let (a, b) = (x.row(row)[i], weight(i, column))
                    exact += Double(a) * Double(b)
                    ofRounded += Double(rounded(a)) * Double(rounded(b))
                    size += abs(Double(a) * Double(b))
                }
                let sums = Double(x.columns + 2) * roundoff * size * 1.01
                let value = Double(out.row(row)[column])
                #expect(abs(value - ofRounded) <= sums, "\(row), \(column)")
                #expect(abs(value - exact) <= sums + (0x1p-7 + 0x1p-16) * size, "\(row), \(column)")
            }
        }
    }

    /// Formats that are laid out once and at each product; sizes that fill panels and do not, sums in one block and in two.
    @Test(
        arguments: [
            ("F32", 70, 33), ("F32", 64, 64), ("F32", 17, 2_300), ("BF16", 70, 33), ("Q8_0", 130, 96),
            ("Q4_1", 3, 64), ("Q4_K", 66, 2_304),
        ], [1, 7, 100])
    func productsAreThoseOfRoundedFactors(shape: (format: String, rows: Int, columns: Int), rows: Int) throws
    {
        let plain = try Self.matrix(shape.rows, shape.columns, shape.format)
        let weight = BFloat16Products(plain)
        let values = plain.dense()
        let pool = BufferPool()
        let x = normalMatrix(rows, shape.columns, seed: 6)
        let g = normalMatrix(rows, shape.rows, seed: 7)
        for adding in [false, true] {
            let out = Matrix(rows: rows, columns: shape.rows)
            out.fill(adding ? 0.5 : .nan)
            weight.multiplyTransposed(x, into: out, adding: adding, pool: pool)
            Self.expectProduct(out, of: x, { values.row($1)[$0] }, adding: adding ? 0.5 : 0)
            let back = Matrix(rows: rows, columns: shape.columns)
            back.fill(adding ? 0.5 : .nan)
            weight.multiply(g, into: back, adding: adding, pool: pool)
            Self.expectProduct(back, of: g, { values.row($0)[$1] }, adding: adding ? 0.5 : 0)
        }
        // Some rows
        let part = 1..<shape.rows
        let some = Matrix(rows: rows, columns: part.count)
        weight.multiplyTransposed(x, rows: part, into: some, pool: pool)
        Self.expectProduct(some, of: x, { values.row($1 + 1)[$0] }, adding: 0)
        let ofSome = normalMatrix(rows, part.count, seed: 8)
        let back = Matrix(rows: rows, columns: shape.columns)
        weight.multiply(ofSome, rows: part, into: back, adding: false, pool: pool)
        Self.expectProduct(back, of: ofSome, { values.row($0 + 1)[$1] }, adding: 0)
    }

    /// A row has the same bits alone, among others, and on any thread; what is no number stays in its row.
    @Test(arguments: ["F32", "Q4_K"]) func rowsDoNotDependOnTheirNeighbours(format: String) throws {
        let weight = BFloat16Products(try Self.matrix(70, 512, format))
        let (x, g) = (normalMatrix(200, 512, seed: 9), normalMatrix(200, 70, seed: 10))
        let pool = BufferPool()
        @Sendable func products(_ x: Matrix, _ g: Matrix, _ pool: BufferPool) -> ([Float], [Float]) {
            let (out, back) = (Matrix(rows: x.rows, columns: 70), Matrix(rows: x.rows, columns: 512))
            weight.multiplyTransposed(x, into: out, adding: false, pool: pool)
            weight.multiply(g, into: back, adding: false, pool: pool)
            return (out.values, back.values)
        }
        let all = products(x, g, pool)
        let results = Workers(count: 4).map(tasks: 8) { _ in products(x, g, BufferPool()) }
        #expect(results.count == 8 && results.allSatisfy { $0 == all })
        for row in [0, 5, 6, 95, 96, 199] {
            let one = products(x.rows(row..<row + 1), g.rows(row..<row + 1), pool)
            #expect(one.0.elementsEqual(all.0[row * 70..<row * 70 + 70]), "\(row)")
            #expect(one.1.elementsEqual(all.1[row * 512..<row * 512 + 512]), "\(row)")
        }
        x.row(7)[3] = .nan
        g.row(8)[2] = .infinity
        let broken = products(x, g, pool)
        for row in 0..<200 {
            let (out, back) = (broken.0[row * 70..<row * 70 + 70], broken.1[row * 512..<row * 512 + 512])
            #expect(out.allSatisfy { $0.isNaN } == (row == 7), "\(row)")
            #expect(out.contains { $0.isNaN } == (row == 7), "\(row)")
            #expect(back.contains { !$0.isFinite } == (row == 8), "\(row)")
        }
    }

    /// All but products is the matrix itself.
    @Test func valuesStayAsTheyAre() throws {
        let plain = try Self.matrix(20, 64, "Q8_0")
        let weight = BFloat16Products(plain)
        #expect(weight.format == "Q8_0" && weight.rows == 20 && weight.columns == 64)
        #expect(weight.dense().values == plain.dense().values)
        let (out, expected) = (Matrix(rows: 2, columns: 64), Matrix(rows: 2, columns: 64))
        weight.gather([3, 19], into: out, adding: false, pool: BufferPool())
        plain.gather([3, 19], into: expected, adding: false, pool: BufferPool())
        #expect(out.values == expected.values)
        #expect(weight.productMemory(isBackward: true) == .none)
    }

    /// Two bytes a weight and direction, columns in panels of 64; mapped values leave memory.
    @Test func memoryIsHalfOfFloat32s() {
        let own = BFloat16Products(Float32Weight(Matrix(rows: 128, columns: 64)))
        #expect(own.productMemory(isBackward: false).bytes == 2 * 128 * 64)
        #expect(own.productMemory(isBackward: true).bytes == 2 * 2 * 128 * 64)
        let raw = WeightBytes(copying: [UInt8](repeating: 0, count: 4 * 128 * 64))
        let mapped = WeightBytes(raw.raw, of: raw.owner, release: {})
        let format = WeightFormat.named("F32")
        let weight = format.map { BFloat16Products($0.open(rows: 128, columns: 64, mapped)) }
        #expect(weight?.productMemory(isBackward: true).bytes == 0)
        #expect(weight?.productMemory(isBackward: true).kernels == [])
    }
}
