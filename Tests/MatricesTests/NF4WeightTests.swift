import CVectorKernels
import GoldenFiles
import Matrices
import ModelFiles
import Testing

/// bitsandbytes' formats: the bits that it unpacks to, and its bytes of packed values.
@Suite struct NF4WeightTests {
    /// Rows begin within blocks; the last block is short, the number of weights odd; types that weights had before.
    private static let cases: [(name: String, block: Int, rounding: NF4Rounding)] = [
        ("plain", 64, .none), ("double", 32, .none), ("bfloat16", 64, .bfloat16), ("float16", 128, .float16),
    ]

    private struct Case {
        let values: [Float]
        let rows: Int
        let columns: Int
        let codes: [UInt8]
        let weight: NF4Weight
        let unpacked: [Float]
    }

    /// - Parameter offset: bytes before each of the tensors.
    private static func opened(_ name: String, offset: Int = 0) throws -> Case {
        let golden = try Golden.tensors("weights/nf4.safetensors")
        let kind = try #require(cases.first { $0.name == name })
        let shape = try #require(golden.info(name + ".values")).shape
        func bytes(_ part: String) throws -> WeightBytes {
            let copy = WeightBytes(
                copying: Array(repeating: 0xAA, count: offset) + (try golden.bytes("\(name).\(part)")))
            return WeightBytes(
                UnsafeRawBufferPointer(rebasing: copy.raw[offset...]), of: copy.owner, release: {})
        }
        let scales: NF4Scales
        if golden.info(name + ".offset") == nil {
            scales = NF4Scales(try bytes("absmax"))
        } else {
            scales = NF4Scales(
                NF4Scales.Packed(
                    codes: try bytes("absmax"), scales: try bytes("nested_absmax"),
                    map: try golden.floats(name + ".nested_quant_map"),
                    offset: try golden.floats(name + ".offset")[0]))
        }
        return Case(
            values: try golden.floats(name + ".values"), rows: shape[0], columns: shape[1],
            codes: try golden.bytes(name + ".codes"),
            weight: NF4Weight(
                rows: shape[0], columns: shape[1], codes: try bytes("codes"), scales: scales,
                blockWeights: kind.block, rounding: kind.rounding),
            unpacked: try golden.floats(name + ".unpacked"))
    }

    @Test(arguments: cases.map(\.name), [0, 1, 3]) func unpacksToTheBitsOfBitsAndBytes(
        name: String, offset: Int
    ) throws {
        let opened = try Self.opened(name, offset: offset)
        #expect(opened.weight.format == "NF4" && opened.weight.isFinite)
        #expect(opened.weight.dense().values.map(\.bitPattern) == opened.unpacked.map(\.bitPattern))
        #expect(opened.weight.releasePages() >= opened.codes.count)
        // Rows in the middle, which begin at either half of a byte.
        for first in 0..<opened.rows - 1 {
            var rows = [Float](repeating: .nan, count: 2 * opened.columns + 1)
            rows.withUnsafeMutableBufferPointer { buffer in
                if let base = buffer.baseAddress { opened.weight.unpack(first..<first + 2, into: base) }
            }
            let expected = opened.unpacked[(first * opened.columns)..<((first + 2) * opened.columns)]
            #expect(Array(rows.dropLast()) == Array(expected) && rows.last?.isNaN == true)
        }
    }

