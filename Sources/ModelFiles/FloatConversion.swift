/// Conversions to Float32 from the little-endian elements of a file, which need not be aligned.
enum FloatConversion {
    typealias Destination = UnsafeMutableBufferPointer<Float>

    /// Exact. Done by integer operations: without F16C, which baseline x86-64 lacks, `Float(Float16)` is a
    /// call.
    @inline(__always)
    static func float(half bits: UInt16) -> Float {
        let sign = UInt32(bits & 0x8000) << 16
        let exponent = UInt32(bits >> 10 & 0x1F)
        let mantissa = UInt32(bits & 0x3FF)
        switch exponent {
        case 0:
            let magnitude = Float(mantissa) * 0x1p-24
            return Float(bitPattern: sign | magnitude.bitPattern)
        case 0x1F: return Float(bitPattern: sign | 0x7F80_0000 | mantissa << 13)
        default: return Float(bitPattern: sign | (exponent + 112) << 23 | mantissa << 13)
        }
    }

    static func fromFloat16(_ source: UnsafeRawBufferPointer, into destination: Destination) {
        for at in destination.indices {
            let bits = UInt16(littleEndian: source.loadUnaligned(fromByteOffset: 2 * at, as: UInt16.self))
            destination[at] = float(half: bits)
        }
    }

    /// Exact: a BF16 is the upper half of a Float32.
    static func fromBFloat16(_ source: UnsafeRawBufferPointer, into destination: Destination) {
        for at in destination.indices {
            let bits = UInt16(littleEndian: source.loadUnaligned(fromByteOffset: 2 * at, as: UInt16.self))
            destination[at] = Float(bitPattern: UInt32(bits) << 16)
        }
    }

    /// Rounds to nearest. Returns the index of the first finite value that Float32 cannot hold, if any.
    static func fromFloat64(_ source: UnsafeRawBufferPointer, into destination: Destination) -> Int? {
        var firstOverflow: Int?
        for at in destination.indices {
            let bits = UInt64(littleEndian: source.loadUnaligned(fromByteOffset: 8 * at, as: UInt64.self))
            let value = Double(bitPattern: bits)
            destination[at] = Float(value)
            if firstOverflow == nil, value.isFinite, !destination[at].isFinite { firstOverflow = at }
        }
        return firstOverflow
    }
}
