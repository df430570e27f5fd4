import CVectorKernels
import GoldenFiles
import Matrices
import ModelFiles
import Testing

/// Float32 values packed into formats: the bytes of ggml's reference code.
@Suite struct PackingTests {
    private static func packed(_ values: [Float], rows: Int, _ format: WeightFormat) throws -> [UInt8] {
        let pack = try #require(format.pack)
        let columns = values.count / rows
        let count = try #require(format.byteCount(rows: rows, columns: columns))
        // One byte more shows what is written beyond the end, and one before that nothing need be aligned.
        var bytes = [UInt8](repeating: 0xA5, count: count + 2)
        try values.withUnsafeBufferPointer { values in
            try bytes.withUnsafeMutableBytes { out in
                pack(try #require(values.baseAddress), rows, columns, try #require(out.baseAddress) + 1)
            }
        }
        #expect(bytes.first == 0xA5 && bytes.last == 0xA5)
        return Array(bytes[1...count])
    }

    @Test(arguments: ["F16", "BF16", "Q8_0"]) func bytesAreThoseOfGGMLsPythonPackage(name: String) throws {
        let golden = try Golden.tensors("weights/formats.safetensors")
        let format = try #require(WeightFormat.named(name))
        #expect(try Self.packed(golden.floats("values"), rows: 12, format) == golden.bytes(name))
    }

    @Test(arguments: ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q4_K", "Q5_K", "Q6_K"])
    func blocksAreThoseOfGGML(name: String) throws {
        let golden = try Golden.tensors("weights/packed.safetensors")
        let format = try #require(WeightFormat.named(name))
        let bytes = try Self.packed(golden.floats("values"), rows: 14, format)
        let expected = try golden.bytes(name)
        let size = format.blockBytes
        let wrong = stride(from: 0, to: expected.count, by: size).filter {
            bytes[$0..<$0 + size] != expected[$0..<$0 + size]
        }
        #expect(bytes.count == expected.count && wrong.isEmpty, "blocks \(wrong.map { $0 / size })")
    }

    /// What rounding unit normals costs, as ggml's own quantiser was measured on a million of them; a tenth more or less for
    /// the 65,536 here.
    @Test(arguments: [
        ("Q8_0", 0.0053), ("Q6_K", 0.018), ("Q5_K", 0.036), ("Q4_K", 0.071), ("Q5_1", 0.038), ("Q4_1", 0.078),
        ("Q4_0", 0.086), ("BF16", 0.0017), ("F16", 0.0002),
    ])
    func packingCosts(name: String, expected: Double) throws {
        let values = normalValues(1 << 16, seed: 82)
        let format = try #require(WeightFormat.named(name))
        let matrix = format.open(
            rows: 64, columns: 1024, WeightBytes(copying: try Self.packed(values, rows: 64, format)))
        var error = PackingError()
        values.withUnsafeBufferPointer { error.add(matrix, from: $0) }
        #expect(abs(error.relative / expected - 1) < 0.1, "\(error.relative)")
    }

    @Test func float32IsCopied() throws {
        let values = normalValues(40, seed: 80)
        let format = try #require(WeightFormat.named("F32"))
        #expect(try Self.packed(values, rows: 5, format) == PackedValues.packed(values, "F32"))
    }

    /// Swift's own Float16 is the reference: every half, what lies between two of them, and one step around both.
    @Test func halvesRoundToTheNearest() {
        var values: [Float] = []
        for bits in UInt16(0)..<0x7C00 {
            let (half, next) = (Float(Float16(bitPattern: bits)), Float(Float16(bitPattern: bits).nextUp))
            let middle = bits == 0x7BFF ? 65_520 : (half + next) / 2
            for value in [half, middle] { values += [value, value.nextUp, value.nextDown] }
        }
        values += values.map { -$0 } + [.infinity, -.infinity, .greatestFiniteMagnitude, 1e-40]
        var halves = [UInt16](repeating: 0, count: values.count)
        avk_to_float16(values, &halves, values.count)
        let wrong = zip(values, halves).filter { Float16($0).bitPattern != $1 }
        #expect(wrong.isEmpty, "\(wrong.prefix(3))")
        avk_to_float16([.nan, -.nan], &halves, 2)
        #expect(Array(halves[..<2]) == [0x7E00, 0xFE00])
    }

    @Test func bfloatsRoundToTheNearestAndKeepNaN() {
        // Halfway to an even and to an odd neighbour, above halfway, the largest, infinities; a NaN of low bits alone.
        let bits: [UInt32] = [
            0x3F80_8000, 0x3F81_8000, 0x3F80_8001, 0x7F7F_FFFF, 0x7F80_0000, 0xFF80_0000, 0x7F80_0001,
        ]
        var halves = [UInt16](repeating: 0, count: bits.count)
        avk_to_bfloat16(bits.map(Float.init(bitPattern:)), &halves, bits.count)
        #expect(halves == [0x3F80, 0x3F82, 0x3F81, 0x7F80, 0x7F80, 0xFF80, 0x7FC0])
    }

    /// Nothing crashes or is left unwritten, whatever the values are; finite blocks beside bad ones are as ever.
    @Test(arguments: WeightFormat.all.filter { $0.pack != nil }.map(\.name))
    func valuesThatAreNotFiniteDoNoHarm(name: String) throws {
        let format = try #require(WeightFormat.named(name))
        let columns = 2 * max(format.blockWeights, 32)
        let good = normalValues(columns, seed: 81)
        let expected = try Self.packed(good, rows: 1, format)
        let bad: [Float] = [
            .nan, .infinity, -.infinity, .greatestFiniteMagnitude, -.greatestFiniteMagnitude, 1e-44, 1e-39,
        ]
        for value in bad {
            for count in [1, columns / 2] {
                var values = good
                values.replaceSubrange(0..<count, with: Array(repeating: value, count: count))
                let bytes = try Self.packed(values, rows: 1, format)
                #expect(bytes[(bytes.count / 2)...] == expected[(expected.count / 2)...], "\(value)")
                let matrix = format.open(rows: 1, columns: columns, WeightBytes(copying: bytes))
                if abs(value) < 1e-38 && name != "F32" {
                    #expect(matrix.isFinite, "\(value)")
                    #expect(abs(matrix.dense().values[0]) < 0.5, "\(value)")
                }
                // Too large for every format: seen, not turned into something else.
                if abs(value) == .greatestFiniteMagnitude && name != "F32" {
                    #expect(!matrix.isFinite, "\(value)")
                }
            }
        }
    }

    /// By hand: weights 1, 2, 2 of values 1, 2, 4 err by 2 in √21.
    @Test func relativeErrorByHand() {
        var error = PackingError()
        #expect(error.relative == 0)
        let values: [Float] = [1, 2, 4]
        values.withUnsafeBufferPointer { values in
            error.add(Float32Weight(Matrix(rows: 1, columns: 3, values: [1, 2, 2])), from: values)
        }
        #expect(abs(error.relative - 2 / 21.0.squareRoot()) < 1e-15)
        values.withUnsafeBufferPointer { error.add($0, from: $0) }
        #expect(abs(error.relative - 2 / 42.0.squareRoot()) < 1e-15)
        var ofZeros = PackingError()
        [Float(0)].withUnsafeBufferPointer { zeros in
            ofZeros.add(zeros, from: zeros)
            #expect(ofZeros.relative == 0)
            [Float(1)].withUnsafeBufferPointer { ofZeros.add($0, from: zeros) }
        }
        #expect(ofZeros.relative == .infinity)
    }
}
