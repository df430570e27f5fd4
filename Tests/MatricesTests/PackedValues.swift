import Matrices
import Testing

/// Weights as the formats have them: values rounded to nearest, or arbitrary blocks.
enum PackedValues {
    /// Where the half-precision scales of a block of ggml stand, and of what size they are for weights of order 1.
    static let scales: [String: (places: [Int], size: Double)] = [
        "Q4_0": ([0], 0.2), "Q4_1": ([0, 2], 0.1), "Q5_0": ([0], 0.1), "Q5_1": ([0, 2], 0.05),
        "Q2_K": ([80, 82], 0.05), "Q3_K": ([108], 0.02), "Q4_K": ([0, 2], 0.002), "Q5_K": ([0, 2], 0.001),
        "Q6_K": ([208], 0.0005), "Q8_0": ([0], 0.01), "IQ4_NL": ([0], 0.01), "IQ4_XS": ([0], 0.0005),
    ]

    /// Q8_0 as ggml quantises it: d = largest magnitude / 127 in half precision, q = round(value / d), halves away from 0.
    static func quantised(_ values: [Float]) -> [UInt8] {
        var bytes: [UInt8] = []
        for start in stride(from: 0, to: values.count, by: 32) {
            let block = values[start..<(start + 32)]
            let d = block.reduce(0) { max($0, abs($1)) } / 127
            bytes += self.bytes(Float16(d).bitPattern)
            let inverse = d == 0 ? 0 : 1 / d
            bytes += block.map { UInt8(bitPattern: Int8(($0 * inverse).rounded(.toNearestOrAwayFromZero))) }
        }
        return bytes
    }

    /// The bytes of values in a format, rounded to nearest.
    static func packed(_ values: [Float], _ format: String) throws -> [UInt8] {
        switch format {
        case "F32": return values.flatMap { bytes($0.bitPattern) }
        case "F16": return values.flatMap { bytes(Float16($0).bitPattern) }
        case "BF16":
            return values.flatMap { value in
                let bits = value.bitPattern
                return bytes(UInt16((bits + 0x7FFF + (bits >> 16 & 1)) >> 16))
            }
        default:
            try #require(format == "Q8_0")
            return quantised(values)
        }
    }

    static func bytes(_ value: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }

    /// A matrix of about unit normals, or for formats that ggml alone packs of arbitrary blocks of that order.
    static func random(_ rows: Int, _ columns: Int, _ format: String, seed: UInt64) throws -> [UInt8] {
        let kind = try #require(WeightFormat.named(format))
        guard kind.blockWeights > 1, format != "Q8_0" else {
            return try packed(normalValues(rows * columns, seed: seed), format)
        }
        var stream = RandomStream(seed: seed, purpose: "blocks")
        let count = try #require(kind.byteCount(rows: rows, columns: columns))
        var bytes = (0..<count).map { _ in UInt8(truncatingIfNeeded: stream.next()) }
        for start in stride(from: 0, to: count, by: kind.blockBytes) {
            guard format != "MXFP4" else {
                bytes[start] = 124 + bytes[start] % 3
                continue
            }
            let scales = try #require(scales[format])
            for place in scales.places {
                let scale = Float16(stream.normal() * scales.size)
                bytes.replaceSubrange(start + place..<start + place + 2, with: self.bytes(scale.bitPattern))
            }
        }
        return bytes
    }

    /// Where a block can hold what is not a number, and the bytes of some such values there.
    static func notFinite(_ format: String) throws -> [(place: Int, bytes: [UInt8])] {
        let values: [Float] = [.infinity, -.infinity, .nan]
        switch format {
        case "F32": return values.map { (0, bytes($0.bitPattern)) }
        case "BF16": return values.map { (0, bytes(UInt16($0.bitPattern >> 16))) }
        case "F16": return values.map { (0, bytes(Float16($0).bitPattern)) }
        case "MXFP4": return [(0, [255])]
        default:
            return try #require(scales[format]).places.flatMap { place in
                values.map { (place, bytes(Float16($0).bitPattern)) }
            }
        }
    }
}