    /// Parts that begin and end anywhere, against a loop over the single weights, to the bit.
    @Test func partsOfAnyPlaceAndLength() throws {
        let levels = NF4Weight.levels
        let codes = (0..<400).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ $0 / 3) }
        let scales = normalValues(30, seed: 95)
        for block in [32, 64, 128] {
            for first in [0, 1, 15, 31, 32, 33, 63, 64, 127, 200] {
                for count in Array(0..<40) + [63, 64, 65, 97, 200, 333] {
                    var out = [Float](repeating: .nan, count: count + 1)
                    avk_from_nf4(codes, first, scales, block, &out, count)
                    let expected = (first..<first + count).map { place in
                        let code = place.isMultiple(of: 2) ? codes[place / 2] >> 4 : codes[place / 2] & 15
                        return levels[Int(code)] * scales[place / block - first / block]
                    }
                    #expect(
                        out.dropLast().map(\.bitPattern) == expected.map(\.bitPattern)
                            && out.last?.isNaN == true,
                        "\(count) weights from \(first) on, blocks of \(block)")
                }
            }
        }
    }

    /// Scales whose blocks begin and end anywhere.
    @Test func scalesOfAnyPlaceAndLength() throws {
        let codes = (0..<300).map { UInt8(truncatingIfNeeded: $0 &* 91) }
        let map = normalValues(256, seed: 96)
        let tops = normalValues(40, seed: 97)
        for block in [1, 7, 64, 256] {
            for first in [0, 1, 6, 7, 63, 255] where (first + 44) / block < 40 {
                for count in [0, 1, 5, 16, 44] {
                    var out = [Float](repeating: .nan, count: count + 1)
                    avk_nf4_scales(codes, map, tops, first, block, 0.25, &out, count)
                    let expected = (first..<first + count).map {
                        map[Int(codes[$0])] * tops[$0 / block] + 0.25
                    }
                    #expect(
                        out.dropLast().map(\.bitPattern) == expected.map(\.bitPattern)
                            && out.last?.isNaN == true, "\(count) scales from \(first) on, blocks of \(block)"
                    )
                }
            }
        }
    }

    /// More blocks than are unpacked at once, rows longer than a tile's share.
    @Test func manyBlocksAndProducts() throws {
        let (rows, columns) = (37, 2050)
        let values = normalValues(rows * columns, seed: 90)
        let (codes, scales) = values.withUnsafeBufferPointer { NF4Packing.pack($0, blockWeights: 32) }
        for packed in [NF4Scales(bytes(scales)), NF4Scales(NF4Packing.packScales(scales))] {
            let weight = NF4Weight(
                rows: rows, columns: columns, codes: WeightBytes(copying: codes), scales: packed,
                blockWeights: 32)
            let dense = weight.dense()
            var error = PackingError()
            values.withUnsafeBufferPointer { error.add(weight, from: $0) }
            // About 0.085 on unit normals in blocks of 32.
            #expect(abs(error.relative - 0.085) < 0.005, "\(error.relative)")
            let (x, g) = (normalMatrix(3, columns, seed: 91), normalMatrix(3, rows, seed: 92))
            let (out, expected) = (Matrix(rows: 3, columns: rows), Matrix(rows: 3, columns: rows))
            let (back, expectedBack) = (Matrix(rows: 3, columns: columns), Matrix(rows: 3, columns: columns))
            let pool = BufferPool()
            weight.multiplyTransposed(x, into: out, adding: false, pool: pool)
            Product.multiplyTransposed(x, dense, into: expected)
            weight.multiply(g, into: back, adding: false, pool: pool)
            Product.multiply(g, dense, into: expectedBack)
            // Sums of 2,050 products in another order, over the largest of them.
            #expect(relativeError(out.values, expected.values) < 1e-5)
            #expect(relativeError(back.values, expectedBack.values) < 1e-5)
            let picked = Matrix(rows: 2, columns: columns)
            weight.gather([36, 3], into: picked, adding: false, pool: pool)
            #expect(picked.values == Array(dense.rows(36..<37).values + dense.rows(3..<4).values))
        }
    }

    @Test(arguments: cases.map(\.name)) func packsToTheBytesOfBitsAndBytes(name: String) throws {
        let opened = try Self.opened(name)
        let golden = try Golden.tensors("weights/nf4.safetensors")
        let (codes, scales) = opened.values.withUnsafeBufferPointer {
            NF4Packing.pack($0, blockWeights: opened.weight.blockWeights)
        }
        #expect(codes == opened.codes)
        let count = scales.count
        guard golden.info(name + ".offset") != nil else {
            #expect(try scales == golden.floats(name + ".absmax"))
            return
        }
        let packed = NF4Packing.packScales(scales)
        // Means of sums in another order; values of the map computed in Float64.
        #expect(abs(packed.offset - (try golden.floats(name + ".offset")[0])) < 1e-6)
        #expect(relativeError(packed.map, try golden.floats(name + ".nested_quant_map")) < 1e-6)
        #expect(
            relativeError(Self.floats(packed.scales), try golden.floats(name + ".nested_absmax")) < 1e-6)
        let expected = try golden.bytes(name + ".absmax")
        let own = Array(packed.codes.raw)
        // The same, or the neighbour where both are as near.
        #expect(own.count == count && zip(own, expected).allSatisfy { abs(Int($0) - Int($1)) <= 1 })
        #expect(zip(own, expected).count { $0 != $1 } <= count / 50)
    }

    /// Parts of whole blocks give what the whole gives.
    @Test func partsArePackedAsTheWhole() {
        let values = normalValues(64 * 5 + 11, seed: 93)
        let whole = values.withUnsafeBufferPointer { NF4Packing.pack($0) }
        let parts = [values[..<128], values[128...]].map { part in
            Array(part).withUnsafeBufferPointer { NF4Packing.pack($0) }
        }
        #expect(parts.flatMap(\.codes) == whole.codes && parts.flatMap(\.scales) == whole.scales)
        #expect(whole.codes.count == 166 && whole.scales.count == 6)
    }

    @Test func whatIsNotFiniteIsSeen() throws {
        for bad in [Float.nan, .infinity, -.infinity] {
            for place in [0, 2] {
                var scales: [Float] = [1, 2, 3]
                scales[place] = bad
                // Codes of the level 0 alone.
                let codes = [UInt8](repeating: 0x77, count: 75)
                let weight = NF4Weight(
                    rows: 3, columns: 50, codes: WeightBytes(copying: codes),
                    scales: NF4Scales(bytes(scales)))
                #expect(!weight.isFinite, "\(bad) at \(place)")
                // Nothing crashes where such values are packed.
                let values = Array(repeating: bad, count: 70)
                #expect(values.withUnsafeBufferPointer { NF4Packing.pack($0) }.codes.count == 35)
                #expect(NF4Packing.packScales(scales).codes.count == 3)
            }
        }
    }

    @Test func bytesOfOtherSizesTrap() async {
        await #expect(processExitsWith: .failure) {
            _ = NF4Weight(
                rows: 3, columns: 5, codes: WeightBytes(copying: [1, 2, 3, 4, 5, 6, 7]),
                scales: NF4Scales(WeightBytes(copying: [0, 0, 0, 0])))
        }
    }

    @Test func int8UnpacksToTheBitsOfBitsAndBytes() throws {
        let golden = try Golden.tensors("weights/nf4.safetensors")
        let scales = Array(repeating: UInt8(7), count: 1) + (try golden.bytes("int8.scales"))
        let shifted = WeightBytes(copying: scales)
        let weight = Int8RowWeight(
            rows: 6, columns: 40, WeightBytes(copying: try golden.bytes("int8.codes")),
            scales: WeightBytes(UnsafeRawBufferPointer(rebasing: shifted.raw[1...]), of: shifted.owner))
        #expect(try weight.dense().values == golden.floats("int8.unpacked"))
        #expect(weight.format == "INT8" && weight.isFinite)
        let nan = Int8RowWeight(
            rows: 1, columns: 2, WeightBytes(copying: [0, 0]), scales: bytes([Float.nan]))
        #expect(!nan.isFinite)
    }

    private func bytes(_ values: [Float]) -> WeightBytes {
        WeightBytes(copying: values.withUnsafeBytes { Array($0) })
    }

    private static func floats(_ bytes: WeightBytes) -> [Float] {
        (0..<bytes.count / 4).map { bytes.raw.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
    }
}
